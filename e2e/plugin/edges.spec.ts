/**
 * The edges of an ad as the service cuts it, in TS as ffmpeg makes it: the first pictures of a film are where those of the other end.
 *
 * @see DESIGN §11 (excess freeze); docs/decisions/0010-times-of-a-spliced-ad.md
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { recordFrames, type Run } from "../frames.ts";
import { type MediaOrigin, startOrigin } from "../media-origin.ts";
import { makeEncoding, makeTsContent, publishPackage, SEGMENT } from "../package-media.ts";
import { CONTENT_SOURCE, FRAME_RATE } from "./catalog.ts";
import { expectRuns, openPlayer, playPast } from "./page.ts";
import { startWorld, type World } from "./world.ts";

const AD_SOURCE = 3;
const AD_DURATION = 4;
const CONTENT_DURATION = 8;
/** Seconds of content. */
const BREAK = 2 * SEGMENT;
/** Frames after which those of an ad are where they belong. */
const SETTLED = 8;

let folder = "";
let origin: MediaOrigin;
let world: World;
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-edges-"));
  for (const bFrames of [0, 3])
    await makeTsContent(join(folder, `b${bFrames}`), { source: CONTENT_SOURCE, duration: CONTENT_DURATION, bFrames });
  for (const [name, bFrames] of [
    ["ladder", 0],
    ["remux", 3],
  ] as const) {
    const ad = { source: AD_SOURCE, duration: AD_DURATION, bFrames };
    await publishPackage(await makeEncoding(join(folder, name, "encoding"), ad), "hls", join(folder, name));
  }
  [origin, world] = [await startOrigin(folder), await startWorld()];
});
test.afterAll(async () => {
  await Promise.all([origin.close(), world.close()]);
  await rm(folder, { recursive: true, force: true });
});

/** Seconds by which the ad and the content behind it are late. A remux needs content that is decoded as early as it is itself. */
const CASES = [
  { bFrames: 0, ad: "ladder", late: [0.02, 0.02] },
  { bFrames: 3, ad: "ladder", late: [0.02, 0.09] },
  { bFrames: 3, ad: "remux", late: [0.02, 0.02] },
] as const;
for (const { bFrames, ad: kind, late } of CASES) {
  test(`content with ${bFrames} B-frames, a ${kind}: the ad's pictures go on where the content's end, and the content's where the ad's end`, async ({
    page,
    browserName,
  }) => {
    test.skip(browserName === "firefox", "hls.js places pictures by other rules in Firefox");
    const content = new URL(`b${bFrames}/media.m3u8`, origin.url);
    const hlsUrls = [new URL(`${kind}/1/hls.m3u8`, origin.url).href];
    // a break that is decided in front of what is loaded: what is loaded behind one has to go first
    const hlsConfig = { maxMaxBufferLength: 1.5 };
    await openPlayer(page, world, { content, options: { breaks: [{ time: BREAK, hlsUrls }] }, hlsConfig });
    await recordFrames(page);
    await playPast(page, BREAK + AD_DURATION + 1);
    const [before, ad, after] = await expectRuns(page, [
      { source: CONTENT_SOURCE, to: BREAK * FRAME_RATE - 1 },
      { source: AD_SOURCE, from: 0, to: AD_DURATION * FRAME_RATE - 1 },
      { source: CONTENT_SOURCE, from: BREAK * FRAME_RATE },
    ]);
    expect(Math.abs(measureLate(before, BREAK * FRAME_RATE, ad, 0))).toBeLessThan(late[0]);
    expect(Math.abs(measureLate(ad, AD_DURATION * FRAME_RATE, after, BREAK * FRAME_RATE))).toBeLessThan(late[1]);
  });
}

/**
 * Seconds by which a film is later than the one before it leaves off.
 *
 * @param end how many frames the first has, counted as those that are burnt in
 * @param begin the frame with which the second begins
 */
function measureLate(first: Run | undefined, end: number, second: Run | undefined, begin: number): number {
  const last = first?.frames.at(-1);
  const settled = second?.frames.find(({ frame }) => frame >= begin + SETTLED);
  if (!last || !settled) throw new Error("expected frames of both films, and some time of the second");
  return settled.mediaTime - last.mediaTime - (end - last.frame + settled.frame - begin) / FRAME_RATE;
}
