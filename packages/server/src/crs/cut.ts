/**
 * Cuts a stored encoding into one package and proves that it can be spliced: nothing is published that was not looked at.
 */
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Package } from "@interlude/core";
import { cutCommand } from "./cut-args.ts";
import type { CutPackage, CutSegment, CutTrack } from "./cut-package.ts";
import type { MediaTools } from "./encode.ts";
import type { Encoding } from "./encoding.ts";
import { SHORTEST_GOP } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";
import { parseCutList } from "./playlists.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { readSegment } from "./ts-segment.ts";

const TIMEOUT_MS = 120_000;

export interface CutOptions {
  readonly id3?: { readonly creativeKey: string };
}

/**
 * Writes `<track>/<segment>` below `folder`, which is made.
 *
 * @param _options.id3 timed metadata in the segments: which creative plays, and how far it is

 * @throws RepackageFailure `output-invalid`, `transcode-failed`, `transcode-timeout`
 */
export async function cutEncoding(
  encoding: Encoding,
  wanted: Package,
  folder: string,
  _options: CutOptions,
  tools: Pick<MediaTools, "runFfmpeg">,
  signal: AbortSignal,
): Promise<CutPackage> {
  const { targetDuration } = wanted;
  for (const { name } of encoding.renditions) await mkdir(join(folder, name), { recursive: true });
  await tools.runFfmpeg(cutCommand(encoding, targetDuration, folder), { timeoutMs: TIMEOUT_MS, signal });
  const tracks: CutTrack[] = [];
  for (const rendition of encoding.renditions) {
    const cutList = parseCutList(await readFile(join(folder, rendition.name, "index.m3u8"), "utf8"));
    const segments: CutSegment[] = [];
    for (const segment of cutList) {
      const { size } = await stat(join(folder, rendition.name, segment.uri));
      segments.push({ ...segment, bytes: size });
    }
    tracks.push({ name: rendition.name, kind: "muxed", rendition, segments });
  }
  await verifyCut(tracks, encoding, targetDuration, folder);
  return { folder, targetDuration, tracks };
}

/**
 * Every rung has the same cuts, each segment begins with a key frame and nearly at its sound, none rounds above the target
 * duration, all together are as long as the encoding, and sound ends with the picture.
 */
async function verifyCut(
  tracks: readonly CutTrack[],
  encoding: Encoding,
  targetDuration: number,
  folder: string,
): Promise<void> {
  const frame = 1 / framesPerSecond(encoding.frameRate);
  const [best] = tracks;
  for (const { name, segments } of tracks) {
    const fail = (what: string): never => {
      throw new RepackageFailure("output-invalid", `rendition ${name}, ${targetDuration} s: ${what}`);
    };
    if (segments.length === 0 || segments.length !== best?.segments.length) {
      fail(`expected ${best?.segments.length} segments, got ${segments.length}`);
    }
    let time = 0;
    for (const [index, segment] of segments.entries()) {
      const facts = readSegment(await readFile(join(folder, name, segment.uri)));
      const fault = findFault(segment, facts, { index, time, frame, targetDuration, sibling: best?.segments[index] });
      if (fault !== undefined) fail(`segment ${index}: ${fault}`);
      time += segment.duration;
      const soundEnd = (facts.audioTimes.at(-1) ?? 0) + MAX_SOUND_PACKET;
      if (index === segments.length - 1 && soundEnd < encoding.duration - MAX_SOUND_PACKET * 2) {
        fail(`expected sound to ${encoding.duration.toFixed(3)} s, got ${soundEnd.toFixed(3)} s`);
      }
    }
    if (Math.abs(time - encoding.duration) > frame) fail(`expected ${encoding.duration} s in all, got ${time}`);
  }
}

interface Expected {
  readonly index: number;
  readonly time: number;
  readonly frame: number;
  readonly targetDuration: number;
  readonly sibling: CutSegment | undefined;
}

/** ffmpeg puts several AAC frames into one PES packet, at most this long. Seconds. */
const MAX_SOUND_PACKET = 0.2;
/** Of a clock of 90 kHz, with room for the rounding of both ends. Seconds. */
const ROUNDING = 1e-4;

function findFault(segment: CutSegment, facts: ReturnType<typeof readSegment>, expected: Expected): string | undefined {
  const { index, time, frame, targetDuration, sibling } = expected;
  const [video] = facts.videoTimes;
  const [sound] = facts.audioTimes;
  if (video === undefined || sound === undefined) return "expected pictures and sound, got one of them or neither";
  if (!facts.startsWithKey) return "expected a key frame first, got none";
  if (Math.abs(video - time) > ROUNDING * (index + 1)) return `expected pictures from ${time} s, got ${video} s`;
  if (index === 0 && sound > ROUNDING) return `expected sound from 0 s, got ${sound} s`;
  if (Math.abs(segment.duration - (sibling?.duration ?? 0)) > frame) {
    return `expected ${sibling?.duration} s as in the best rendition, got ${segment.duration} s`;
  }
  if (segment.duration > targetDuration + SHORTEST_GOP + frame || Math.round(segment.duration) > targetDuration) {
    return `expected at most ${targetDuration} s, got ${segment.duration} s`;
  }
  return undefined;
}
