/**
 * Six of the thirty creatives at their first encounter, with CRS switched off, wherever an ad can stand: before the content and in it, VOD
 * and live, hls.js and video.js.
 *
 * @see DESIGN §4 step 4
 */
import { expect, test } from "@playwright/test";
import type { AdInsertionOptions } from "@interlude/plugin/hls";
import { selectCells } from "../matrix.ts";
import { CONTENT_SOURCE, FRAME_RATE, SEGMENT } from "../plugin/catalog.ts";
import { errors, type ExpectedRun, expectRuns, openPlayer, playPast, waitForEvent } from "../plugin/page.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { answerCold, COLD_AD, expectAccounted } from "./cold.ts";
import { CREATIVE_DURATION, CREATIVE_SOURCE, findCreative } from "./creatives.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

/** Tables first and last, no sound, HE-AAC, fragments, and another muxer's. */
const CREATIVES = [
  "01-pyramid.mp4",
  "02-moov-last.mp4",
  "08-he-aac.mp4",
  "09-no-sound.mp4",
  "12-fragmented.mp4",
  "26-gst-quicktime.mov",
].map(findCreative);
const WHOLE: ExpectedRun = { source: CREATIVE_SOURCE, from: 0, to: CREATIVE_DURATION * FRAME_RATE - 1 };
/** Seconds: a viewer who has just begun is not held for it. */
const MID = 12;
/** Segments of the channel that are listed when the viewer comes; the next one begins an avail. */
const LISTED = 7;
/** Seconds. */
const AVAIL = LISTED * SEGMENT;

interface Place {
  readonly content: "ts" | "live";
  readonly options: (adTagUrl: string) => Partial<AdInsertionOptions>;
  readonly runs: readonly ExpectedRun[];
}

const PLACES = {
  "VOD, pre-roll": {
    content: "ts",
    options: (adTagUrl) => ({ adTagUrl }),
    runs: [WHOLE, { source: CONTENT_SOURCE, from: 0 }],
  },
  "VOD, mid-roll": {
    content: "ts",
    options: (adTagUrl) => ({ breaks: [{ id: "mid", time: MID, adTagUrl }] }),
    runs: [
      { source: CONTENT_SOURCE, from: 0, to: MID * FRAME_RATE - 1 },
      WHOLE,
      { source: CONTENT_SOURCE, from: MID * FRAME_RATE },
    ],
  },
  "live, pre-roll": {
    content: "live",
    options: (adTagUrl) => ({ livePreroll: { adTagUrl }, live: true }),
    runs: [WHOLE, { source: CONTENT_SOURCE }],
  },
  "live, avail": {
    content: "live",
    options: (adTagUrl) => ({ adTagUrl, live: true }),
    runs: [
      { source: CONTENT_SOURCE, to: AVAIL * FRAME_RATE - 1 },
      WHOLE,
      { source: CONTENT_SOURCE, from: (AVAIL + CREATIVE_DURATION) * FRAME_RATE },
    ],
  },
} satisfies Readonly<Record<string, Place>>;

const HOSTS = ["hls.js", "vhs"] as const;
const CELLS = CREATIVES.flatMap((creative) =>
  Object.entries<Place>(PLACES).flatMap(([name, place]) => HOSTS.map((host) => ({ creative, name, place, host }))),
);

for (const { creative, name, place, host } of selectCells(CELLS, [])) {
  test(`${creative.file} plays whole at its first encounter: ${name}, ${host}`, async ({ page }) => {
    const { adTagUrl } = await answerCold(world, creative);
    if (name === "live, avail") world.setCues([{ first: LISTED, count: CREATIVE_DURATION / SEGMENT }]);
    world.list("live", LISTED + 0.9);
    const options = { ...place.options(adTagUrl), firstEncounter: ["remux", "skip"] } as const;
    await openPlayer(page, world, { host, content: place.content, options });
    await playPast(page, 0.1);
    world.run("live");
    await waitForEvent(page, "adencounter", { adId: COLD_AD, outcome: "ready" });
    await waitForEvent(page, "adbreakcomplete");
    const now = await page.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);
    await playPast(page, now + 1);
    await expectRuns(page, place.runs);
    await expectAccounted(page, world);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
  });
}
