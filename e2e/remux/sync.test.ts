/** Sound stays with its pictures: what ffmpeg reads in the segments that a page would make, against what it reads in their source. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Packaging } from "@interlude/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeSegment } from "../../packages/plugin/src/remux/make-segment.ts";
import { planRemux } from "../../packages/plugin/src/remux/plan.ts";
import type { MadeSegment, PlannedSegment } from "../../packages/plugin/src/remux/segment-job.ts";
import { parseFile } from "../../packages/plugin/tests/remux/make-mp4.ts";
import { COLD_CREATIVES, type ColdCreative, FLASHES } from "./creatives.ts";
import { readFlashAndBeeps } from "./flash-and-beeps.ts";
import { makeColdCreatives } from "./make-creatives.ts";

/** Seconds. */
const MOST = 0.04;
/** When the first picture of MPEG-TS is shown. */
const TS_START = 10;
const REMUXABLE = COLD_CREATIVES.filter(({ refusal }) => refusal === undefined);
const REFUSED = COLD_CREATIVES.filter(({ refusal }) => refusal !== undefined);
/** One of each depth of reordering, and one without sound of its own. */
const IN_CMAF = REMUXABLE.filter(({ file }) => /^(01|03|19|30)/.test(file));

let sources = "";
let folder = "";
beforeAll(async () => {
  sources = await makeColdCreatives();
  folder = await mkdtemp(join(tmpdir(), "interlude-sync-"));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function make({ ranges, job }: PlannedSegment, file: Buffer): MadeSegment {
  const bytes = Buffer.concat(ranges.map(({ start, end }) => file.subarray(start, end)));
  const making = makeSegment(job, new Uint8Array(bytes));
  for (;;) {
    const step = making.next();
    if (step.done) return step.value;
  }
}

/** All segments, last one first, joined into a file of each track. */
async function remux({ file }: ColdCreative, packaging: Packaging): Promise<readonly string[]> {
  const whole = await readFile(join(sources, file));
  const { segments, inits } = planRemux(parseFile(join(sources, file)), { packaging, targetDuration: undefined });
  const made = segments
    .toReversed()
    .map((segment) => make(segment, whole))
    .toReversed();
  const tracks = inits
    ? [
        [inits.video, ...made.map(({ main }) => main)],
        [inits.audio, ...made.flatMap(({ audio }) => audio ?? [])],
      ]
    : [made.map(({ main }) => main)];
  const paths = tracks.map((_, index) => join(folder, `${file}-${packaging}-${index}`));
  for (const [index, parts] of tracks.entries()) await writeFile(paths[index] ?? "", Buffer.concat(parts));
  return paths;
}

/** From each flash to its beep, seconds; none where there is no sound. */
function listOffsets(flashes: readonly number[], beeps: readonly number[]): readonly number[] {
  return beeps.map((beep, index) => beep - (flashes[index] ?? Number.NaN));
}

function findMost(ours: readonly number[], theirs: readonly number[], shift = 0): number {
  return ours.reduce(
    (most, offset, index) => Math.max(most, Math.abs(offset + shift - (theirs[index] ?? Number.NaN))),
    0,
  );
}

describe("MPEG-TS", () => {
  test.for(REMUXABLE)("$file: beeps are as far from flashes as in the source", async (creative) => {
    const [path = ""] = await remux(creative, "hls");
    const reading = readFlashAndBeeps(join(sources, creative.file));
    const [source, { flashes, beeps }] = await Promise.all([reading, readFlashAndBeeps(path)]);
    expect(flashes).toHaveLength(FLASHES.length);
    expect(beeps).toHaveLength(creative.audio ? FLASHES.length : 0);
    expect(findMost(listOffsets(flashes, beeps), listOffsets(source.flashes, source.beeps))).toBeLessThanOrEqual(MOST);
    // the first second of pictures may be shown late, and this flash is behind it
    expect(Math.abs((flashes[1] ?? Number.NaN) - TS_START - FLASHES[1])).toBeLessThan(MOST);
  });

  test.for(REFUSED)("$file: is refused as its row says", async (creative) => {
    await expect(remux(creative, "hls")).rejects.toMatchObject({ name: "MediaRefusal", reason: creative.refusal });
  });
});

describe("fragmented MP4", () => {
  test.for(IN_CMAF)("$file: beeps are as far from flashes as in the source", async (creative) => {
    const [video = "", audio = ""] = await remux(creative, "cmaf");
    const reading = readFlashAndBeeps(join(sources, creative.file));
    const [source, { flashes }, { beeps }] = await Promise.all([
      reading,
      readFlashAndBeeps(video),
      readFlashAndBeeps(audio),
    ]);
    expect(flashes).toHaveLength(FLASHES.length);
    // ffmpeg shows pictures later by the most that one of them is shown before it is decoded; browsers do not
    const late = creative.reorder / creative.frameRate;
    const most = findMost(listOffsets(flashes, beeps), listOffsets(source.flashes, source.beeps), late);
    expect(most).toBeLessThanOrEqual(MOST / 10);
  });
});
