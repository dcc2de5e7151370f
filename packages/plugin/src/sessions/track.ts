/**
 * One media playlist over its refreshes, on a clock that starts at the first segment ever listed: the player's own timeline, as long
 * as nothing is loaded. Segments that have left the window stay known for a while.
 */
import type { MediaPlaylist } from "@interlude/core";

/** Seconds of the clock. */
export interface TrackSegment {
  readonly sn: number;
  readonly start: number;
  readonly end: number;
  /** Whether content and ad may meet at its start. */
  readonly isEdge: boolean;
}

/** What is known of a playlist after a refresh; `segments` is never empty. */
export interface Listing {
  /** Without a gap, those that have left the window first. */
  readonly segments: readonly TrackSegment[];
  /** When the first segment that is listed starts, and the last one ends. */
  readonly startTime: number;
  readonly endTime: number;
  readonly isLive: boolean;
}

export interface Track {
  /** Undefined for a playlist without segments. */
  readonly list: (playlist: MediaPlaylist, isLive: boolean) => Listing | undefined;
}

/** Segments that are remembered from before the window. */
const MAX_LEFT = 500;

export function createTrack(): Track {
  let known: readonly TrackSegment[] = [];
  return {
    list: ({ segments, mediaSequence }, isLive) => {
      const left = known.filter(({ sn }) => sn < mediaSequence).slice(-MAX_LEFT);
      const isContinued = left.at(-1)?.sn === mediaSequence - 1;
      let end = known.find(({ sn }) => sn === mediaSequence)?.start ?? known.at(-1)?.end ?? 0;
      const startTime = end;
      const listed = segments.map(({ duration, discontinuities }, index): TrackSegment => {
        const start = end;
        end += duration;
        const wasEdge = index === 0 && known.some(({ sn, isEdge }) => sn === mediaSequence && isEdge);
        const isEdge = discontinuities > 0 || wasEdge || (index === 0 && !isLive);
        return { sn: mediaSequence + index, start, end, isEdge };
      });
      known = isContinued ? [...left, ...listed] : listed;
      return listed.length === 0 ? undefined : { segments: known, startTime, endTime: end, isLive };
    },
  };
}
