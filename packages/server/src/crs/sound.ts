/** Makes the one sound that every layer and every rendition of a creative shares. */
import { mkdir } from "node:fs/promises";
import type { SourceLimits } from "./crs-config.ts";
import { encodeAudioCommand, measureLoudnessCommand } from "./ffmpeg-args.ts";
import { levelFilters, type Loudness, parseLoudness } from "./loudness.ts";
import type { MediaTools } from "./media-tools.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { Source, SourceFiles } from "./source.ts";
import type { IdentifiedFile } from "./source-format.ts";

/** It is made this much longer than the pictures, and cut to them when it is packaged. Seconds. */
const RESERVE = 1;

/**
 * How loud the first audio of what was fetched is: may be asked while `probeSource` is still at work. undefined: there is none, or
 * none that can be decoded; `makeSound` will tell.
 *
 * @throws RepackageFailure `transcode-timeout`; the signal's reason
 */
export async function measureSound(
  { video, audio = video }: SourceFiles,
  tools: MediaTools,
  signal: AbortSignal,
): Promise<Loudness | undefined> {
  try {
    return await measure({ file: audio }, tools, signal);
  } catch (error) {
    if (error instanceof RepackageFailure && error.reason === "transcode-failed") return undefined;
    throw error;
  }
}

/**
 * Writes `audio.aac` into `folder`, which is made: stereo, 48 kHz, at the loudness wanted, from the creative's zero on; silence
 * where the source has no audio.
 *
 * @param measured what `measureSound` said, where it was asked
 * @throws RepackageFailure `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function makeSound(
  { audio, duration }: Source,
  folder: string,
  tools: MediaTools,
  signal: AbortSignal,
  measured?: Loudness,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { limits, loudness } = tools.config;
  const level = audio ? levelFilters(measured ?? (await measure(audio, tools, signal)), loudness) : [];
  const command = encodeAudioCommand(audio, level, duration + RESERVE, `${folder}/audio.aac`, limits);
  await tools.runFfmpeg(command, { timeoutMs: timeoutMs(duration, limits), signal });
}

async function measure(
  audio: { readonly file: IdentifiedFile; readonly index?: number },
  { runFfmpeg, config: { limits } }: MediaTools,
  signal: AbortSignal,
): Promise<Loudness> {
  const command = measureLoudnessCommand(audio.file, audio.index, limits);
  return parseLoudness(await runFfmpeg(command, { timeoutMs: timeoutMs(limits.maxDuration, limits), signal }));
}

function timeoutMs(duration: number, limits: SourceLimits): number {
  return 60_000 + limits.wallTimeFactor * duration * 1000;
}
