/**
 * Whether the playhead has got on by playing or by being moved: quartiles count only what was played.
 */
/** Seconds: players jump over holes in the media by seeking, which is playing on all the same. */
const MAX_STEP = 1.5;
/** Seconds: the first frame of a page that comes back from the background lies behind the playhead that was told before. */
const FRAME_BACK = 0.1;

export interface Steps {
  /** @returns whether what lies between the last time and this one was played */
  readonly step: (time: number, playbackRate: number) => boolean;
  /** The next step says nothing of what was played. */
  readonly seek: () => void;
  readonly lastTime: () => number;
}

/** @param now milliseconds of a clock that never goes back */
export function createSteps(now: () => number): Steps {
  let lastTime = Number.NaN;
  let shownAt = 0;
  let hasSought = false;
  return {
    lastTime: () => lastTime,
    seek: () => {
      hasSought = true;
    },
    step: (time, playbackRate) => {
      const taken = time - lastTime;
      const possible = MAX_STEP + (hasSought ? 0 : (now() - shownAt) / 1000) * Math.max(1, playbackRate);
      lastTime = time;
      shownAt = now();
      hasSought = false;
      return taken >= -FRAME_BACK && taken < possible;
    },
  };
}
