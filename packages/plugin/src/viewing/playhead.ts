/**
 * Where the playhead is, as far as anybody has seen, and which seeks are the viewer's.
 *
 * Seeks of the plugin's own are known by where they go. Those of the player are told apart: before the first frame it goes where it
 * starts, over holes it steps, and who falls out of a live window is taken back into it.
 */
import { createFrameClock } from "./frame-clock.ts";
import { findSpot, isPlayerStep, NEAR, type Spot } from "./seeking.ts";

/** What the policies read and move of a media element. */
export type SteeredMedia = Pick<HTMLMediaElement, "seeking" | "seekable" | "paused" | "duration"> & {
  currentTime: number;
  playbackRate: number;
};

export interface Playhead {
  /** Of the last frame, or where a seek has gone since; NaN while the element has nothing. */
  readonly position: () => number;
  readonly move: (media: SteeredMedia, target: number) => void;
  /**
   * The element seeks.
   *
   * @returns where from, for a seek of the viewer's
   */
  readonly seek: (media: SteeredMedia) => number | undefined;
  readonly onSeeked: () => void;
  /** @returns false for a frame of the place before a seek, which says nothing */
  readonly show: (media: SteeredMedia, time: number, spots: readonly Spot[]) => boolean;
  /** When the frame after the one at a time comes. */
  readonly next: (media: SteeredMedia, time: number) => number;
  readonly onEmptied: () => void;
}

/** Seconds within which a seek is the expected one, as elements round. */
const SAME = 0.02;
/** Seconds from where a seek goes beyond which a frame is one from before it. */
const STALE = 0.3;

export function createPlayhead(isLive: () => boolean): Playhead {
  const clock = createFrameClock();
  let position = Number.NaN;
  let hasFrame = false;
  let expected: number | undefined;
  /** Where a seek goes to; what is shown of a break before it is what the player had there. */
  let landing = Number.NaN;

  const isTakenBack = ({ seekable }: SteeredMedia): boolean =>
    isLive() && seekable.length > 0 && position < seekable.start(0) - NEAR;
  return {
    position: () => position,
    move: (media, target) => {
      media.currentTime = Math.min(target, media.duration || target);
      // as the element takes it
      expected = position = landing = media.currentTime;
    },
    seek: (media) => {
      const to = media.currentTime;
      if (expected !== undefined && Math.abs(to - expected) < SAME) return undefined;
      expected = undefined;
      landing = to;
      clock.restart();
      const isViewers = hasFrame && !isPlayerStep(position, to) && !isTakenBack(media);
      const from = isViewers ? position : undefined;
      position = to;
      return from;
    },
    onSeeked: () => {
      expected = undefined;
    },
    show: (media, time, spots) => {
      if (media.seeking && Math.abs(time - media.currentTime) > STALE) return false;
      const inside = findSpot(spots, time);
      if (inside && time < landing && inside.end <= landing) return false;
      position = time;
      landing = Number.NaN;
      hasFrame = true;
      return true;
    },
    next: ({ playbackRate }, time) => clock.next(time, playbackRate),
    onEmptied: () => {
      hasFrame = false;
      expected = undefined;
      position = Number.NaN;
    },
  };
}
