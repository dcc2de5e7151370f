/**
 * Sets of bytes of a file: sorted ranges of which none touches another.
 */
import type { ByteRange } from "./segment-job.ts";

/** Empty ranges are left out. */
export function joinRanges(ranges: readonly ByteRange[], maxGap = 0): readonly ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of ranges.filter(({ start, end }) => end > start).toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && range.start <= last.end + maxGap)
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else joined.push(range);
  }
  return joined;
}

/** What of `ranges` is not in `taken`; both sorted, without overlaps. */
export function subtractRanges(ranges: readonly ByteRange[], taken: readonly ByteRange[]): readonly ByteRange[] {
  const left: ByteRange[] = [];
  let index = 0;
  for (const { start, end } of ranges) {
    let at = start;
    while ((taken[index]?.end ?? Infinity) <= at) index += 1;
    for (let next = index; ; next += 1) {
      const hole = taken[next];
      if (!hole || hole.start >= end) break;
      if (hole.start > at) left.push({ start: at, end: hole.start });
      at = Math.max(at, hole.end);
    }
    if (at < end) left.push({ start: at, end });
  }
  return left;
}

/** Bytes. */
export function sumRanges(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
