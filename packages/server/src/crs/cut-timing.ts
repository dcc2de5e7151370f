/**
 * When the pictures and the sound of a package begin, so that hls.js joins it to content of any kind without losing a frame.
 *
 * TS. hls.js joins by the time at which the first picture is decoded, and by that alone. Content with B-frames ends its decoding two
 * frames before its pictures end, content without ends both together; an ad without B-frames fits the second, one with B-frames the
 * first. What fits both: no B-frames, the first picture decoded a little more than one frame before it is shown, and the second one
 * shown a little late, which leaves hls.js room to move the first; within a second all pictures are where they were.
 *
 * Fragmented MP4. hls.js joins by the first picture's decoding time (tfdt) and takes the sound along. Content of a stock ffmpeg has its
 * sound end 59 to 80 ms before its pictures: a hole at which players stall, unless the ad's sound begins that much before its pictures.
 *
 * @see hls.js 1.7.4, mp4-remuxer `generateIS`, `remuxVideo`; passthrough-remuxer
 */
import type { Encoding } from "./encoding.ts";
import { AAC_FRAME, SAMPLE_RATE } from "./ffmpeg-args.ts";
import { type FrameRate, framesPerSecond } from "./frame-rate.ts";

/** Two frames at 23.976 per second, the longest reordering that x264 does by itself. Seconds. */
const LONGEST_REORDERING = 0.0834;
/** Of the clocks that round it. Seconds. */
const MARGIN = 0.002;
/** How long the first picture is shown at least when hls.js moves it. Seconds. */
export const PICTURE_LEAD = 0.018;
/** Shorter than this, there is no room for the pictures to come back to their places. Seconds. */
const SHORTEST_RETIMED = 1;

/**
 * Whether the pictures get other times than they are stored with. A remux keeps its own, and so does what is very short, and what
 * has pictures that last longer than any reordering: it fits as it is.
 */
export function isRetimed({ keyTimes, duration, frameRate }: Encoding): boolean {
  const frame = 1 / framesPerSecond(frameRate);
  return keyTimes === undefined && duration >= SHORTEST_RETIMED && frame < LONGEST_REORDERING;
}

/** How long before it is shown the first picture of a retimed track is decoded. Seconds. */
export function decodingLead(frameRate: FrameRate): number {
  const frame = 1 / framesPerSecond(frameRate);
  return Math.max(frame, LONGEST_REORDERING - frame) + MARGIN;
}

/** Silent AAC frames before the first picture of fragmented MP4: fewer leave a hole, more take sound from the content. */
export const SILENT_FRAMES = 3;

/** How long the sound of fragmented MP4 begins before its pictures. Seconds. */
export const SOUND_LEAD: number = (SILENT_FRAMES * AAC_FRAME) / SAMPLE_RATE;
