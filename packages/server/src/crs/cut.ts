/**
 * Cuts a stored encoding into one package, by stream copy, and proves that it can be spliced: nothing is published that was not
 * looked at.
 */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Package } from "@interlude/core";
import { AUDIO_TRACK, cutCmaf } from "./cut-cmaf.ts";
import type { CutPackage } from "./cut-package.ts";
import type { CutPlan } from "./cut-plan.ts";
import { cutTimes, segmentDurations } from "./cut-times.ts";
import { cutTs } from "./cut-ts.ts";
import type { MediaTools } from "./media-tools.ts";
import type { Encoding } from "./encoding.ts";
import { readSampleTable } from "./mp4-samples.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { listTimedMetadata } from "./timed-metadata.ts";
import { verifyCut } from "./verify-cut.ts";

export interface CutOptions {
  /** Timed metadata in the segments: which creative plays, and how far it is. */
  readonly id3?: { readonly creativeKey: string };
}

/**
 * Writes `<track>/<segment>` below `folder`, which is made.
 *
 * @throws RepackageFailure `output-invalid`, `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function cutEncoding(
  encoding: Encoding,
  wanted: Package,
  folder: string,
  { id3 }: CutOptions,
  tools: Pick<MediaTools, "runFfmpeg">,
  signal: AbortSignal,
): Promise<CutPackage> {
  const keyTimes = encoding.keyTimes ?? (await readKeyTimes(encoding));
  const cuts = cutTimes({ ...encoding, keyTimes }, wanted.targetDuration);
  const longest = Math.max(...segmentDurations(cuts, encoding.duration));
  const targetDuration = wanted.targetDuration || Math.ceil(longest - ROUNDING);
  const tags = id3 ? listTimedMetadata(id3.creativeKey, encoding.duration) : [];
  const plan: CutPlan = { encoding, cuts, targetDuration, tags, folder };
  const isCmaf = wanted.packaging === "cmaf";
  const names = [...encoding.renditions.map(({ name }) => name), ...(isCmaf ? [AUDIO_TRACK] : [])];
  await Promise.all(names.map((name) => mkdir(join(folder, name), { recursive: true })));
  const written = await (isCmaf ? cutCmaf(plan, signal) : cutTs(plan, tools, signal)).catch((error: unknown) => {
    if (signal.aborted || error instanceof RepackageFailure) throw error;
    throw new RepackageFailure("output-invalid", `package ${wanted.packaging}: ${String(error)}`, error);
  });
  verifyCut(plan, written);
  return { folder, targetDuration, tracks: written.map(({ track }) => track) };
}

/** Of a clock of microseconds. Seconds. */
const ROUNDING = 1e-6;

/** When the key frames of the best rendition are shown, seconds: those of a ladder are the same in all. */
async function readKeyTimes({ folder, renditions }: Encoding): Promise<readonly number[]> {
  const file = await open(join(folder, `${renditions[0]?.name}.mp4`));
  try {
    const { samples, timescale } = await readSampleTable(file);
    return samples.filter(({ isKey }) => isKey).map(({ time }) => time / timescale);
  } finally {
    await file.close();
  }
}
