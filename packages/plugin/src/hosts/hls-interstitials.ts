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
import { isOnline } from "./online.ts";
import { createInterstitialClock } from "./interstitial-clock.ts";

export interface Interstitials {
  /** The element with the ads in its time. */
  readonly wrap: (media: HTMLMediaElement) => HTMLMediaElement;
  /** A playlist of the content came. */
  readonly onLevelUpdated: (playlistUrl: string) => void;
  /** @returns whether the element is only lent to an ad */
  readonly onMediaDetaching: () => boolean;
  readonly stop: () => void;
}

/** Errors of loading before an ad is given up. */
const MAX_FAILURES = 2;
/** How long nothing of an ad may be seen. */
const STANDSTILL_MS = 6000;
/** Seconds before the end of everything that are its end. */
const AT_END = 0.15;

export function createInterstitials(engine: Engine, parts: LoadedParts): Interstitials {
  const { timeline } = parts;
  /** The ad that the element is for, or will be. */
  let wanted: PlacedAd | undefined;
  let player: EngineEventData["player"];
  let isLent = false;
  let release: (() => void) | undefined;
  const skip = (): void => engine.interstitialsManager?.skip();
  const clock = createInterstitialClock({ ...parts, breaks: timeline.breaks, skip });
  const isBreak = (): boolean => Boolean(engine.interstitialsManager?.playingItem?.event);

  const follow = (media: HTMLMediaElement): (() => void) => {
    const events: Readonly<Record<string, () => void>> = {
      emptied: () => clock.show(media, undefined),
      loadeddata: () => clock.show(media, engine.media === media ? "content" : wanted),
      seeking: () => clock.onSeeking(media),
    };
    for (const [name, listener] of Object.entries(events)) media.addEventListener(name, listener);
    const unwatch = watchStandstill(media, parts.ports.now, () => {
      if (!wanted || !isBreak() || engine.media) return;
      giveUp(wanted, "media-timeout", player);
    });
    return () => {
      unwatch();
      for (const [name, listener] of Object.entries(events)) media.removeEventListener(name, listener);
    };
  };
  const findBreak = (breakId: string | undefined): PlacedBreak | undefined =>
    timeline.breaks().find((placed) => placed.breakId === breakId);
  const findAd = ({ event, assetListIndex = -1 }: EngineEventData): PlacedAd | undefined => {
    const entry = event && parts.session.entries()[readBreakIndex(event.identifier) ?? -1];
    return findBreak(entry?.planned.breakId)?.ads[assetListIndex];
  };
  const giveUp = ({ breakId, adId }: PlacedAd, reason: SkipReason, broken: EngineEventData["player"]): void => {
    parts.session.refuse(breakId, Number(adId), reason, true);
    // hls.js goes on to what follows the ad
    broken?.destroy();
  };
  const failures = new Map<string, number>();
  const stop = listenTo(engine, {
    [ENGINE_EVENT.interstitialAssetStarted]: (data) => {
      wanted = findAd(data);
      player = data.player;
    },
    [ENGINE_EVENT.interstitialAssetError]: (data) => {
      const ad = findAd(data);
      if (!ad) return;
      const reason = selectReason(data.details);
      const name = JSON.stringify([ad.breakId, ad.adId]);
      const count = (failures.get(name) ?? 0) + 1;
      failures.set(name, count);
      // what hls.js gives up itself it marks only after it has told of the error
      queueMicrotask(() => {
        if (data.asset?.error) giveUp(ad, reason, undefined);
        else if (reason === "media-unavailable" && count === MAX_FAILURES && isOnline())
          giveUp(ad, reason, data.player);
      });
    },
    [ENGINE_EVENT.mediaAttached]: () => {
      isLent = false;
    },
  });

  return {
    wrap: (media) => {
      release?.();
      release = follow(media);
      const duration = (): number => parts.toStreamTime(parts.contentDuration() ?? media.duration);
      return createStreamMedia(media, {
        toStreamTime: (time) => clock.read(media, time),
        seek: (target) => clock.seek(media, target),
        duration,
        isOver: () => clock.streamTime() >= duration() - AT_END,
      });
    },
    onLevelUpdated: (url) => {
      const fragments = describePieces(timeline.breaks());
      timeline.setDetails({ url, live: false, startSN: 0, fragments });
    },
    onMediaDetaching: () => {
      if (isLent || !isBreak()) return false;
      isLent = true;
      return true;
    },
    stop: () => {
      release?.();
      stop();
    },
  };
}

/** @returns what ends it */
function listenTo(engine: Engine, listeners: Readonly<Record<string, (data: EngineEventData) => void>>): () => void {
  const listen = (event: string, data: EngineEventData): void => listeners[event]?.(data);
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  return () => {
    for (const event of Object.keys(listeners)) engine.off(event, listen);
  };
}

/** @param onStandstill called again after as long a time, whatever plays */
function watchStandstill(media: HTMLMediaElement, now: () => number, onStandstill: () => void): () => void {
  let place = Number.NaN;
  let since = 0;
  const timer = setInterval(() => {
    if (media.paused || media.ended || media.currentTime !== place || !isOnline()) {
      place = media.currentTime;
      since = now();
    } else if (now() - since >= STANDSTILL_MS) {
      since = now();
      onStandstill();
    }
  }, STANDSTILL_MS / 10);
  return () => clearInterval(timer);
}

function selectReason(details: unknown): SkipReason {
  const isLoading = typeof details === "string" && /(?:LoadError|LoadTimeOut|EmptyError)$/.test(details);
  return isLoading ? "media-unavailable" : "source-unreadable";
}
