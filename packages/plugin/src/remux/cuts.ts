/**
 * Where a creative is cut into segments: at key frames whose pictures are all shown after those before, and nowhere else.
 *
 * In VOD the first segment ends early, since the first frame waits for all of it. In live playlists each goes as far as the target
 * duration permits, as those of CRS do.
 *
 * @see RFC 8216 §4.3.3.1: EXTINF, rounded to whole seconds, is never above the target duration
 */
import { MediaRefusal } from "./movie.ts";
import type { Pictures } from "./pictures.ts";

/** Where a segment begins. */
export interface Cut {
  /** Index of its key frame. */
  readonly picture: number;
  /** When the first picture of it is shown, which in an open GOP is not the key frame. Seconds from the first of all. */
  readonly time: number;
}

/** Seconds. */
const SHORTEST_FIRST = 0.95;
/** About two seconds, with room for one frame. */
const SHORTEST = 1.95;
/** A rest shorter than this is part of the segment before. */
const SHORTEST_REST = 0.5;
/** A segment must have sound: an AAC frame lasts up to 0.14 s. */
const SHORTEST_OF_ALL = 0.25;
/** Times are as exact as a clock of microseconds. */
const ROUNDING = 2e-6;

/**
 * In order, the first picture first.
 *
 * @param targetDuration seconds; undefined: any length
 * @throws MediaRefusal `target-duration-exceeded`
 */
export function selectCuts(pictures: Pictures, targetDuration: number | undefined): readonly Cut[] {
  const { end } = pictures;
  const keys = listKeys(pictures).filter(({ time }) => end - time >= SHORTEST_OF_ALL);
  const cuts: Cut[] = [{ picture: 0, time: 0 }];
  let start = 0;
  let from = 0;
  for (;;) {
    const next =
      targetDuration === undefined
        ? findNearest(keys, from, (key) => isLongEnough(key, start, end))
        : findFarthest(keys, from, start, end, targetDuration);
    const cut = next === undefined ? undefined : keys[next];
    if (next === undefined || !cut) return cuts;
    cuts.push(cut);
    start = cut.time;
    from = next + 1;
  }
}

function isLongEnough({ time }: Cut, start: number, end: number): boolean {
  return time - start >= (start === 0 ? SHORTEST_FIRST : SHORTEST) && end - time >= SHORTEST_REST;
}

/** Key frames behind the first. */
function listKeys({ count, times, isKey }: Pictures): readonly Cut[] {
  const earliest = new Float64Array(count);
  for (let index = count - 1, time = Infinity; index >= 0; index--) {
    time = Math.min(time, times[index] ?? 0);
    earliest[index] = time;
  }
  const keys: Cut[] = [];
  let latest = 0;
  for (let picture = 1; picture < count; picture++) {
    latest = Math.max(latest, times[picture - 1] ?? 0);
    const time = earliest[picture] ?? 0;
    if (isKey[picture] === 1 && time > latest) keys.push({ picture, time });
  }
  return keys;
}

function findNearest(keys: readonly Cut[], from: number, isFit: (key: Cut) => boolean): number | undefined {
  for (let index = from; index < keys.length; index++) {
    const key = keys[index];
    if (key && isFit(key)) return index;
  }
  return undefined;
}

/** Undefined: the rest is one segment. */
function findFarthest(
  keys: readonly Cut[],
  from: number,
  start: number,
  end: number,
  targetDuration: number,
): number | undefined {
  const limit = start + targetDuration + 0.5 - ROUNDING;
  if (end < limit) return undefined;
  let reached: number | undefined;
  let isRestLong = false;
  for (let index = from; index < keys.length; index++) {
    const time = keys[index]?.time ?? Infinity;
    if (time >= limit) break;
    if (time - start < SHORTEST_OF_ALL || (isRestLong && end - time < SHORTEST_REST)) continue;
    reached = index;
    isRestLong = end - time >= SHORTEST_REST;
  }
  if (reached !== undefined) return reached;
  const next = keys[from]?.time ?? end;
  throw new MediaRefusal(
    "target-duration-exceeded",
    `key frames: expected one until ${(start + targetDuration).toFixed(1)} s, got one at ${next.toFixed(1)} s`,
  );
}
