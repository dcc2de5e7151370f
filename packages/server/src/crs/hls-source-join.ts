/**
 * Puts the parts of a creative together: picture and sound from different files, and runs between discontinuities, each of which
 * has a clock of its own. The picture is copied as it is. The sound is decoded, since it is encoded anew later anyway: so every
 * part has exactly as much of it as of picture, in step from its first frame on, whatever its codec, rate or channels were.
 *
 * @see RFC 8216 §4.3.2.3 (discontinuities), §4.3.4.1 (renditions share one clock)
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SourceLimits } from "./crs-config.ts";
import type { RunFfmpeg } from "./ffmpeg.ts";
import type { RunFfprobe } from "./ffprobe.ts";
import {
  joinCommand,
  partCommand,
  type PartToCopy,
  probeStartsArgs,
  probeVideoPacketsArgs,
} from "./hls-source-join-args.ts";
import type { MediaPart } from "./hls-source-parts.ts";
import { parseVideoTimes, type PartStream, readStreams } from "./hls-source-probe.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { IdentifiedFile } from "./source-format.ts";

export interface JoinTools {
  readonly runFfmpeg: RunFfmpeg;
  readonly runFfprobe: RunFfprobe;
}

export interface PartsToJoin {
  readonly video: readonly MediaPart[];
  /** Where sound has files of its own: as many as `video` has. */
  readonly audio?: readonly MediaPart[] | undefined;
}

/** What a part begins and ends with, besides what `partCommand` needs. */
interface ProbedPart extends PartToCopy {
  /** All that must be equal for two parts to go on in one file. */
  readonly picture: string;
}

/**
 * One file of all parts, in `folder`; the parts themselves are removed. A single part with its sound inside is returned as it is.
 *
 * @throws RepackageFailure `unsupported` for parts that differ in codec, size or pixel format, or in number from those of the sound;
 * `too-long`, `no-video`, `unreadable`, `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function joinParts(
  parts: PartsToJoin,
  folder: string,
  limits: SourceLimits,
  tools: JoinTools,
  signal: AbortSignal,
): Promise<IdentifiedFile> {
  const { video, audio } = parts;
  const [only] = video;
  if (only !== undefined && video.length === 1 && audio === undefined) return { path: only.path, format: only.format };
  if (audio !== undefined && audio.length !== video.length) {
    throw refuse("as many parts of sound as of picture", `${audio.length} and ${video.length}`);
  }
  const probed: ProbedPart[] = [];
  for (const [index, part] of video.entries()) {
    probed.push(await probePart(part, audio?.[index], limits, tools.runFfprobe, signal));
  }
  checkParts(probed, limits);

  const hasSound = probed.some((part) => part.audio !== undefined);
  const paths: string[] = [];
  for (const [index, part] of probed.entries()) {
    const name = `part-${index}.mov`;
    const timeoutMs = 60_000 + limits.wallTimeFactor * part.duration * 1000;
    await tools.runFfmpeg(partCommand(part, hasSound, join(folder, name), limits), { timeoutMs, signal });
    paths.push(name);
    await Promise.all([part.video, part.audio?.file].map((file) => file && rm(file.path, { force: true })));
  }
  const joined = await joinFiles(paths, probed, folder, limits, tools, signal);
  return { path: joined, format: "mov" };
}

/** @throws RepackageFailure `unsupported`, `too-long` */
function checkParts(parts: readonly ProbedPart[], { maxDuration }: SourceLimits): void {
  const pictures = new Set(parts.map(({ picture }) => picture));
  if (pictures.size > 1) throw refuse("parts of one codec and size", [...pictures].join("; "));
  // Sound is made as long as the pictures are, and times may say anything.
  const duration = parts.reduce((sum, part) => sum + part.duration, 0);
  if (duration <= maxDuration) return;
  const message = `creative: expected at most ${maxDuration} s, got pictures of ${duration.toFixed(1)} s`;
  throw new RepackageFailure("too-long", message);
}

/** The one file of files that `partCommand` made, which are removed. */
async function joinFiles(
  names: readonly string[],
  parts: readonly ProbedPart[],
  folder: string,
  limits: SourceLimits,
  tools: JoinTools,
  signal: AbortSignal,
): Promise<string> {
  const [first] = names;
  if (first !== undefined && names.length === 1) return join(folder, first);
  const list = join(folder, "parts.ffconcat");
  const lines = names.map((name, index) => `file ${name}\nduration ${(parts[index]?.duration ?? 0).toFixed(6)}\n`);
  await writeFile(list, `ffconcat version 1.0\n${lines.join("")}`);
  const joined = join(folder, "joined.mov");
  const duration = parts.reduce((sum, part) => sum + part.duration, 0);
  const timeoutMs = 60_000 + limits.wallTimeFactor * duration * 1000;
  await tools.runFfmpeg(joinCommand(list, joined, limits), { timeoutMs, signal });
  await Promise.all(names.map((name) => rm(join(folder, name))));
  return joined;
}

/** Clocks of two renditions that are further apart than this are two clocks. Seconds. */
const MAX_SHIFT = 10;

async function probePart(
  video: MediaPart,
  audio: MediaPart | undefined,
  limits: SourceLimits,
  runFfprobe: RunFfprobe,
  signal: AbortSignal,
): Promise<ProbedPart> {
  const probe = async (file: MediaPart): Promise<readonly PartStream[]> =>
    readStreams(JSON.parse(await runFfprobe(probeStartsArgs(file, limits), signal)));
  const streams = await probe(video);
  const seen = streams.find((stream) => stream.type === "video");
  if (seen === undefined) throw new RepackageFailure("no-video", "creative: expected pictures in each part, got none");
  const { startTime, duration } = parseVideoTimes(await runFfprobe(probeVideoPacketsArgs(video, limits), signal));
  const sound = (audio ? await probe(audio) : streams).find((stream) => stream.type === "audio");
  // Packed audio has no clock in its file: its first sample is what its tag says, and counts from 0 in ffmpeg.
  const begins = sound && (audio?.startTime ?? sound.startTime);
  const counted = sound && audio?.startTime !== undefined ? 0 : begins;
  const late = (begins ?? startTime) - startTime;
  const file = audio ?? video;
  return {
    video,
    startTime,
    duration,
    picture: seen.picture,
    ...(counted !== undefined && { audio: { file, shift: (Math.abs(late) < MAX_SHIFT ? late : 0) - counted } }),
  };
}

function refuse(expected: string, got: string): RepackageFailure {
  return new RepackageFailure("unsupported", `creative: expected ${expected}, got ${got}`);
}
