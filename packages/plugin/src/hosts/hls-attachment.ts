/**
 * The plugin at work inside one hls.js: what it hears there goes to whoever puts the ads in, spliced until interstitials are asked for;
 * the media element that hls.js plays in is followed for what the viewer sees.
 */
import { type Engine, ENGINE_EVENT, type EngineDetails } from "./hls-engine.ts";
import type { Interstitials } from "./hls-interstitials.ts";
import { type EngineListeners, listenTo } from "./hls-listen.ts";
import { createSplicing } from "./hls-splicing.ts";
import type { HostSide, LoadedParts } from "../parts.ts";
import { measureAhead } from "../viewing/frames.ts";

/**
 * From now on; playlists must not have come before.
 *
 * @param isAlone nothing around hls.js minds that the element is emptied for an ad
 */
export function attachEngine(engine: Engine, parts: LoadedParts, isAlone: boolean): HostSide {
  const { viewing } = parts;
  const splicing = createSplicing(engine, parts);
  const virtual = createVirtualService(engine, parts);
  let interstitials: Interstitials | undefined;
  let isDetached = false;
  const check = (): void => (interstitials ?? splicing).check();
  const follower = createMediaFollower(parts, check);
  const watch = (media: HTMLMediaElement | null): void => follower.watch(media, interstitials);
  const playInterstitials = async (): Promise<void> => {
    const { createInterstitials } = await import("./hls-interstitials.ts");
    if (isDetached || interstitials) return;
    // in place they would go into the content's buffers
    if (engine.config) engine.config.interstitialAppendInPlace = false;
    stopSplicing();
    splicing.stop();
    interstitials = createInterstitials(engine, parts);
    watch(engine.media);
  };
  const stopSplicing = listenTo(engine, splicing.listeners, parts.emit);
  const listeners: EngineListeners = {
    [ENGINE_EVENT.mediaAttached]: () => {
      if (engine.media !== follower.watched()) watch(engine.media);
    },
    [ENGINE_EVENT.mediaDetaching]: () => {
      if (interstitials?.onMediaDetaching()) return;
      splicing.forget();
      viewing.stop();
      watch(null);
    },
    [ENGINE_EVENT.levelUpdated]: ({ details }) => {
      const known = isDetails(details) ? details : undefined;
      if (!interstitials) splicing.onDetails(known);
      else if (known) interstitials.onLevelUpdated(known.url);
      parts.onTimelineChange();
    },
  };
  const stop = listenTo(engine, listeners, parts.emit);
  watch(engine.media);

  return {
    ...describePlayer(engine),
    serveVirtual: virtual.serve,
    media: follower.followed,
    onLateChange: check,
    lateNotice: splicing.lateNotice,
    ...(isAlone && canInterrupt(engine) && { playInterstitials }),
    onSeek: (from, to) => {
      if (!interstitials && canSnapBack(parts.settings)) splicing.onSeek(from, to);
    },
    detach: () => {
      isDetached = true;
      virtual.stop();
      stop();
      stopSplicing();
      splicing.stop();
      viewing.stop();
      watch(null);
      interstitials?.stop();
    },
  };
}

const TIME_EVENTS = ["timeupdate", "waiting", "seeking", "loadeddata", "durationchange"] as const;

interface MediaFollower {
  /** @param interstitials give it the ads in its time */
  readonly watch: (media: HTMLMediaElement | null, interstitials: Interstitials | undefined) => void;
  /** The element itself. */
  readonly watched: () => HTMLMediaElement | null;
  /** As the viewing sees it. */
  readonly followed: () => HTMLMediaElement | null;
}

/** Whichever element hls.js plays in. */
function createMediaFollower({ viewing }: LoadedParts, onTime: () => void): MediaFollower {
  let watched: HTMLMediaElement | null = null;
  let followed: HTMLMediaElement | null = null;
  return {
    watch: (media, interstitials) => {
      for (const event of TIME_EVENTS) watched?.removeEventListener(event, onTime);
      watched = media;
      for (const event of TIME_EVENTS) watched?.addEventListener(event, onTime);
      followed = media && interstitials ? interstitials.wrap(media) : media;
      viewing.watch(followed);
    },
    watched: () => watched,
    followed: () => followed,
  };
}

interface VirtualService {
  readonly serve: NonNullable<HostSide["serveVirtual"]>;
  /** Nothing begins to be served any more; what is served goes on. */
  readonly stop: () => void;
}

/** What it takes is loaded when it is needed; where that fails, once more when it is needed again. */
function createVirtualService(engine: Engine, { emit }: LoadedParts): VirtualService {
  let serving: Promise<void> | undefined;
  let isStopped = false;
  const begin: VirtualService["serve"] = async (shelf) => {
    const { serveInHls } = await import("./hls-virtual-segments.ts");
    if (!isStopped) serveInHls(engine, shelf, emit, () => !isStopped);
  };
  return {
    serve: (shelf) =>
      (serving ??= begin(shelf).catch((cause: unknown) => {
        serving = undefined;
        throw cause;
      })),
    stop: () => {
      isStopped = true;
    },
  };
}

type PlayerFacts = Pick<HostSide, "contentUrl" | "liveStart" | "playsSoundApart" | "bufferAhead" | "bandwidthBps">;

function describePlayer(engine: Engine): Required<PlayerFacts> {
  return {
    contentUrl: () => engine.url ?? undefined,
    liveStart: ({ duration, targetDuration }) => selectLiveStart(engine, duration, targetDuration),
    // a build without tracks of sound has none in its master playlists either
    playsSoundApart: () => engine.allAudioTracks.length > 0,
    bufferAhead: () => measureAhead(engine.media),
    bandwidthBps: () => readBandwidth(engine),
  };
}

/** Undefined while hls.js goes by what it was given. */
function readBandwidth({ bandwidthEstimate = Number.NaN, abrEwmaDefaultEstimate }: Engine): number | undefined {
  return bandwidthEstimate > 0 && bandwidthEstimate !== abrEwmaDefaultEstimate ? bandwidthEstimate : undefined;
}

function canInterrupt({ interstitialsManager, config }: Engine): boolean {
  return Boolean(interstitialsManager) && config?.enableInterstitialPlayback !== false;
}

const HLS_SYNC_COUNT = 3;

/** Undefined where the page leaves it to hls.js, which begins where the playlist says, or three target durations before the edge. */
function selectLiveStart({ config = {} }: Engine, duration: number, targetDuration: number): number | undefined {
  const { startPosition = -1, liveSyncDuration, liveSyncDurationCount = HLS_SYNC_COUNT } = config;
  if (startPosition >= 0) return startPosition;
  if (liveSyncDuration !== undefined) return Math.max(0, duration - liveSyncDuration);
  const isSet = liveSyncDurationCount !== HLS_SYNC_COUNT;
  return isSet ? Math.max(0, duration - liveSyncDurationCount * targetDuration) : undefined;
}

/** Whether a break that is sought over may play. */
function canSnapBack({ snapBack, policy }: LoadedParts["settings"]): boolean {
  return snapBack || policy.selectAdBreaksToPlay !== undefined;
}

function isDetails(value: unknown): value is EngineDetails {
  return typeof value === "object" && value !== null && "fragments" in value && "startSN" in value;
}
