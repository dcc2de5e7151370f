/** Tells what a source holds, and encodes the pictures of its ladder. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Encoding } from "./encoding.ts";
import { AUDIO_KBPS, encodeVideoCommand, probeArgs, probeRenditionArgs } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";
import { planLadder, type Rung } from "./ladder.ts";
import type { MediaTools } from "./media-tools.ts";
import { parseProbe, parseRendition, type ProbeReport } from "./probe-report.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { MAX_MISSING, selectSource, type Source, type SourceFiles } from "./source.ts";
import type { IdentifiedFile } from "./source-format.ts";

/**
 * What was fetched, and whether it may be encoded.
 *
 * @throws RepackageFailure `no-video`, `too-long`, `too-large`, `unsupported`, `unreadable`, `truncated`
 */
export async function probeSource(files: SourceFiles, tools: MediaTools, signal: AbortSignal): Promise<Source> {
  const { limits } = tools.config;
  const [report, audioReport] = await Promise.all([
    probeFile(files.video, tools, signal),
    files.audio && probeFile(files.audio, tools, signal),
  ]);
  return selectSource(files, report, audioReport, limits);
}

async function probeFile(file: IdentifiedFile, tools: MediaTools, signal: AbortSignal): Promise<ProbeReport> {
  const args = probeArgs(file, tools.config.limits);
  return parseProbe(JSON.parse(await tools.runFfprobe(args, signal)));
}

/** Every rung of a source's ladder, best first. */
export function planRungs(source: Source, tools: Pick<MediaTools, "config">): readonly Rung[] {
  const { width, height, frameRate } = source.video;
  return planLadder({ width, height, frameRate: framesPerSecond(frameRate) }, tools.config.rungs);
}

/**
 * Encodes renditions into `folder`, which is made, in one decode. `audio.aac` is not needed for it.
 *
 * @param rungs some or all of a source's ladder, best first
 * @param onProgress 0 to 1
 * @throws RepackageFailure `truncated`, `unreadable`, `output-invalid`, `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function encodeRungs(
  source: Source,
  rungs: readonly Rung[],
  folder: string,
  tools: MediaTools,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<Encoding> {
  await mkdir(folder, { recursive: true });
  const { limits } = tools.config;
  const timeoutMs = 60_000 + limits.wallTimeFactor * source.duration * 1000;
  const onTime = (time: number): void => onProgress(Math.min(1, time / source.duration));
  await tools.runFfmpeg(encodeVideoCommand(source, rungs, folder, limits), { timeoutMs, signal, onTime });
  const made = await readRenditions(source, rungs, folder, tools, signal);
  if (made.duration < source.duration - MAX_MISSING) {
    const came = `${made.duration.toFixed(2)} s`;
    throw new RepackageFailure(
      "truncated",
      `creative: expected ${source.duration.toFixed(2)} s of pictures, got ${came}`,
    );
  }
  return { folder, frameRate: source.video.frameRate, ...made };
}

/**
 * What two calls for the same source and folder made, as one ladder.
 *
 * @throws RepackageFailure `output-invalid` when they are not equally long
 */
export function mergeEncodings(a: Encoding, b: Encoding): Encoding {
  if (a.duration !== b.duration) {
    const came = `${a.duration.toFixed(3)} s and ${b.duration.toFixed(3)} s`;
    throw new RepackageFailure("output-invalid", `renditions: expected equally many frames, got ${came}`);
  }
  const renditions = [...a.renditions, ...b.renditions].toSorted((x, y) => y.width * y.height - x.width * x.height);
  return { ...a, renditions };
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
