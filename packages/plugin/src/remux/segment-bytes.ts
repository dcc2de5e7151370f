/**
 * What of a file a segment is made of, and where its samples are in that.
 */
import { joinRanges } from "./byte-ranges.ts";
import { MediaRefusal, type SampleTable } from "./movie.ts";
import type { ByteRange } from "./segment-job.ts";

/** Where samples are, in their order. */
export interface Extents {
  /** −1: nowhere. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** Bytes, of samples. */
const LARGEST = 16 * 1024 * 1024;
/** Thirty seconds of pictures and sound take fewer, if each of them lay alone. */
const MOST_RANGES = 4096;

/** Of some samples of a table; an index of −1 stands for what is not in the file. */
export function listExtents(table: SampleTable | undefined, samples: Uint32Array | Int32Array): Extents {
  return {
    offsets: Float64Array.from(samples, (sample) => table?.offsets[sample] ?? -1),
    sizes: Uint32Array.from(samples, (sample) => table?.sizes[sample] ?? 0),
  };
}

/** Bytes of all samples together; those that lie twice are counted twice. */
function sumSizes(extents: readonly Extents[]): number {
  return extents.reduce((sum, { sizes }) => sizes.reduce((all, size) => all + size, sum), 0);
}

/**
 * The ranges of all extents; the offsets of each, counted from the first byte of the ranges laid end to end.
 *
 * @param added bytes that are written besides
 * @throws MediaRefusal `unsupported-media-file` where that is more than a page should hold
 */
export function gatherBytes(
  extents: readonly Extents[],
  added = 0,
): {
  readonly ranges: readonly ByteRange[];
  readonly offsets: readonly Float64Array[];
} {
  const sum = sumSizes(extents) + added;
  if (sum > LARGEST) throw refuse(`${LARGEST} bytes`, sum);
  const ranges = joinRanges(
    extents.flatMap(({ offsets, sizes }) =>
      Array.from(offsets, (start, index) => ({ start, end: start + (sizes[index] ?? 0) })).filter(
        ({ start }) => start >= 0,
      ),
    ),
  );
  if (ranges.length > MOST_RANGES) throw refuse(`${MOST_RANGES} ranges`, ranges.length);
  let sumBefore = 0;
  const starts = ranges.map(({ start, end }) => (sumBefore += end - start) - (end - start));
  const place = (offset: number): number => {
    const index = findRange(ranges, offset);
    return (starts[index] ?? 0) + offset - (ranges[index]?.start ?? 0);
  };
  // what is empty is in no range
  const placeAll = ({ offsets, sizes }: Extents): Float64Array =>
    offsets.map((offset, index) => (offset < 0 ? -1 : sizes[index] === 0 ? 0 : place(offset)));
  return { ranges, offsets: extents.map(placeAll) };
}

function refuse(expected: string, got: number): MediaRefusal {
  return new MediaRefusal("unsupported-media-file", `segment: expected at most ${expected}, got ${got}`);
}

/** Index of the last range that begins at or before an offset. */
function findRange(ranges: readonly ByteRange[], offset: number): number {
  let low = 0;
  let high = ranges.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ranges[middle]?.start ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
