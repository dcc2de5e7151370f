/**
 * Where an encoding is cut into segments: at key frames, and nowhere else, since nothing is encoded again.
 *
 * @see RFC 8216 §4.3.3.1: EXTINF, rounded to whole seconds, is never above the target duration
 */
import type { Encoding } from "./encoding.ts";
import { GOP_DURATION, SHORTEST_GOP } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";

/** Times are as exact as a clock of microseconds. Seconds. */
const ROUNDING = 2e-6;
/** Cut at its own key frames, an encoding gets segments of this length at least. Seconds, with room for one frame. */
const SHORTEST_OWN = 1.95;

/**
 * When the segments begin, seconds, 0 first. Greedy: each segment goes to the farthest key frame that lets it keep the target
 * duration; where there is none, to the next one. A rest too short to stand alone is part of the segment before.
 *
 * @param targetDuration 0: at its own key frames, about two seconds apart at least
 */
export function cutTimes(encoding: Encoding, targetDuration: number): readonly number[] {
  const { duration } = encoding;
  const keys = encoding.keyTimes ?? listLadderKeys(encoding);
  const cuts = [0];
  for (let start = 0; ;) {
    const next = targetDuration > 0 ? farthest(keys, start, duration, targetDuration) : nearest(keys, start, duration);
    if (next === undefined) return cuts;
    cuts.push(next);
    start = next;
  }
}

/** Whether an encoding can be cut so that no segment rounds above the target duration; 0 suits every encoding. */
export function fitsTargetDuration(encoding: Encoding, targetDuration: number): boolean {
  const cuts = cutTimes(encoding, targetDuration);
  const lengths = segmentDurations(cuts, encoding.duration);
  return targetDuration === 0 || lengths.every((length) => isWithin(length, targetDuration));
}

/** How long the segments are, seconds. */
export function segmentDurations(cuts: readonly number[], duration: number): readonly number[] {
  return cuts.map((start, index) => (cuts[index + 1] ?? duration) - start);
}

/** The first frame at or after each multiple of two seconds. */
function listLadderKeys({ duration, frameRate }: Encoding): readonly number[] {
  const fps = framesPerSecond(frameRate);
  const count = Math.max(0, Math.floor((duration - SHORTEST_GOP) / GOP_DURATION)) + 1;
  return Array.from({ length: count }, (_, index) => Math.ceil(index * GOP_DURATION * fps - ROUNDING) / fps);
}

function isWithin(length: number, targetDuration: number): boolean {
  return length < targetDuration + 0.5 - ROUNDING;
}

function farthest(keys: readonly number[], start: number, duration: number, target: number): number | undefined {
  if (isWithin(duration - start, target)) return undefined;
  const later = keys.filter((key) => key > start + ROUNDING && key < duration - ROUNDING);
  const reached = later.filter((key) => isWithin(key - start, target));
  return reached.findLast((key) => duration - key >= SHORTEST_GOP) ?? reached.at(-1) ?? later[0];
}

function nearest(keys: readonly number[], start: number, duration: number): number | undefined {
  return keys.find((key) => key - start >= SHORTEST_OWN && duration - key >= SHORTEST_GOP);
}
