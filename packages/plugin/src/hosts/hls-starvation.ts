/**
 * The viewer has nothing to see: hls.js waits for a fragment that does not come, or takes for loaded what is not in the buffer, as when
 * an append has changed nothing.
 *
 * @see hls.js 1.7 buffer-controller.ts, `checkAppendProgress` (`bufferAppendNoProgress` is told, and nothing is done)
 */
import type { Engine, EngineFragment } from "./hls-engine.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import { isOnline } from "./online.ts";

export interface Starvation {
  readonly onFragmentLoading: (fragment: EngineFragment) => void;
  /** Loaded, or failed. */
  readonly onFragmentDone: (fragment: EngineFragment) => void;
  readonly stop: () => void;
}

/** Seconds ahead below which there is nothing to see; media elements stop a little before the end of what they have. */
const LITTLE = 0.3;
const TICK_MS = 500;
/** How long one waits for a fragment that is under way, and where none is. */
const PATIENCE_MS = 6000;
const STUCK_MS = 2000;

/** @param onStarved told once per wait; `isStuck`: nothing is under way that could end it */
export function watchStarvation(engine: Engine, onStarved: (isStuck: boolean) => void): Starvation {
  const loading = new Map<string, EngineFragment>();
  let place = Number.NaN;
  let waitedMs = 0;
  const look = (): void => {
    const { media } = engine;
    const isWaiting = media && !media.paused && !media.ended && bufferedAhead(media) < LITTLE && isOnline();
    if (!isWaiting || media.currentTime !== place) {
      place = media?.currentTime ?? Number.NaN;
      waitedMs = 0;
      return;
    }
    const before = waitedMs;
    waitedMs += TICK_MS;
    const limit = loading.size > 0 ? PATIENCE_MS : STUCK_MS;
    if (before < limit && waitedMs >= limit) onStarved(loading.size === 0);
  };
  const timer = setInterval(look, TICK_MS);
  return {
    onFragmentLoading: (fragment) => loading.set(fragment.type, fragment),
    onFragmentDone: (fragment) => {
      if (loading.get(fragment.type) === fragment) loading.delete(fragment.type);
    },
    stop: () => clearInterval(timer),
  };
}

/** Seconds of media ahead of the playhead. */
export function bufferedAhead({ buffered, currentTime }: HTMLMediaElement): number {
  return findBufferedEnd(buffered, currentTime) - currentTime;
}
