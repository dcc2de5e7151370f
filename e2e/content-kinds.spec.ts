/** Every kind of content with an ad in its middle: what was on screen, and that the content goes on where it was left. */
import { test } from "@playwright/test";
import { ADS, CONTENT_SOURCE } from "./plugin-catalog.ts";
import { expectRuns, openPlayer, playPast, seekTo, waitForEvent } from "./plugin-page.ts";
import { recordFrames } from "./frames.ts";
import { startWorld, type World } from "./plugin-world.ts";

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

test("ts: a mid-roll is on screen whole, and the film goes on at the very next frame", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
  await openPlayer(page, world, { content: "ts", options: { adTagUrl } });
  await waitForEvent(page, "timeline");
  await playPast(page, 0.2);
  await seekTo(page, 6.5);
  await recordFrames(page);
  await playPast(page, 13);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: 199 },
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 200 },
  ]);
});
