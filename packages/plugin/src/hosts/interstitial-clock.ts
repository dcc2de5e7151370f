/**
 * Stream time, ads included, of a media element that is taken away from its content for each ad.
 *
 *   it shows content   → content time, and the ads before it
 *   it shows an ad     → where the ad stands, and the element's time
 *   it is empty        → what it was before
 */
import type { PlacedAd, PlacedBreak } from "@interlude/core";

export interface InterstitialClockDeps {
  /** In order of their start; seconds of stream time. */
  readonly breaks: () => readonly PlacedBreak[];
  readonly toStreamTime: (contentTime: number) => number;
  readonly toContentTime: (streamTime: number) => number;
  /** Leaves the break that plays. */
  readonly skip: () => void;
}

export interface InterstitialClock {
  /** Another medium is in the element; undefined: none, or one that is not known. */
  readonly show: (media: HTMLMediaElement, shown: PlacedAd | "content" | undefined) => void;
  /** Stream time of a time of the element. */
  readonly read: (media: HTMLMediaElement, time: number) => number;
  readonly seek: (media: HTMLMediaElement, streamTime: number) => void;
  /** The element has been sought to where it is. */
  readonly onSeeking: (media: HTMLMediaElement) => void;
  /** As last read. */
  readonly streamTime: () => number;
}

/** Seconds before a break from which playback runs into it, where one seeks to its beginning. */
const RUN_UP = 0.05;
/** Seconds behind a break that are still its end: there the content goes on, with nothing of it lost. */
const RUN_OUT = 0.15;
/** Seconds behind a break's place within which it starts, if it does: browsers tell of the time four times a second. */
const OVERRUN = 0.5;
/** Seconds past a break's place: at the place itself hls.js starts the break. */
const PAST = 0.01;
/** Seconds before a break, and before the end of an ad, that are not the next thing yet. */
const BEFORE = 0.001;

export function createInterstitialClock(deps: InterstitialClockDeps): InterstitialClock {
  const { breaks } = deps;
  let shown: PlacedAd | "content" | undefined;
  let streamTime = 0;
  /** Where the element was in the content, and the break whose place it has run over since. */
  let contentAt = Number.NaN;
  let crossed: PlacedBreak | undefined;
  /** Content time to go on at, when the element is back. */
  let goal: number | undefined;

  /** Until hls.js starts a break, the viewer is in front of it. */
  const findFront = (time: number): number | undefined => {
    crossed ??= breaks().find((placed) => contentAt < placed.contentTime && isAt(placed, time));
    if (crossed && !isAt(crossed, time)) crossed = undefined;
    contentAt = time;
    return crossed && crossed.startTime - BEFORE;
  };
  const leap = (time: number): void => {
    crossed = undefined;
    contentAt = time;
  };
  const selectContentTime = (target: number): number => {
    const left = breaks().find(({ startTime, duration }) => {
      const past = target - startTime - duration;
      return past >= 0 && past < RUN_OUT;
    });
    return left ? left.contentTime + (left.replaced ?? 0) + PAST : deps.toContentTime(target);
  };

  return {
    show: (media, now) => {
      shown = now;
      leap(media.currentTime);
      if (goal === undefined || now === undefined) return;
      if (now !== "content") return deps.skip();
      if (Math.abs(goal - media.currentTime) > RUN_OUT) media.currentTime = goal;
      goal = undefined;
    },
    read: (media, time) => {
      // it is emptied before it says so
      if (media.readyState === media.HAVE_NOTHING) return streamTime;
      if (goal !== undefined) streamTime = deps.toStreamTime(goal);
      else if (shown === "content") streamTime = findFront(time) ?? deps.toStreamTime(time);
      else if (shown) streamTime = shown.startTime + Math.min(time, shown.duration - BEFORE);
      return streamTime;
    },
    seek: (media, target) => {
      const into = breaks().find((placed) => isWithin(placed, target));
      if (typeof shown === "object" && isWithin(shown, target)) media.currentTime = target - shown.startTime;
      // a later ad of the break follows where this one ends
      else if (typeof shown === "object" && into?.breakId === shown.breakId && target > shown.startTime)
        media.currentTime = media.duration;
      else {
        const contentTime = into ? Math.max(0, into.contentTime - RUN_UP) : selectContentTime(target);
        if (shown === "content") {
          media.currentTime = contentTime;
          leap(contentTime);
        } else {
          goal = contentTime;
          if (shown) deps.skip();
        }
      }
    },
    onSeeking: (media) => leap(media.currentTime),
    streamTime: () => streamTime,
  };
}

function isAt({ contentTime }: PlacedBreak, time: number): boolean {
  return time >= contentTime && time < contentTime + OVERRUN;
}

function isWithin({ startTime, duration }: PlacedAd | PlacedBreak, time: number): boolean {
  return time >= startTime && time < startTime + duration;
}
