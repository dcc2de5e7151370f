/** Makes the one sound that every layer and every rendition of a creative shares. */
import { mkdir } from "node:fs/promises";
import { encodeAudioCommand, measureLoudnessCommand } from "./ffmpeg-args.ts";
import { levelFilters, parseLoudness } from "./loudness.ts";
import type { MediaTools } from "./media-tools.ts";
import type { Source } from "./source.ts";

/** It is made this much longer than the pictures, and cut to them when it is packaged. Seconds. */
const RESERVE = 1;

/**
 * Writes `audio.aac` into `folder`, which is made: stereo, 48 kHz, at the loudness wanted, from the creative's zero on.
 *
 * @throws RepackageFailure `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function makeSound(source: Source, folder: string, tools: MediaTools, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { limits, loudness } = tools.config;
  const { audio, duration } = source;
  const options = { timeoutMs: 60_000 + limits.wallTimeFactor * duration * 1000, signal };
  const report = audio && (await tools.runFfmpeg(measureLoudnessCommand(audio, limits), options));
  const level = report === undefined ? [] : levelFilters(parseLoudness(report), loudness);
  const path = `${folder}/audio.aac`;
  await tools.runFfmpeg(encodeAudioCommand(audio, level, duration + RESERVE, path, limits), options);
}
