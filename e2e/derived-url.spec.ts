/** The address of a repackaged copy is derived in the page, also where the browser offers no `crypto.subtle`. */
import { createHash } from "node:crypto";
import { expect, test } from "@playwright/test";
import { expectStep, openDemo, stepUrl, watch } from "./demo-page.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude({ INTERLUDE_CRS: "off", INTERLUDE_PUBLIC_HOSTS: "*" });
});
test.afterAll(() => server.stop());

function hash(...fields: readonly string[]): string {
  const text = fields.map((field) => `${Buffer.byteLength(field)}:${field},`).join("");
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

for (const host of ["127.0.0.1", "interlude.test"]) {
  test(`a page on http://${host} asks the CDN at the address that anyone can derive`, async ({ page }) => {
    const base = new URL(server.url);
    base.hostname = host;
    await openDemo(page, base, { creative: "mp4" });
    expect(await page.evaluate(() => [isSecureContext, typeof crypto.subtle])).toEqual(
      host === "127.0.0.1" ? [true, "object"] : [false, "undefined"],
    );
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await watch(page);
    await expectStep(page, 4, "failed", { part: "b" });
    expect((await stepUrl(page, 4)).hostname).toBe(host);
    const key = hash("1", new URL("/media/creatives/mp4.mp4", base).href);
    expect(asked).toContain(`/cdn/a/1/${key.slice(0, 3)}/${key.slice(3, 6)}/${key}_${hash("hls", "4")}.m3u8`);
  });
}
