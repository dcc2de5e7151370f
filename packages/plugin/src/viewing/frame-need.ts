/**
 * When each frame has to be looked at: to be told of one wakes a page up, and most of them change nothing.
 *
 *   an ad on screen, or a way on behind it  → each frame
 *   a break within two seconds              → each frame
 *   a seek, or another source, just now     → each frame
 *   content                                 → the playhead, a few times a second
 */
import type { Span } from "./seeking.ts";
import type { Timeline } from "./timeline.ts";

/** What is read of a media element. */
export type NeedyMedia = Pick<HTMLMediaElement, "currentTime" | "playbackRate" | "seeking">;

export interface FrameNeed {
  readonly isNeeded: (media: NeedyMedia) => boolean;
  /** The playhead is moved, or the element gets something else to show. */
  readonly onMoved: () => void;
}

export interface FrameNeedDeps {
  readonly timeline: Pick<Timeline, "locate">;
  readonly spots: () => readonly Span[];
  /** Whether a break is on screen. */
  readonly isPlaying: () => boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Seconds by the clock before a break; the playhead is looked at four times a second. */
const AHEAD = 2;
const MOVED_MS = 1000;

export function createFrameNeed({ timeline, spots, isPlaying, now }: FrameNeedDeps): FrameNeed {
  let movedAt = now();
  return {
    onMoved: () => {
      movedAt = now();
    },
    isNeeded: ({ currentTime, playbackRate, seeking }) => {
      if (seeking || now() - movedAt < MOVED_MS || isPlaying() || timeline.locate(currentTime) !== "content")
        return true;
      const reach = currentTime + AHEAD * Math.max(1, playbackRate);
      return spots().some(({ start, end }) => start <= reach && end > currentTime);
    },
  };
}
