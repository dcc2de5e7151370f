/**
 * The published shapes in pages that use nothing of this repository but the files of the package: the host-free entry as ES modules, in
 * Shaka Player by a response filter, and the one file for a script tag, beside hls.js and video.js.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "../frames.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE } from "./catalog.ts";
import { playPast } from "./page.ts";
import { answerPublished } from "./published.ts";
import { startWorld, type World } from "./world.ts";

const ROOT = join(import.meta.dirname, "../..");

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
  await answerPublished(world);
  for (const file of ["master.m3u8", "180.m3u8", "360.m3u8"]) {
    const text = await (await fetch(new URL(file, world.contentUrl("ts")))).text();
    const body = text.replaceAll(/^(?!#)(?=.*\.ts$)/gm, "/media/ts/");
    world.answer(`/content/${file}`, { body, type: "application/vnd.apple.mpegurl" });
  }
});
test.afterAll(() => world.close());

const AD = ADS.a;
/** Seconds: the film is a stock ffmpeg's, whose picture begins behind its sound. */
const DRIFT = 0.3;

/** Plays the pre-roll and a second of the film; the frames recorded since the page was there. */
async function playExample(page: Page, name: string): Promise<void> {
  world.answer("/page/", { body: await readFile(join(ROOT, "e2e/examples", name), "utf8"), type: "text/html" });
  world.answerVast("/ads/vast", { ad: "a", id: name });
  await page.goto(world.pageUrl.href);
  await recordFrames(page);
  await playPast(page, AD.duration + 1);
}

async function expectPreRoll(page: Page, name: string): Promise<void> {
  const runs = groupRuns(await shownFrames(page));
  expect(runs.map(({ source }) => source)).toEqual([AD.source, CONTENT_SOURCE]);
  for (const [index, start] of [0, AD.duration].entries()) {
    const frames = runs[index]?.frames ?? [];
    expect(frames.length).toBeGreaterThan(FRAME_RATE / 2);
    for (const { frame, mediaTime } of frames)
      expect(Math.abs(mediaTime - start - frame / FRAME_RATE)).toBeLessThan(DRIFT);
  }
  const quartiles = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
  const events = (): readonly string[] => world.beacons(name).map(({ event }) => event);
  await expect.poll(events).toContain("complete");
  expect(events().filter((event) => quartiles.includes(event))).toEqual(quartiles);
  expect(events().filter((event) => event === "impression")).toHaveLength(1);
}

test("an MP4 ad whose copy is on the CDN is a pre-roll in Shaka Player, before the film's first frame, and is tracked", async ({
  page,
}) => {
  await playExample(page, "shaka.html");
  await expectPreRoll(page, "shaka.html");
});

for (const name of ["script-tag.html", "script-tag-videojs.html"]) {
  test(`${name}: a page with two script tags has it too`, async ({ page }) => {
    await playExample(page, name);
    await expectPreRoll(page, name);
    expect(world.requests.filter(({ path }) => path.startsWith("/lib/")).at(-1)?.path).toBe("/lib/interlude.min.js");
  });
}
