/** Live: an avail that a cue signals is replaced, and the viewer stays as far behind the edge as before. */
import { expect, test } from "@playwright/test";
import { CONTENT_SOURCE, expectStep, openDemo, sourceOf, watch } from "./demo-page.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

const SEGMENT = 4;
const AVAIL = 12;
const FRAME_RATE = 25;
const POD = 10;

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

test("an avail's content gives way to the pod, and the film comes back at the boundary nearest to the pod's end", async ({
  page,
}) => {
  const now = Math.floor(Date.now() / 1000);
  const channel = new URLSearchParams({ start: String(now - 600), every: "600", offset: "4", length: String(AVAIL) });
  await page.route("**/live/master.m3u8", async (route) => {
    const { href } = new URL(`/live/master.m3u8?${channel}`, server.url);
    await route.fulfill({ response: await route.fetch({ url: href }) });
  });
  await openDemo(page, server.url, { content: "live", creative: "hls" });
  await recordFrames(page);
  await watch(page);
  await expectStep(page, 3, "done", { part: "a" });
  await page.waitForFunction(() => document.querySelector("#player")?.getAttribute("data-state") === "ad", undefined, {
    timeout: 60_000,
  });
  await page.waitForFunction(() => document.querySelector("#player")?.getAttribute("data-state") === "content");
  await page.waitForFunction(
    (after) => (document.querySelector("video")?.currentTime ?? 0) > after,
    await page.evaluate(() => (document.querySelector("video")?.currentTime ?? 0) + 1),
  );

  const runs = groupRuns(await shownFrames(page));
  expect(runs.map((run) => run.source)).toEqual([CONTENT_SOURCE, sourceOf("hls"), CONTENT_SOURCE]);
  const [before, ad, after] = runs;
  expect(ad?.frames[0]?.frame).toBeLessThan(FRAME_RATE / 4);
  expect(ad?.frames.at(-1)?.frame).toBeGreaterThan(POD * FRAME_RATE - FRAME_RATE / 4);
  const [last, next] = [before?.frames.at(-1)?.frame ?? 0, after?.frames[0]?.frame ?? 0];
  const film = 60 * FRAME_RATE;
  const replaced = ((((next - last) % film) + film) % film) / FRAME_RATE;
  expect(Math.abs(replaced - POD)).toBeLessThanOrEqual(SEGMENT / 2 + 0.25);
  const frames = runs.flatMap((run) => run.frames);
  const gaps = frames.map((frame, i) => frame.displayTime - (frames[i - 1] ?? frame).displayTime);
  expect(Math.max(...gaps), "milliseconds without a new frame").toBeLessThan(1000);
});
