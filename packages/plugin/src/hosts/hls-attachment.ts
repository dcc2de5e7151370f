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
  type EngineListener,
} from "./hls-engine.ts";
import { createLateBinding } from "./hls-late-binding.ts";
import type { HostSide, LoadedParts } from "../parts.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import { toStreamTime } from "../viewing/timeline.ts";

/** From now on; playlists must not have come before. */
export function attachEngine(engine: Engine, parts: LoadedParts): HostSide {
  const { session, timeline, viewing } = parts;
  const late = createLateBinding({
    engine,
    vod: session.vod,
    targetDuration: () => session.facts()?.targetDuration ?? 0,
    toStreamTime: (time) => toStreamTime(timeline, time),
    onReload: timeline.forgetFrom,
  });
  const edges = createEdgeAligner();
  const isLive = (): boolean => session.facts()?.isLive ?? false;
  const failures = createAdFailures(engine, session, timeline, late.reload);
  let watched: HTMLMediaElement | null = null;

  const onTime = (): void => {
    late.check();
    failures.check();
  };
  const watch = (media: HTMLMediaElement | null): void => {
    watched?.removeEventListener("timeupdate", onTime);
    watched = media;
    watched?.addEventListener("timeupdate", onTime);
    viewing.watch(media);
  };
  const urlOf = (level: number): string | undefined => engine.levels[level]?.details?.url;
  const listeners: Readonly<Record<string, (data: EngineEventData) => void>> = {
    [ENGINE_EVENT.mediaAttached]: () => watch(engine.media),
    [ENGINE_EVENT.mediaDetaching]: () => {
      viewing.stop();
      watch(null);
    },
    [ENGINE_EVENT.levelUpdated]: ({ details }) => {
      if (isDetails(details)) timeline.setDetails(details);
      parts.onTimelineChange();
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
  };
  const listen: EngineListener = (event, data) => {
    try {
      listeners[event]?.(data);
    } catch (cause) {
      parts.emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    }
  };
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  watch(engine.media);

  return {
    media: () => engine.media,
    onLateChange: late.check,
    bufferAhead: () => {
      const { media } = engine;
      if (!media || media.readyState < media.HAVE_CURRENT_DATA) return undefined;
      return findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
    },
    detach: () => {
      for (const event of Object.keys(listeners)) engine.off(event, listen);
      late.release();
      viewing.stop();
      watch(null);
    },
  };
}

function isDetails(value: unknown): value is EngineDetails {
  return typeof value === "object" && value !== null && "fragments" in value && "startSN" in value;
}
