/**
 * When the pictures and the sound of a package begin: as all spliced ads are timed, in the frames of an encoding.
 *
 * @see core/hls/picture-times.ts
 */
import { decodingLead as leadOf, isRetimed as isRetimedAt, SOUND_LEAD } from "@interlude/core";
import type { Encoding } from "./encoding.ts";
import { AAC_FRAME, SAMPLE_RATE } from "./ffmpeg-args.ts";
import { type FrameRate, framesPerSecond } from "./frame-rate.ts";

/** Whether the pictures get other times than they are stored with. A remux keeps its own. */
export function isRetimed({ keyTimes, duration, frameRate }: Encoding): boolean {
  return keyTimes === undefined && isRetimedAt(1 / framesPerSecond(frameRate), duration);
}

/** How long before it is shown the first picture of a retimed track is decoded. Seconds. */
export function decodingLead(frameRate: FrameRate): number {
  return leadOf(1 / framesPerSecond(frameRate));
}

/** Silent AAC frames before the first picture of fragmented MP4. */
export const SILENT_FRAMES: number = Math.round((SOUND_LEAD * SAMPLE_RATE) / AAC_FRAME);
