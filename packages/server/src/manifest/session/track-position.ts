/** Which of two refreshes of one rendition is the later one, where several requests and several instances write. */
import type { LiveTimeline } from "@interlude/core";

/** Media sequence numbers of the content. */
export interface TrackPosition {
  /** Content up to this one was listed. */
  readonly listedThrough: number;
  /** Of the window: its first segment, and the one after its last. */
  readonly first: number;
  readonly edge: number;
}

/** undefined: no window was seen yet. */
export function positionOf({ listedThrough, window }: LiveTimeline): TrackPosition | undefined {
  return window && { listedThrough, first: window.head.mediaSequence, edge: window.end.mediaSequence };
}

/**
 * False for a refresh that was overtaken by a later one. A window that lies wholly before what is known is no old refresh: the
 * stream began anew.
 */
export function isCurrent(next: TrackPosition | undefined, known: TrackPosition | undefined): boolean {
  if (!known || !next) return known === undefined;
  if (next.edge < known.first || next.listedThrough > known.listedThrough) return true;
  return next.listedThrough === known.listedThrough && next.edge >= known.edge;
}
