/** What a request changes, and what it leaves alone. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RepackageRequestInput } from "../../src/crs/crs.ts";
import {
  type MediaServer,
  startCrs,
  startMediaServer,
  startServer,
  type TestCrs,
  type TestCrsOptions,
} from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let hanging: MediaServer;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  hanging = await startServer(() => undefined);
});
afterAll(async () => {
  await media.close();
  await hanging.close();
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(config: TestCrsOptions["config"] = {}): Promise<TestCrs> {
  const crs = await startCrs({ allow: [media, hanging], config });
  open.push(crs);
  return crs;
}

const request = (url: URL, more: Partial<RepackageRequestInput> = {}): RepackageRequestInput => ({
  zone: "1",
  creativeUrl: url.href,
  packaging: "hls",
  targetDuration: 6,
  ...more,
});

describe("a full queue", () => {
  test("refuses what is to be made, and lets a ready creative be whose source alone is to be looked at", async () => {
    const { crs, repackage, waitFor } = await start({ queueLimit: 1, revalidateMs: 1 });
    const url = new URL("stale/short.mp4", media.base);
    const made = await repackage(url);
    const { key } = await crs.submit(request(new URL("1.mp4", hanging.base)));
    await waitFor(key, ({ state }) => state === "fetching");
    await crs.submit(request(new URL("2.mp4", hanging.base)));

    expect(await crs.submit(request(url))).toMatchObject({ before: "ready", status: { state: "ready" } });
    await expect(crs.submit(request(url, { targetDuration: 4 }))).rejects.toMatchObject({ code: "queue-full" });
    expect(await crs.status("1", made.key)).toMatchObject({ state: "ready", packages: made.packages });
  });
});
