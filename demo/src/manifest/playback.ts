/** What the player does with a sidecar: it looks at the clock, tells which ad is on screen, and sends what has fallen due. */
import type { AdEvent, BeaconEvent } from "@interlude/plugin/hls";
import type { SidecarPod } from "./sidecar.ts";
import { createTracker, extendSpan, seekSpan, sendBeacon, type Span } from "./tracking.ts";

/** An ad on screen; `time` in seconds of it. */
export type PlayingAd = AdEvent & { readonly time: number };

export interface PlaybackListeners {
  /** Ten times a second during an ad, once with undefined after it. */
  readonly ad: (ad: PlayingAd | undefined) => void;
  readonly beacon: (beacon: BeaconEvent) => void;
}

export interface Playback {
  /** Times are those of the element. */
  readonly setPods: (pods: readonly SidecarPod[]) => void;
  /** Sends what has fallen due until now, as before the playhead is moved. */
  readonly look: () => void;
  readonly destroy: () => void;
}

const LOOK_MS = 100;
/** The last frame's time is before the end of the playlist. */
const LAST_FRAME = 0.3;

/** One viewing's. */
export function createPlayback(video: HTMLVideoElement, session: string, listeners: PlaybackListeners): Playback {
  const tracker = createTracker(session);
  let pods: readonly SidecarPod[] = [];
  let span: Span = { from: video.currentTime, to: video.currentTime };
  let isBegun = false;
  let isInAd = false;
  const collect = (): void => {
    if (!isBegun) return;
    for (const beacon of tracker.collect(pods, span)) {
      sendBeacon(beacon.url);
      listeners.beacon(beacon);
    }
  };
  const look = (): void => {
    if (video.paused || video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return;
    isBegun = true;
    span = extendSpan(span, video.currentTime);
    collect();
    const ad = findAd(pods, video.currentTime);
    if (ad || isInAd) listeners.ad(ad);
    isInAd = ad !== undefined;
  };
  const onEnded = (): void => {
    span = extendSpan(span, video.duration + LAST_FRAME);
    collect();
    if (isInAd) listeners.ad(undefined);
    isInAd = false;
  };
  /** Where a jump leads is known before anything of it is played. */
  const onSeeking = (): void => {
    span = seekSpan(span, video.currentTime);
  };
  const timer = setInterval(look, LOOK_MS);
  video.addEventListener("seeking", onSeeking);
  video.addEventListener("timeupdate", look);
  video.addEventListener("ended", onEnded);
  return {
    setPods: (next) => {
      pods = next;
      collect();
    },
    look,
    destroy: () => {
      clearInterval(timer);
      video.removeEventListener("seeking", onSeeking);
      video.removeEventListener("timeupdate", look);
      video.removeEventListener("ended", onEnded);
    },
  };
}

/** Its title is its id: the sidecar has no other name. */
export function findAd(pods: readonly SidecarPod[], now: number): PlayingAd | undefined {
  for (const pod of pods) {
    const index = pod.ads.findIndex(({ startTime, duration }) => startTime <= now && now < startTime + duration);
    const ad = pod.ads[index];
    if (!ad) continue;
    const { id: adId, duration } = ad;
    const names = { breakId: pod.id, adId, title: adId, creativeId: undefined, clickThrough: undefined };
    return { ...names, index, adCount: pod.ads.length, duration, time: now - ad.startTime };
  }
  return undefined;
}
