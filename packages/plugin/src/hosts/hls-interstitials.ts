/**
 * Breaks that hls.js plays as interstitials, by another of its players on the same media element, with a media source of their own.
 *
 *   content                        the element's time is content time
 *   between the two                the element is empty: time stands still
 *   an ad                          the element's time is the ad's
 *
 * What follows the viewer, his policies and his beacons, is given one timeline with the ads in it, so that it is the same as where ads
 * are spliced.
 *
 * @see hls.js 1.7 API.md, interstitials; player notes §2.1: a break that is inserted resets the media source
 */
import type { PlacedAd, PlacedBreak, SkipReason } from "@interlude/core";
import { describePieces, readBreakIndex } from "../content/interstitials.ts";
import type { LoadedParts } from "../parts.ts";
import { createStreamMedia } from "../viewing/stream-media.ts";
import { type Engine, ENGINE_EVENT, type EngineEventData } from "./hls-engine.ts";

export interface Interstitials {
  /** The element with the ads in its time. */
  readonly wrap: (media: HTMLMediaElement) => HTMLMediaElement;
  /** A playlist of the content came. */
  readonly onLevelUpdated: (playlistUrl: string) => void;
  /** @returns whether the element is only lent to an ad */
  readonly onMediaDetaching: () => boolean;
  readonly stop: () => void;
}

/** Seconds before a break from which playback runs into it, where one seeks to its beginning. */
const RUN_UP = 0.05;
/** Seconds behind a break that are still its end: there the content goes on, with nothing of it lost. */
const RUN_OUT = 0.15;
/** Seconds behind a break's place within which it starts, if it does: browsers tell of the time four times a second. */
const OVERRUN = 0.5;
/** Seconds past a break's place: at the place itself hls.js starts the break. */
const PAST = 0.01;

export function createInterstitials(engine: Engine, parts: LoadedParts): Interstitials {
  const { session, timeline, viewing } = parts;
  /** The ad that the element is for, or will be. */
  let wanted: PlacedAd | undefined;
  let shown: PlacedAd | "content" | undefined;
  let isLent = false;
  let streamTime = 0;
  /** Where the element was in the content, and the break whose place it has run over since. */
  let contentAt = Number.NaN;
  let crossed: PlacedBreak | undefined;
  /** Content time to go on at, when the element is back. */
  let goal: number | undefined;
  let release: (() => void) | undefined;

  const findBreak = (breakId: string): PlacedBreak | undefined =>
    timeline.breaks().find((placed) => placed.breakId === breakId);
  const findAd = ({ event, assetListIndex }: EngineEventData): PlacedAd | undefined => {
    const index = event && readBreakIndex(event.identifier);
    const entry = index === undefined ? undefined : session.entries()[index];
    return entry && findBreak(entry.planned.breakId)?.ads[assetListIndex ?? -1];
  };
  /** hls.js starts a break at the first `timeupdate` behind its place: until then the viewer is in front of it. */
  const findFront = (time: number): number | undefined => {
    crossed ??= timeline.breaks().find((placed) => contentAt < placed.contentTime && isAt(placed, time));
    if (crossed && !isAt(crossed, time)) crossed = undefined;
    contentAt = time;
    return crossed && crossed.startTime - 0.001;
  };
  const leap = (time: number): void => {
    crossed = undefined;
    contentAt = time;
  };
  const toStreamTime = (media: HTMLMediaElement, time: number): number => {
    // it is emptied before it says so
    if (media.readyState === media.HAVE_NOTHING) return streamTime;
    if (goal !== undefined) streamTime = parts.toStreamTime(goal);
    else if (shown === "content") streamTime = findFront(time) ?? parts.toStreamTime(time);
    else if (shown) streamTime = shown.startTime + Math.min(time, shown.duration - 0.001);
    return streamTime;
  };
  const seek = (media: HTMLMediaElement, target: number): void => {
    const into = timeline.breaks().find((placed) => isWithin(placed, target));
    const from = typeof shown === "object" ? shown : undefined;
    if (from && isWithin(from, target)) media.currentTime = target - from.startTime;
    // a later ad of the break follows where this one ends
    else if (from && into?.breakId === from.breakId && target > from.startTime) media.currentTime = media.duration;
    else {
      const contentTime = into ? Math.max(0, into.contentTime - RUN_UP) : selectContentTime(target);
      if (shown === "content") {
        media.currentTime = contentTime;
        leap(contentTime);
      } else {
        goal = contentTime;
        if (from) engine.interstitialsManager?.skip();
      }
    }
  };
  const selectContentTime = (target: number): number => {
    const left = timeline.breaks().find(({ startTime, duration }) => {
      const past = target - startTime - duration;
      return past >= 0 && past < RUN_OUT;
    });
    return left ? left.contentTime + (left.replaced ?? 0) + PAST : parts.toContentTime(target);
  };
  const follow = (media: HTMLMediaElement): (() => void) => {
    const onEmptied = (): void => {
      shown = undefined;
    };
    const onLoaded = (): void => {
      shown = engine.media === media ? "content" : wanted;
      leap(media.currentTime);
      if (shown !== "content" || goal === undefined) return;
      media.currentTime = goal;
      goal = undefined;
    };
    const onSeeking = (): void => leap(media.currentTime);
    media.addEventListener("emptied", onEmptied);
    media.addEventListener("seeking", onSeeking);
    media.addEventListener("loadeddata", onLoaded);
    return () => {
      media.removeEventListener("emptied", onEmptied);
      media.removeEventListener("seeking", onSeeking);
      media.removeEventListener("loadeddata", onLoaded);
    };
  };
  const giveUp = (ad: PlacedAd, details: unknown): void => {
    if (viewing.current()?.placed === ad) viewing.fail(selectReason(details) === "media-unavailable" ? 401 : 405);
    session.refuse(ad.breakId, Number(ad.adId), selectReason(details));
  };
  const listeners: Readonly<Record<string, (data: EngineEventData) => void>> = {
    [ENGINE_EVENT.interstitialAssetStarted]: (data) => {
      wanted = findAd(data);
    },
    [ENGINE_EVENT.interstitialAssetError]: (data) => {
      const ad = findAd(data);
      // hls.js marks an ad that it gives up only after it has told of the error
      if (ad)
        queueMicrotask(() => {
          if (data.asset?.error) giveUp(ad, data.details);
        });
    },
    [ENGINE_EVENT.mediaAttached]: () => {
      isLent = false;
    },
  };
  const listen = (event: string, data: EngineEventData): void => listeners[event]?.(data);
  for (const event of Object.keys(listeners)) engine.on(event, listen);

  return {
    wrap: (media) => {
      release?.();
      release = follow(media);
      const duration = (): number => parts.toStreamTime(parts.contentDuration() ?? media.duration);
      const isOver = (): boolean => streamTime >= duration() - RUN_OUT;
      return createStreamMedia(media, {
        toStreamTime: (time) => toStreamTime(media, time),
        seek: (target) => seek(media, target),
        duration,
        isOver,
      });
    },
    onLevelUpdated: (url) => {
      const fragments = describePieces(timeline.breaks());
      timeline.setDetails({ url, live: false, startSN: 0, fragments });
    },
    onMediaDetaching: () => {
      if (isLent || !engine.interstitialsManager?.playingItem?.event) return false;
      isLent = true;
      return true;
    },
    stop: () => {
      release?.();
      for (const event of Object.keys(listeners)) engine.off(event, listen);
    },
  };
}

function isAt({ contentTime }: PlacedBreak, time: number): boolean {
  return time >= contentTime && time < contentTime + OVERRUN;
}

function isWithin({ startTime, duration }: PlacedAd | PlacedBreak, time: number): boolean {
  return time >= startTime && time < startTime + duration;
}

function selectReason(details: unknown): SkipReason {
  return typeof details === "string" && /(?:Load|Empty)Error$/.test(details)
    ? "media-unavailable"
    : "source-unreadable";
}
