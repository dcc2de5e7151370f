/** Several CDNs: `ptcdn` names the one that is asked, and a copy that is only on another one is no copy. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { CONTENT_SOURCE, expectStep, openDemo, playPast, sourceOf, stepUrl, watch } from "./demo-page.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async ({ browser }) => {
  server = await startInterlude();
  const page = await browser.newPage();
  await openDemo(page, server.url, { creative: "mp4", cdn: "b" });
  await watch(page);
  await expectStep(page, 6, "done");
  await page.close();
  await rm(join(server.state, "cdn/a"), { recursive: true });
});
test.afterAll(() => server.stop());

test("ptcdn=b splices the copy that CDN b alone has", async ({ page }) => {
  await openDemo(page, server.url, { creative: "mp4", cdn: "b" });
  await watch(page);
  await recordFrames(page);
  await expectStep(page, 4, "done", { part: "a", status: "200" });
  expect((await stepUrl(page, 4)).pathname).toMatch(/^\/cdn\/b\//);
  await playPast(page, 2);
  expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([sourceOf("mp4")]);
});

test("ptcdn=a finds none and skips", async ({ page }) => {
  await openDemo(page, server.url, { creative: "mp4", cdn: "a" });
  await watch(page);
  await recordFrames(page);
  await expectStep(page, 4, "done", { part: "b" });
  await expect(page.locator('#breaks [data-break="pre"]')).toHaveAttribute("data-state", "skipped");
  await playPast(page, 2);
  expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([CONTENT_SOURCE]);
});

test("a name that the zone does not have is a clear error at set-up, and the content plays", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await openDemo(page, server.url, { creative: "mp4", cdn: "akamai" });
  await watch(page);
  await recordFrames(page);
  await expect(page.locator("#story")).toContainText('ptcdn: expected one of a, b, got "akamai"');
  await playPast(page, 2);
  expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([CONTENT_SOURCE]);
  expect(asked.filter((path) => path.startsWith("/cdn/"))).toEqual([]);
});
