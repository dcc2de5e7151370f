/**
 * Which ad rendition goes with a content rendition, and which segment boundary is meant by a time.
 *
 * @see primetime.md §1.6 (nearest boundary), §1.9 (bit rate matching)
 */
import type { Segment } from "./media-playlist.ts";

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

/**
 * The index of the segment whose start is nearest to `time` (seconds from the first segment's start); `segments.length` means the
 * end of the list. Of two equally near boundaries (to the millisecond) it is the later one.
 */
export function snapToBoundary(segments: readonly Segment[], time: number): number {
  let start = 0;
  for (const [index, segment] of segments.entries()) {
    if (time - start < segment.duration / 2 - 0.001) return index;
    start += segment.duration;
  }
  return segments.length;
}
