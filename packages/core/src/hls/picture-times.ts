/**
 * When the pictures and the sound of a spliced ad begin, so that hls.js joins it to content of any kind without losing a frame.
 *
 * TS. hls.js joins by the time at which the first picture is decoded, and by that alone. Content with B-frames ends its decoding two
 * frames before its pictures end, content without ends both together; an ad without B-frames fits the second, one with B-frames the
 * first. What fits both: the first picture decoded a little more than one frame before it is shown, whatever the order of those behind
 * it, and the second one shown a little late, which leaves hls.js room to move the first; within a second all pictures are where they
 * were.
 *
 * Fragmented MP4. hls.js joins by the first picture's decoding time (tfdt) and takes the sound along. Content of a stock ffmpeg has its
 * sound end 59 to 80 ms before its pictures: a hole at which players stall, unless the ad's sound begins that much before its pictures.
 *
 * Times are seconds from the first picture.
 *
 * @see docs/decisions/0010-times-of-a-spliced-ad.md; hls.js 1.7.4, mp4-remuxer `generateIS`, `remuxVideo`; passthrough-remuxer
 */

/** Two frames at 23.976 per second, the longest reordering that x264 does by itself. */
const LONGEST_REORDERING = 0.0834;
/** Of the clocks that round it. */
const MARGIN = 0.002;
/** How long the first picture is shown at least when hls.js moves it. */
const SHORTEST_FIRST = 0.018;
/** Shorter than this, there is no room for the pictures to come back to their places. */
const SHORTEST_RETIMED = 1;

/** How much of its delay a picture makes good in each second, and how fast the distance from decoding to showing grows. */
export const CATCH_UP = 0.1;
/** Frames that pictures are decoded before they are shown in the end, where their order asks for no more. */
export const DECODED_AHEAD = 0.95;
/** How long the sound of fragmented MP4 begins before its pictures: less leaves a hole, more takes sound from the content. */
export const SOUND_LEAD: number = (3 * 1024) / 48_000;

/**
 * Whether the pictures of TS get other times than they come with: not what is very short, nor what has pictures that last longer than
 * any reordering, which fits as it is.
 *
 * @param frame how long the first picture is shown
 */
export function isRetimed(frame: number, duration: number): boolean {
  return duration >= SHORTEST_RETIMED && frame < LONGEST_REORDERING;
}

/** How long before it is shown the first picture is decoded. */
export function decodingLead(frame: number): number {
  return Math.max(frame, LONGEST_REORDERING - frame) + MARGIN;
}

/** How late the second picture is shown. */
export function secondDelay(frame: number): number {
  return decodingLead(frame) + SHORTEST_FIRST - frame;
}

/** How late a picture is shown that is due at `time`: the first one is not. */
export function pictureDelay(time: number, frame: number): number {
  return time > 0 ? Math.max(0, secondDelay(frame) - CATCH_UP * (time - frame)) : 0;
}

/**
 * How long before it is shown a picture behind the first is decoded, which grows from the second one on.
 *
 * @param most what it grows to; undefined: {@link DECODED_AHEAD}
 */
export function decodedAhead(time: number, frame: number, most: number = DECODED_AHEAD * frame): number {
  return Math.min(most, CATCH_UP * Math.max(0, time - frame));
}
