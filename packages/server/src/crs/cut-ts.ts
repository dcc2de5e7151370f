/** Packaging `hls`: each rendition as TS segments, sound and picture in one stream. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PictureLead } from "@interlude/core";
import { cutCommand } from "./cut-args.ts";
import type { CutSegment } from "./cut-package.ts";
import { type CutPlan, type SegmentFacts, tagsBetween, type WrittenTrack } from "./cut-plan.ts";
import { segmentDurations } from "./cut-times.ts";
import { decodingLead, isRetimed } from "./cut-timing.ts";
import type { MediaTools } from "./media-tools.ts";
import type { EncodedRendition, Encoding } from "./encoding.ts";
import { insertTimedMetadata } from "./timed-metadata-ts.ts";
import { readSegment } from "./ts-segment.ts";

const TIMEOUT_MS = 120_000;

/**
 * All renditions in one run of ffmpeg, then timed metadata where it is wanted.
 *
 * @throws RepackageFailure `transcode-failed`, `transcode-timeout`; Error when what came out cannot be read
 */
export async function cutTs(
  plan: CutPlan,
  { runFfmpeg }: Pick<MediaTools, "runFfmpeg">,
  signal: AbortSignal,
): Promise<readonly WrittenTrack[]> {
  const { encoding, cuts, folder } = plan;
  await runFfmpeg(cutCommand(encoding, cuts, folder), { timeoutMs: TIMEOUT_MS, signal });
  return Promise.all(encoding.renditions.map((rendition) => readTrack(plan, rendition)));
}

async function readTrack(plan: CutPlan, rendition: EncodedRendition): Promise<WrittenTrack> {
  const { cuts, encoding, tags } = plan;
  const durations = segmentDurations(cuts, encoding.duration);
  const segments: CutSegment[] = [];
  const facts: SegmentFacts[] = [];
  let counter = 0;
  // The muxer moves all times so that none is below 0: pictures that are decoded before time 0 are the reason.
  let offset: number | undefined;
  for (const [index, start] of cuts.entries()) {
    const uri = `${String(index).padStart(5, "0")}.ts`;
    const path = join(plan.folder, rendition.name, uri);
    const duration = durations[index] ?? 0;
    let bytes: Buffer = await readFile(path);
    offset ??= readSegment(bytes).videoTimes[0] ?? 0;
    if (tags.length > 0) {
      const clock = offset;
      const shifted = tagsBetween(tags, start, start + duration).map((tag) => ({ ...tag, time: tag.time + clock }));
      const tagged = insertTimedMetadata(bytes, shifted, counter);
      ({ bytes, counter } = tagged);
      await writeFile(path, bytes);
    }
    facts.push(readSegment(bytes));
    segments.push({ uri, duration, bytes: bytes.length });
  }
  const pictureLead = describeLead(encoding, facts);
  return { track: { name: rendition.name, kind: "muxed", rendition, segments, pictureLead }, facts };
}

/** A remux is decoded as its source was, and nothing in it catches up. */
function describeLead(encoding: Encoding, [first]: readonly SegmentFacts[]): PictureLead {
  if (isRetimed(encoding)) return { seconds: decodingLead(encoding.frameRate), isElastic: true };
  return { seconds: (first?.videoTimes[0] ?? 0) - (first?.videoDecodeTimes[0] ?? 0), isElastic: false };
}
