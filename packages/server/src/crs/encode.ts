/** Makes the stored encoding of a source: all renditions in one decode, and the audio that they share. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CrsConfig } from "./crs-config.ts";
import type { Encoding } from "./encoding.ts";
import type { RunFfmpeg, RunOptions } from "./ffmpeg.ts";
import {
  AUDIO_KBPS,
  encodeAudioCommand,
  encodeVideoCommand,
  measureLoudnessCommand,
  probeArgs,
  probePacketsArgs,
  probeRenditionArgs,
  SHORTEST_GOP,
} from "./ffmpeg-args.ts";
import type { RunFfprobe } from "./ffprobe.ts";
import { framesPerSecond } from "./frame-rate.ts";
import { planLadder, type Rung } from "./ladder.ts";
import { levelFilters, parseLoudness } from "./loudness.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import {
  checkDuration,
  parseProbe,
  parseRendition,
  type ProbeReport,
  selectSource,
  type Source,
  type SourceFiles,
} from "./source.ts";
import type { IdentifiedFile } from "./source-format.ts";

export interface MediaTools {
  readonly runFfmpeg: RunFfmpeg;
  readonly runFfprobe: RunFfprobe;
  readonly config: Pick<CrsConfig, "limits" | "rungs" | "loudness">;
}

/**
 * What was fetched, and whether it may be encoded.
 *
 * @throws RepackageFailure `no-video`, `too-long`, `too-large`, `unsupported`, `unreadable`
 */
export async function probeSource(files: SourceFiles, tools: MediaTools, signal: AbortSignal): Promise<Source> {
  const { limits } = tools.config;
  const [report, audioReport] = await Promise.all([
    probeFile(files.video, tools, signal),
    files.audio && probeFile(files.audio, tools, signal),
  ]);
  if (report.duration !== undefined) return selectSource(files, report, audioReport, limits);
  const end = await findLastPacket(files.video, tools, signal);
  return selectSource(files, { ...report, duration: end > 0 ? end : undefined }, audioReport, limits);
}

async function probeFile(file: IdentifiedFile, tools: MediaTools, signal: AbortSignal): Promise<ProbeReport> {
  const args = probeArgs(file, tools.config.limits.maxStreams);
  return parseProbe(JSON.parse(await tools.runFfprobe(args, signal)));
}

/** When the last packet of any stream begins, seconds; 0 for none. */
async function findLastPacket(file: IdentifiedFile, tools: MediaTools, signal: AbortSignal): Promise<number> {
  const times = await tools.runFfprobe(probePacketsArgs(file, tools.config.limits.maxStreams), signal);
  return times.split("\n").reduce((latest, line) => Math.max(latest, Number.parseFloat(line) || 0), 0);
}

/** Audio is made this much longer than the source says it is, and cut to the video when it is packaged. Seconds. */
const AUDIO_RESERVE = 1;
/** A video that ends this much before the source says it does was not all there. Seconds. */
const MAX_MISSING = 0.5;

/**
 * Encodes a source into `folder`, which is made.
 *
 * @param onProgress 0 to 1
 * @throws RepackageFailure `truncated`, `too-long`, `unreadable`, `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function encodeSource(
  source: Source,
  folder: string,
  tools: MediaTools,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<Encoding> {
  await mkdir(folder, { recursive: true });
  const { limits, rungs } = tools.config;
  const { video } = source;
  const ladder = planLadder({ ...video, frameRate: framesPerSecond(video.frameRate) }, rungs);
  const timeoutMs = 60_000 + limits.wallTimeFactor * source.duration * 1000;
  const onTime = (time: number): void => onProgress(Math.min(1, time / source.duration));

  // Either failing ends the other.
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const abortOther = (error: unknown): never => {
    end.abort(error);
    throw error;
  };
  const audioOptions = { timeoutMs, signal: both };
  await Promise.all([
    tools
      .runFfmpeg(encodeVideoCommand(source, ladder, folder, limits), { timeoutMs, signal: both, onTime })
      .catch(abortOther),
    encodeAudio(source, source.duration + AUDIO_RESERVE, folder, tools, audioOptions).catch(abortOther),
  ]);
  const made = await readRenditions(source, ladder, folder, tools, signal);
  checkDuration(made.duration, limits);
  if (made.duration < source.duration - MAX_MISSING) await checkWhole(source, made.duration, tools, signal);
  if (made.duration > source.duration + SHORTEST_GOP) {
    // Key frames and sound were placed for a shorter video than there is: once more, now that its length is known.
    return encodeSource({ ...source, duration: made.duration }, folder, tools, signal, onProgress);
  }
  return { folder, frameRate: video.frameRate, ...made };
}

/**
 * A video that is shorter than its file says: either sound goes on after the last picture, or something is missing.
 *
 * @throws RepackageFailure `truncated`
 */
async function checkWhole(source: Source, duration: number, tools: MediaTools, signal: AbortSignal): Promise<void> {
  const end = source.isDurationOfVideo ? duration : await findLastPacket(source.video.file, tools, signal);
  if (end >= source.duration - MAX_MISSING) return;
  const message = `creative: expected ${source.duration.toFixed(2)} s of video, got ${duration.toFixed(2)} s`;
  throw new RepackageFailure("truncated", message);
}

async function readRenditions(
  source: Source,
  ladder: readonly Rung[],
  folder: string,
  tools: MediaTools,
  signal: AbortSignal,
): Promise<Pick<Encoding, "duration" | "renditions">> {
  const { frameRate } = source.video;
  const made = await Promise.all(
    ladder.map(async ({ name }) => {
      const path = join(folder, `${name}.mp4`);
      const report = parseRendition(JSON.parse(await tools.runFfprobe(probeRenditionArgs(path), signal)));
      return { name, ...report, bytes: (await stat(path)).size };
    }),
  );
  const frames = made.map((one) => one.frames);
  const duration = Math.min(...frames) / framesPerSecond(frameRate);
  if (new Set(frames).size > 1) {
    throw new RepackageFailure("output-invalid", `renditions: expected equally many frames, got ${frames.join(", ")}`);
  }
  const renditions = made.map(({ name, width, height, codec, bytes }) => ({
    name,
    width,
    height,
    codec,
    bandwidthBps: Math.round((bytes * 8) / duration) + AUDIO_KBPS * 1000,
  }));
  return { duration, renditions };
}

async function encodeAudio(
  source: Source,
  duration: number,
  folder: string,
  tools: MediaTools,
  options: RunOptions,
): Promise<void> {
  const { limits, loudness } = tools.config;
  const level = source.audio
    ? levelFilters(
        parseLoudness(await tools.runFfmpeg(measureLoudnessCommand(source.audio, limits), options)),
        loudness,
      )
    : [];
  await tools.runFfmpeg(encodeAudioCommand(source.audio, level, duration, `${folder}/audio.aac`, limits), options);
}
