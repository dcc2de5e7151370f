/**
 * What a viewer has seen of the breaks, for one session.
 */
import type { WatchedPolicy } from "./policy.ts";

export interface Watched {
  readonly has: (breakId: string) => boolean;
  /** Never shown again. */
  readonly isRemoved: (breakId: string) => boolean;
  /** Seconds by the clock since a break was over; undefined before the first. */
  readonly sinceLastBreak: () => number | undefined;
  readonly begin: (breakId: string, policy: WatchedPolicy) => void;
  /** @param isWhole each ad was played to its end */
  readonly end: (breakId: string, isWhole: boolean) => void;
  readonly removeAfterPlay: (breakId: string) => void;
  readonly breakIds: () => ReadonlySet<string>;
}

/** @param now milliseconds of a clock that never goes back */
export function createWatched(now: () => number): Watched {
  const watched = new Set<string>();
  const watchedOnEnd = new Set<string>();
  const removedAfterPlay = new Set<string>();
  const removed = new Set<string>();
  let endedAt: number | undefined;
  return {
    has: (breakId) => watched.has(breakId),
    isRemoved: (breakId) => removed.has(breakId),
    sinceLastBreak: () => (endedAt === undefined ? undefined : (now() - endedAt) / 1000),
    begin: (breakId, policy) => {
      if (policy === "on-begin") watched.add(breakId);
      if (policy === "on-end") watchedOnEnd.add(breakId);
    },
    end: (breakId, isWhole) => {
      endedAt = now();
      if (isWhole && watchedOnEnd.has(breakId)) watched.add(breakId);
      if (removedAfterPlay.has(breakId)) removed.add(breakId);
    },
    removeAfterPlay: (breakId) => {
      removedAfterPlay.add(breakId);
    },
    breakIds: () => new Set(watched),
  };
}
