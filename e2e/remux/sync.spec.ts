/**
 * Sound stays with its pictures in the page: from flash to beep, as they are seen and heard, it is as long in the ad that the page has
 * made as in its source, which another page plays meanwhile as it is.
 */
import { expect, type Page, test } from "@playwright/test";
import { recordFrames } from "../frames.ts";
import { openPlayer, playPast, waitForEvent } from "../plugin/page.ts";
import { canHear } from "../plugin/sound.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { answerCold } from "./cold.ts";
import { findCreative, FLASHES } from "./creatives.ts";
import type { FlashAndBeeps } from "./flash-and-beeps.ts";
import { readPageSync, recordBeeps } from "./page-sync.ts";

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

/** Seconds. */
const MOST = 0.04;
/** Pictures that are reordered, sound of another kind, sound that begins later than its pictures. */
const CREATIVES = ["01-pyramid.mp4", "08-he-aac.mp4", "10-late-sound.mp4"].map(findCreative);
/** The third says no more. */
const SEEN = FLASHES.slice(0, 2);

for (const creative of CREATIVES) {
  test(`${creative.file}: beeps are as far from flashes as in its source`, async ({ page, context }) => {
    test.skip(!canHear(page), "Firefox plays no sound without an audio device");
    const { adTagUrl, creativeUrl } = await answerCold(world, creative);
    const options = { adTagUrl, firstEncounter: ["remux", "skip"] } as const;
    await openPlayer(page, world, { options, muted: false, autoplay: false });
    await waitForEvent(page, "adencounter", { step: "remux", outcome: "ready" });
    const beside = await context.newPage();
    await openSource(beside, creativeUrl);
    await Promise.all([page, beside].map(playAndListen));
    const [ours, theirs] = [await readPageSync(page, creative), await readPageSync(beside, creative)].map(listOffsets);
    expect(theirs).toHaveLength(SEEN.length);
    expect(ours).toHaveLength(SEEN.length);
    for (const [index, offset] of (ours ?? []).entries())
      expect(Math.abs(offset - (theirs?.[index] ?? NaN)), `beep ${index + 1}`).toBeLessThanOrEqual(MOST);
  });
}

async function openSource(page: Page, creativeUrl: string): Promise<void> {
  const body = `<!doctype html><link rel="icon" href="data:,"><video crossorigin src="${creativeUrl}"></video>`;
  world.answer("/source/", { body, type: "text/html" });
  await page.goto(new URL("/source/", world.pageUrl).href);
  await recordFrames(page);
}

async function playAndListen(page: Page): Promise<void> {
  await recordBeeps(page);
  await page.locator("video").evaluate((video: HTMLVideoElement) => video.play());
  await playPast(page, (SEEN.at(-1) ?? 0) + 0.5);
}

/** From each flash to its beep, seconds. A page that is late may have come to the third. */
function listOffsets({ flashes, beeps }: FlashAndBeeps): readonly number[] {
  return beeps.slice(0, SEEN.length).map((beep, index) => beep - (flashes[index] ?? NaN));
}
