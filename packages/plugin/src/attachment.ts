/**
 * The plugin at work inside one hls.js: it listens, and it touches nothing but the media element that hls.js plays in.
 */
import { createAdFailures } from "./ad-failure.ts";
import type { BeaconSender } from "./beacons.ts";
import { createEdgeAligner } from "./edges.ts";
import { type Engine, ENGINE_EVENT, type EngineDetails, type EngineEventData, type EngineListener } from "./engine.ts";
import type { Emit } from "./events.ts";
import { findBufferedEnd, type Stall, watchFrames, watchStalls } from "./frames.ts";
import { createLateBinding } from "./late-binding.ts";
import { createPlayback, type Playback } from "./playback.ts";
import type { Session } from "./session.ts";
import { type Timeline, toStreamTime } from "./timeline.ts";

export interface AttachmentDeps {
  readonly engine: Engine;
  readonly session: Session;
  readonly timeline: Timeline;
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  readonly now: () => number;
  readonly toContentTime: (time: number) => number;
  /** Fragments or playlists have moved the breaks. */
  readonly onTimelineChange: () => void;
  readonly onDestroy: () => void;
}

export interface Attachment {
  /** A break was decided. */
  readonly check: () => void;
  readonly detach: () => void;
  /** Seconds of media ahead of the playhead; undefined while nothing is buffered there. */
  readonly bufferAhead: () => number | undefined;
}

export function attachEngine(deps: AttachmentDeps): Attachment {
  const { engine, session, timeline } = deps;
  const late = createLateBinding({
    engine,
    vod: session.vod,
    targetDuration: () => session.facts()?.targetDuration ?? 0,
    toStreamTime: (time) => toStreamTime(timeline, time),
    onReload: timeline.forgetFrom,
  });
  const playback = createPlayback({ ...deps, entries: session.entries });
  const edges = createEdgeAligner();
  const isLive = (): boolean => session.facts()?.isLive ?? false;
  const failures = createAdFailures(engine, session, timeline, late.reload);
  let unwatch: (() => void) | undefined;

  const watch = (media: HTMLMediaElement | null): void => {
    unwatch?.();
    unwatch = media
      ? watchMedia(media, deps, playback, () => {
          late.check();
          failures.check();
        })
      : undefined;
  };
  const urlOf = (level: number): string | undefined => engine.levels[level]?.details?.url;
  const listeners: Readonly<Record<string, (data: EngineEventData) => void>> = {
    [ENGINE_EVENT.mediaAttached]: () => watch(engine.media),
    [ENGINE_EVENT.mediaDetaching]: () => {
      playback.stop();
      watch(null);
    },
    [ENGINE_EVENT.levelUpdated]: ({ details }) => {
      if (isDetails(details)) timeline.setDetails(details);
      deps.onTimelineChange();
    },
    [ENGINE_EVENT.fragLoading]: ({ frag }) => frag && late.onFragmentLoading(frag),
    [ENGINE_EVENT.fragLoaded]: ({ frag }) => frag && late.onFragmentLoaded(frag),
    [ENGINE_EVENT.fragBuffered]: ({ frag }) => {
      if (frag?.type === "main") {
        const details = engine.levels[frag.level]?.details;
        timeline.addFragment(frag, details?.url);
        if (!isLive()) edges.add(frag, details, timeline.findAd(frag, details?.url) !== undefined);
      }
      late.check();
    },
    [ENGINE_EVENT.error]: ({ frag, fatal }) => {
      const span = frag?.type === "main" ? timeline.findAd(frag, urlOf(frag.level)) : undefined;
      if (frag && span) failures.add(span, `${frag.level} ${frag.sn}`, fatal ?? false);
    },
    [ENGINE_EVENT.destroying]: deps.onDestroy,
  };
  const listen: EngineListener = (event, data) => {
    try {
      listeners[event]?.(data);
    } catch (cause) {
      deps.emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    }
  };
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  watch(engine.media);

  return {
    check: late.check,
    bufferAhead: () => {
      const { media } = engine;
      if (!media || media.readyState < media.HAVE_CURRENT_DATA) return undefined;
      return findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
    },
    detach: () => {
      for (const event of Object.keys(listeners)) engine.off(event, listen);
      late.release();
      playback.stop();
      watch(null);
    },
  };
}

function isDetails(value: unknown): value is EngineDetails {
  return typeof value === "object" && value !== null && "fragments" in value && "startSN" in value;
}

function watchMedia(
  media: HTMLMediaElement,
  { timeline, emit, now }: AttachmentDeps,
  playback: Playback,
  onTime: () => void,
): () => void {
  const onStall = ({ target, nudges }: Stall): void => {
    const span = playback.current();
    if (target !== undefined) {
      media.currentTime = target;
      return;
    }
    if (!span) return;
    const message = `ad ${span.placed.breakId}/${span.placed.index}: the picture stood still after ${nudges - 1} nudges`;
    emit("error", { fatal: false, code: "playlist-malformed", message, cause: undefined });
    media.currentTime = timeline.endOf(span.placed) + 0.01;
  };
  const stops = [
    watchFrames(media, (time, isShown) => playback.show(time, media.playbackRate, isShown), playback.end),
    watchStalls(media, now, onStall),
  ];
  media.addEventListener("timeupdate", onTime);
  media.addEventListener("seeking", playback.seek);
  return () => {
    media.removeEventListener("timeupdate", onTime);
    media.removeEventListener("seeking", playback.seek);
    for (const stop of stops) stop();
  };
}
