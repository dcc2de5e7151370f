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
import { describePieces } from "../content/interstitials.ts";
import type { LoadedParts } from "../parts.ts";
import { createStreamMedia } from "../viewing/stream-media.ts";
import { type Engine, ENGINE_EVENT } from "./hls-engine.ts";
import { createInterstitialAds } from "./hls-interstitial-ads.ts";
import { askAnew } from "./hls-late-playlists.ts";
import { listenTo } from "./hls-listen.ts";
import { createInterstitialClock } from "./interstitial-clock.ts";
import { isOnline } from "./online.ts";

export interface Interstitials {
  /** The element with the ads in its time. */
  readonly wrap: (media: HTMLMediaElement) => HTMLMediaElement;
  /** A playlist of the content came. */
  readonly onLevelUpdated: (playlistUrl: string) => void;
  /** A break was decided, or the viewer has got further: what lies far enough ahead is declared, what does not is skipped. */
  readonly check: () => void;
  /** @returns whether the element is only lent to an ad; where not, it is followed no more */
  readonly onMediaDetaching: () => boolean;
  readonly stop: () => void;
}

/** How long nothing of an ad may be seen. */
const STANDSTILL_MS = 6000;
/** Seconds before the end of everything that are its end. */
const AT_END = 0.15;
/** Seconds in which hls.js gets a playlist anew, and something of the ad. */
const LATEST = 1;

export function createInterstitials(engine: Engine, parts: LoadedParts): Interstitials {
  const { timeline, session } = parts;
  let isLent = false;
  let release: (() => void) | undefined;
  const isBreak = (): boolean => Boolean(engine.interstitialsManager?.playingItem?.event);
  const ads = createInterstitialAds(parts);
  const skip = (): void => engine.interstitialsManager?.skip();
  const clock = createInterstitialClock({ ...parts, breaks: timeline.breaks, skip });
  const onAttached = (): void => {
    isLent = false;
  };
  const listeners = { ...ads.listeners, [ENGINE_EVENT.mediaAttached]: onAttached };
  const stop = listenTo(engine, listeners, parts.emit);

  return {
    wrap: (media) => {
      release?.();
      release = followElement(media, {
        onEmptied: () => clock.show(media, undefined),
        onLoaded: (wasOver) => {
          const isContent = engine.media === media;
          clock.show(media, isContent ? "content" : ads.current());
          // refused: as a page is whose viewer has to begin by hand
          if (wasOver && !isContent && isBreak()) void media.play().catch(() => undefined);
        },
        onSeeking: () => clock.onSeeking(media),
        now: parts.ports.now,
        onStandstill: () => {
          if (isBreak() && !engine.media) ads.giveUpCurrent();
        },
      });
      const duration = (): number => parts.toStreamTime(parts.contentDuration() ?? media.duration);
      return createStreamMedia(media, {
        toStreamTime: (time) => clock.read(media, time),
        seek: (target) => clock.seek(media, target),
        duration,
        isOver: () => clock.streamTime() >= duration() - AT_END,
      });
    },
    onLevelUpdated: (url) => {
      const playlist = { url, live: false, startSN: 0 };
      // the breaks are those of the playlist that counts: now this one
      timeline.setDetails({ ...playlist, fragments: [] });
      timeline.setDetails({ ...playlist, fragments: describePieces(timeline.breaks()) });
    },
    check: () => {
      const { media } = engine;
      // until the first frame is there, hls.js has not settled where to start; while an ad plays, it does not load the content
      if (!media || media.readyState < media.HAVE_CURRENT_DATA || isBreak()) return;
      const at = media.currentTime;
      const hasChanged = session.vod()?.bindLate(({ contentTime }) => contentTime - at > LATEST);
      if (hasChanged) askAnew(engine, at);
    },
    onMediaDetaching: () => {
      if (isLent || !isBreak()) {
        release?.();
        release = undefined;
        return false;
      }
      isLent = true;
      return true;
    },
    stop: () => {
      release?.();
      stop();
    },
  };
}

interface ElementFollower {
  readonly onEmptied: () => void;
  /**
   * Another medium is in the element.
   *
   * @param wasOver the one before has played to its end. That pauses the element (HTML §4.8.11.8), which hls.js takes for the viewer's
   *   wish: where the end comes first, an ad behind it would stand still.
   */
  readonly onLoaded: (wasOver: boolean) => void;
  readonly onSeeking: () => void;
  /** Nothing has moved for a while, although it should. */
  readonly onStandstill: () => void;
  readonly now: () => number;
}

/** @returns what ends it */
function followElement(media: HTMLMediaElement, follower: ElementFollower): () => void {
  let isOver = false;
  const listeners = {
    emptied: follower.onEmptied,
    loadeddata: () => {
      follower.onLoaded(isOver && media.paused);
      isOver = false;
    },
    seeking: follower.onSeeking,
    // a pause that is told when the element is empty was no viewer's: nobody can pause what does not play
    pause: () => {
      isOver = media.ended || media.readyState === media.HAVE_NOTHING;
    },
    play: () => {
      isOver = false;
    },
  };
  for (const [name, listener] of Object.entries(listeners)) media.addEventListener(name, listener);
  const unwatch = watchStandstill(media, follower.now, follower.onStandstill);
  return () => {
    unwatch();
    for (const [name, listener] of Object.entries(listeners)) media.removeEventListener(name, listener);
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
