/**
 * The plugin at work inside one hls.js: it listens, and it touches nothing but the media element that hls.js plays in.
 */
import { createAdFailures } from "./hls-ad-failure.ts";
import { createEdgeAligner } from "./hls-edges.ts";
import {
  type Engine,
  ENGINE_EVENT,
  type EngineDetails,
  type EngineEventData,
  type EngineFragment,
  type EngineListener,
} from "./hls-engine.ts";
import type { Interstitials } from "./hls-interstitials.ts";
import { createLateBinding } from "./hls-late-binding.ts";
import type { HostSide, LoadedParts } from "../parts.ts";
import { findBufferedEnd } from "../viewing/frames.ts";

/**
 * From now on; playlists must not have come before.
 *
 * @param isAlone nothing around hls.js minds that the element is emptied for an ad
 */
export function attachEngine(engine: Engine, parts: LoadedParts, isAlone: boolean): HostSide {
  const { session, timeline, viewing } = parts;
  const late = createLateBinding({
    engine,
    vod: session.vod,
    targetDuration: () => session.facts()?.targetDuration ?? 0,
    startBudgetMs: parts.settings.startBudgetMs,
    toContentTime: parts.toContentTime,
    toStreamTime: parts.toStreamTime,
    onReload: timeline.forgetFrom,
    onSeekReady: viewing.seekFrom,
  });
  const edges = createEdgeAligner();
  const isLive = (): boolean => session.facts()?.isLive ?? false;
  const failures = createAdFailures({ engine, session, timeline, jump: viewing.jump, reload: late.reload });
  let isDetached = false;
  let watched: HTMLMediaElement | null = null;
  let followed: HTMLMediaElement | null = null;
  let interstitials: Interstitials | undefined;

  const onTime = (): void => {
    if (interstitials) return;
    late.check();
    failures.check();
  };
  const watch = (media: HTMLMediaElement | null): void => {
    for (const event of TIME_EVENTS) watched?.removeEventListener(event, onTime);
    watched = media;
    for (const event of TIME_EVENTS) watched?.addEventListener(event, onTime);
    followed = media && interstitials ? interstitials.wrap(media) : media;
    viewing.watch(followed);
  };
  const playInterstitials = async (): Promise<void> => {
    const { createInterstitials } = await import("./hls-interstitials.ts");
    if (isDetached || interstitials) return;
    // in place they would go into the content's buffers
    if (engine.config) engine.config.interstitialAppendInPlace = false;
    interstitials = createInterstitials(engine, parts);
    watch(engine.media);
  };
  const listeners: Readonly<Record<string, (data: EngineEventData) => void>> = {
    [ENGINE_EVENT.mediaAttached]: () => {
      if (engine.media !== watched) watch(engine.media);
    },
    [ENGINE_EVENT.mediaDetaching]: () => {
      if (interstitials?.onMediaDetaching()) return;
      late.forget();
      viewing.stop();
      watch(null);
    },
    [ENGINE_EVENT.levelUpdated]: ({ details }) => {
      if (isDetails(details)) {
        if (interstitials) interstitials.onLevelUpdated(details.url);
        else timeline.setDetails(details);
      }
      late.onDetails();
      parts.onTimelineChange();
    },
    [ENGINE_EVENT.fragLoading]: ({ frag }) => {
      if (!frag) return;
      late.onFragmentLoading(frag);
      failures.onFragmentLoading(frag);
    },
    [ENGINE_EVENT.fragLoaded]: ({ frag }) => {
      if (!frag) return;
      late.onFragmentLoaded(frag);
      failures.onFragmentLoaded(frag);
    },
    [ENGINE_EVENT.fragBuffered]: ({ frag }) => {
      if (!frag) return;
      failures.onFragmentBuffered(frag);
      // hls.js tells of fragments that it could not parse as well
      if (!hasMedia(frag)) return late.onChange(frag);
      late.onFragmentBuffered(frag);
      if (frag.type === "main") {
        const details = engine.levels[frag.level]?.details;
        timeline.addFragment(frag, details?.url);
        if (!isLive()) edges.add(frag, details, timeline.findAd(frag, details?.url) !== undefined);
      }
      late.check();
    },
    [ENGINE_EVENT.error]: (error) => {
      if (error.frag || error.fatal) late.onChange(error.frag);
      failures.add(error);
    },
    [ENGINE_EVENT.fragLoadEmergencyAborted]: ({ frag }) => late.onChange(frag),
    [ENGINE_EVENT.levelSwitching]: () => late.onChange(),
    [ENGINE_EVENT.audioTrackSwitching]: () => late.onChange(),
  };
  const listen: EngineListener = (event, data) => {
    if (interstitials && OF_SPLICED.includes(event)) return;
    try {
      listeners[event]?.(data);
    } catch (cause) {
      parts.emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    }
  };
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  watch(engine.media);

  return {
    media: () => followed,
    contentUrl: () => engine.url ?? undefined,
    onLateChange: () => {
      if (interstitials) session.vod()?.bindLate(() => false);
      else late.check();
    },
    ...(isAlone && canInterrupt(engine) && { playInterstitials }),
    onSeek: (from, to) => {
      if (!interstitials && canSnapBack(parts.settings)) late.onSeek(from, to);
    },
    liveStart: ({ duration, targetDuration }) => selectLiveStart(engine, duration, targetDuration),
    // a build without tracks of sound has none in its master playlists either
    playsSoundApart: () => engine.allAudioTracks.length > 0,
    bufferAhead: () => {
      const { media } = engine;
      if (!media || media.readyState < media.HAVE_CURRENT_DATA) return undefined;
      return findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
    },
    detach: () => {
      isDetached = true;
      for (const event of Object.keys(listeners)) engine.off(event, listen);
      late.release();
      failures.stop();
      viewing.stop();
      watch(null);
      interstitials?.stop();
    },
  };
}

/** What tells of ads that are in the content's own playlists. */
const OF_SPLICED: readonly string[] = [
  ENGINE_EVENT.fragLoading,
  ENGINE_EVENT.fragLoaded,
  ENGINE_EVENT.fragBuffered,
  ENGINE_EVENT.error,
];

function canInterrupt({ interstitialsManager, config }: Engine): boolean {
  return Boolean(interstitialsManager) && config?.enableInterstitialPlayback !== false;
}

/** Undefined where the page leaves it to hls.js, which begins where the playlist says, or three target durations before the edge. */
function selectLiveStart({ config = {} }: Engine, duration: number, targetDuration: number): number | undefined {
  const { startPosition = -1, liveSyncDuration, liveSyncDurationCount = HLS_SYNC_COUNT } = config;
  if (startPosition >= 0) return startPosition;
  if (liveSyncDuration !== undefined) return Math.max(0, duration - liveSyncDuration);
  const isSet = liveSyncDurationCount !== HLS_SYNC_COUNT;
  return isSet ? Math.max(0, duration - liveSyncDurationCount * targetDuration) : undefined;
}

const HLS_SYNC_COUNT = 3;

/** Whether a break that is sought over may play. */
function canSnapBack({ snapBack, policy }: LoadedParts["settings"]): boolean {
  return snapBack || policy.selectAdBreaksToPlay !== undefined;
}

const TIME_EVENTS = ["timeupdate", "waiting", "seeking", "loadeddata", "durationchange"] as const;

/** Whether anything of a fragment could be read. */
function hasMedia({ elementaryStreams }: EngineFragment): boolean {
  return !elementaryStreams || Object.values(elementaryStreams).some((stream) => stream !== null);
}

function isDetails(value: unknown): value is EngineDetails {
  return typeof value === "object" && value !== null && "fragments" in value && "startSN" in value;
}
