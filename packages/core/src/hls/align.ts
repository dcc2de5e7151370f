/**
 * Which ad rendition goes with a content rendition, and which segment boundary is meant by a time.
 *
 * @see primetime.md §1.6 (nearest boundary), §1.9 (bit rate matching)
 */
/**
 * The highest rendition not above the content's bandwidth, else the lowest; the highest of all where the content's bandwidth is
 * unknown. `undefined` only for an empty list.
 */
export function selectRendition<Rendition extends { readonly bandwidthBps: number }>(
  renditions: readonly Rendition[],
  contentBandwidthBps: number | undefined,
): Rendition | undefined {
  const ladder = renditions.toSorted((a, b) => a.bandwidthBps - b.bandwidthBps);
  const limit = contentBandwidthBps ?? Number.POSITIVE_INFINITY;
  return ladder.findLast((rendition) => rendition.bandwidthBps <= limit) ?? ladder[0];
}

const boundariesOf = new WeakMap<readonly object[], readonly number[]>();

/**
 * The segment boundaries: the start of each segment in seconds from the first, then the end of the last. Never empty; worked out
 * once for one list of segments.
 */
export function segmentBoundaries(segments: readonly { readonly duration: number }[]): readonly number[] {
  const known = boundariesOf.get(segments);
  if (known) return known;
  const boundaries = [0];
  let end = 0;
  for (const { duration } of segments) boundaries.push((end += duration));
  boundariesOf.set(segments, boundaries);
  return boundaries;
}

/**
 * The index of the boundary nearest to `time`; of two equally near ones (to the millisecond) the later. With boundaries from
 * {@link segmentBoundaries} it is the index of the segment that starts there; the last one is the end of the list.
 */
export function snapToBoundary(boundaries: readonly number[], time: number): number {
  let low = 0;
  let high = boundaries.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const between = ((boundaries[middle] ?? 0) + (boundaries[middle + 1] ?? 0)) / 2;
    if (time < between - 0.0005) high = middle;
    else low = middle + 1;
  }
  return low;
}
