/**
 * When hls.js loads nothing more: while what it would load next may still be changed by a break that is being decided.
 */
import type { Engine } from "./hls-engine.ts";

/** A pause in what hls.js loads. */
export interface LoadingHold {
  readonly begin: () => void;
  readonly end: () => void;
  readonly isOn: () => boolean;
  /** Whether the time that it was begun for is not up; it may go on for longer. */
  readonly isInTime: () => boolean;
}

export function createLoadingHold(engine: Engine, budgetMs: number, onTimeUp: () => void): LoadingHold {
  let isBegun = false;
  let limit: ReturnType<typeof setTimeout> | undefined;
  // whoever starts hls.js anew ends all pauses
  const isOn = (): boolean => isBegun && !engine.bufferingEnabled;
  const stopTimer = (): void => {
    clearTimeout(limit);
    limit = undefined;
  };
  return {
    isOn,
    isInTime: () => limit !== undefined,
    begin: () => {
      isBegun = true;
      engine.pauseBuffering();
      stopTimer();
      limit = setTimeout(() => {
        limit = undefined;
        onTimeUp();
      }, budgetMs);
    },
    end: () => {
      stopTimer();
      if (isOn()) engine.resumeBuffering();
      isBegun = false;
    },
  };
}
