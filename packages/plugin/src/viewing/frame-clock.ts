/**
 * When the next frame comes, so that a break can be left before a frame too many is shown.
 */

export interface FrameClock {
  /**
   * A frame is on screen.
   *
   * @returns the time up to which the next one may lie: 1.5 frames on, since the first frame behind an edge need not be exact
   */
  readonly next: (time: number, playbackRate: number) => number;
  /** The playhead is moved: what comes next says nothing about the distance of frames. */
  readonly restart: () => void;
}

/** Seconds: 25 frames per second, until the media has shown better. */
const FIRST = 0.04;
/** Seconds at playbackRate 1: sound alone has no frames, and is looked at a few times a second. */
const LONGEST = 0.1;

export function createFrameClock(): FrameClock {
  let interval = FIRST;
  let last = Number.NaN;
  return {
    next: (time, playbackRate) => {
      const step = time - last;
      last = time;
      // a frame that was missed makes a long step, and must not bring the edge forward
      if (step > 0 && step < 1) interval = step < interval ? step : interval * 0.9 + step * 0.1;
      return time + 1.5 * Math.min(interval, LONGEST * Math.max(1, playbackRate));
    },
    restart: () => {
      last = Number.NaN;
    },
  };
}
