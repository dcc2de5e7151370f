/** A creative that nobody has seen before in the world of e2e/plugin/world.ts, and what has to be seen of it. */
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { groupRuns, type Run, type ShownFrame, shownFrames } from "../frames.ts";
import { CONTENT_SOURCE, FRAME_RATE } from "../plugin/catalog.ts";
import { events } from "../plugin/page.ts";
import { formatVast } from "../plugin/vast.ts";
import type { World } from "../plugin/world.ts";
import { CREATIVE_DURATION, CREATIVE_SOURCE, type ColdCreative } from "./creatives.ts";
import { makeColdCreatives } from "./make-creatives.ts";

/** The id of the ad. */
export const COLD_AD = "cold";

export interface ColdTag {
  readonly adTagUrl: string;
  readonly creativeUrl: string;
}

/** An ad server that names it and has nothing repackaged; the CDN has no copy. */
export async function answerCold(world: World, creative: ColdCreative): Promise<ColdTag> {
  world.answer("/ads/repackage", { status: 503 });
  return answerCreative(world, creative, COLD_AD);
}

/** An ad server that names it. @param id of the ad */
export async function answerCreative(world: World, { file }: ColdCreative, id: string): Promise<ColdTag> {
  const folder = await makeColdCreatives();
  const creativeUrl = world.serve(`/cold/${file}`, join(folder, file));
  const type = file.endsWith(".mov") ? "video/quicktime" : "video/mp4";
  const track = new URL("/track/", world.url).href;
  const body = formatVast(track, [{ id, duration: CREATIVE_DURATION, mediaFiles: [{ url: creativeUrl, type }] }]);
  return { adTagUrl: world.answer(`/ads/${id}`, { body }), creativeUrl };
}

/** Seconds that a loaded machine may not compose at an edge, or lose in between. */
const EDGE = 0.25;
const HEAVY_EDGE = 0.5;
/** Seconds by which a frame may be off its place. */
const DRIFT = 0.2;

/** The pre-roll was on screen from its first to its last picture, each where it belongs, and the content follows from its own first. */
export async function expectWhole(page: Page, creative: ColdCreative): Promise<void> {
  const runs = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
  expect(runs.map(({ source }) => source)).toEqual([CREATIVE_SOURCE, CONTENT_SOURCE]);
  const [ad, content] = runs;
  if (!ad || !content) throw new Error("expected an ad and its content, got less");
  const begin = expectWholeRun(ad, creative);
  const { first } = expectEdges(content);
  const edge = creative.isHeavy ? HEAVY_EDGE : EDGE;
  expect(first.frame / FRAME_RATE, "first picture of the content").toBeLessThanOrEqual(edge);
  const late = first.mediaTime - first.frame / FRAME_RATE - begin - CREATIVE_DURATION;
  expect(Math.abs(late), "the content's place").toBeLessThan(DRIFT);
}

/**
 * It was on screen from its first to its last picture, each where it belongs.
 *
 * @returns media time of its first picture, seconds
 */
export function expectWholeRun(run: Run, { frameRate, isHeavy }: ColdCreative): number {
  const edge = isHeavy ? HEAVY_EDGE : EDGE;
  const { frames, first, last } = expectEdges(run);
  const lastFrame = Math.ceil(CREATIVE_DURATION * frameRate) - 1;
  expect(first.frame / frameRate, "first picture of the ad").toBeLessThanOrEqual(edge);
  expect((lastFrame - last.frame) / frameRate, "last picture of the ad").toBeLessThanOrEqual(edge);
  const begin = first.mediaTime - first.frame / frameRate;
  for (const { frame, mediaTime } of frames)
    expect(Math.abs(mediaTime - begin - frame / frameRate), `picture ${frame} of the ad`).toBeLessThan(DRIFT);
  for (const [index, { frame }] of frames.entries()) {
    const before = frames[index - 1]?.frame ?? frame;
    expect((frame - before) / frameRate, `pictures lost before ${frame}`).toBeLessThan(isHeavy ? 1 : edge * 2);
  }
  return begin;
}

function expectEdges({ frames }: Run): {
  readonly frames: readonly ShownFrame[];
  readonly first: ShownFrame;
  readonly last: ShownFrame;
} {
  const [first, last] = [frames[0], frames.at(-1)];
  if (!first || !last) throw new Error("expected frames, got none");
  return { frames, first, last };
}

/** The content alone was on screen, from its first picture. */
export async function expectContentAlone(page: Page): Promise<void> {
  const runs = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
  expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
  expect((runs[0]?.frames[0]?.frame ?? Infinity) / FRAME_RATE).toBeLessThanOrEqual(EDGE);
}

/** Every ad of the answer has ended in one way: watched to its end, or skipped with a reason; and the ad server knows. */
export async function expectAccounted(page: Page, world: World): Promise<void> {
  const all = await events(page);
  const of = (name: string): number => all.filter((event) => event.name === name).length;
  expect([of("adcomplete"), of("adskip")].toSorted()).toEqual([0, 1]);
  const sent = (...names: readonly string[]): readonly string[] =>
    world.beacons(COLD_AD).flatMap(({ event }) => (names.includes(event) ? [event] : []));
  await expect.poll(() => sent("complete", "error")).toEqual([of("adskip") === 0 ? "complete" : "error"]);
  expect(sent("impression")).toHaveLength(of("adcomplete"));
}
