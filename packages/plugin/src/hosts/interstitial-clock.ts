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
/** Seconds past a break's place: at the place itself, which hls.js moves to where the segment as loaded begins, it starts the break. */
const PAST = 0.1;
/** Seconds before a break, and before the end of an ad, that are not the next thing yet. */
const BEFORE = 0.001;

export function createInterstitialClock(deps: InterstitialClockDeps): InterstitialClock {
  const crossing = createCrossing(deps.breaks);
  let shown: PlacedAd | "content" | undefined;
  let streamTime = 0;
  /** Content time to go on at, when the element is back. */
  let goal: number | undefined;

  return {
    show: (media, now) => {
      shown = now;
      crossing.leap(media.currentTime);
      if (goal === undefined || now === undefined) return;
      if (now !== "content") return deps.skip();
      if (Math.abs(goal - media.currentTime) > RUN_OUT) media.currentTime = goal;
      goal = undefined;
    },
    read: (media, time) => {
      // it is emptied before it says so
      if (media.readyState === media.HAVE_NOTHING) return streamTime;
      if (goal !== undefined) streamTime = deps.toStreamTime(goal);
      else if (shown === "content") streamTime = crossing.findFront(time) ?? deps.toStreamTime(time);
      else if (shown) streamTime = shown.startTime + Math.min(time, shown.duration - BEFORE);
      return streamTime;
    },
    seek: (media, target) => {
      const within = typeof shown === "object" ? selectAdTime(shown, media.duration, target, deps) : undefined;
      if (within !== undefined) media.currentTime = within;
      else if (shown === "content") {
        media.currentTime = selectContentTime(target, deps);
        crossing.leap(media.currentTime);
      } else {
        goal = selectContentTime(target, deps);
        if (shown && !isEnding(shown, media.currentTime, deps)) deps.skip();
      }
    },
    onSeeking: (media) => crossing.leap(media.currentTime),
    streamTime: () => streamTime,
  };
}

/** Until hls.js starts a break whose place the viewer has run over, the viewer is in front of it. */
interface Crossing {
  /** Stream time just before such a break; the element is at a content time. */
  readonly findFront: (time: number) => number | undefined;
  /** The element has got to a content time in another way than by playing. */
  readonly leap: (time: number) => void;
}

function createCrossing(breaks: () => readonly PlacedBreak[]): Crossing {
  let last = Number.NaN;
  let crossed: PlacedBreak | undefined;
  return {
    findFront: (time) => {
      crossed ??= breaks().find((placed) => last < placed.contentTime && isAt(placed, time));
      if (crossed && !isAt(crossed, time)) crossed = undefined;
      last = time;
      return crossed && crossed.startTime - BEFORE;
    },
    leap: (time) => {
      crossed = undefined;
      last = time;
    },
  };
}

/** Time of an ad's own element for a stream time; undefined: it lies outside of what plays. */
function selectAdTime(
  shown: PlacedAd,
  duration: number,
  target: number,
  { breaks }: InterstitialClockDeps,
): number | undefined {
  if (isWithin(shown, target)) return target - shown.startTime;
  const into = breaks().find((placed) => isWithin(placed, target));
  // a later ad of the break follows where this one ends
  return into?.breakId === shown.breakId && target > shown.startTime ? duration : undefined;
}

/** Whether the last ad of a break is at its end, and goes by itself: Firefox may paint no more where its media is taken away before. */
function isEnding({ breakId, index, duration }: PlacedAd, time: number, { breaks }: InterstitialClockDeps): boolean {
  const placed = breaks().find((item) => item.breakId === breakId);
  return placed?.ads.length === index + 1 && duration - time < RUN_OUT;
}

/** Content time for a stream time: in front of the break that it is in. */
function selectContentTime(target: number, { breaks, toContentTime }: InterstitialClockDeps): number {
  const into = breaks().find((placed) => isWithin(placed, target));
  if (into) return Math.max(0, into.contentTime - RUN_UP);
  const left = breaks().find(({ startTime, duration }) => {
    const past = target - startTime - duration;
    return past >= 0 && past < RUN_OUT;
  });
  return left ? left.contentTime + (left.replaced ?? 0) + PAST : toContentTime(target);
}

function isAt({ contentTime }: PlacedBreak, time: number): boolean {
  return time >= contentTime && time < contentTime + OVERRUN;
}

function isWithin({ startTime, duration }: PlacedAd | PlacedBreak, time: number): boolean {
  return time >= startTime && time < startTime + duration;
}
