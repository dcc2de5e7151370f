/**
 * Ads in the content's own playlists: what of them hls.js has loaded, breaks that are bound late, and ads whose media is broken.
 */
import { createAdFailures } from "./hls-ad-failure.ts";
import { createEdgeAligner } from "./hls-edges.ts";
import { type Engine, ENGINE_EVENT, type EngineDetails, type EngineFragment } from "./hls-engine.ts";
import { createLateBinding } from "./hls-late-binding.ts";
import type { EngineListeners } from "./hls-listen.ts";
import { createSoundGapFiller } from "./hls-sound-gap.ts";
import { endStream } from "./hls-stream-end.ts";
import type { LoadedParts } from "../parts.ts";

export interface Splicing {
  readonly listeners: EngineListeners;
  /** A playlist of the content came. */
  readonly onDetails: (details: EngineDetails | undefined) => void;
  /** The viewer has got further, or a break was decided. */
  readonly check: () => void;
  /** The viewer has sought, and no policy has sent him elsewhere. */
  readonly onSeek: (from: number, to: number) => void;
  /** Seconds before its place in which a break may still come where content is loaded already; Infinity: it may not. */
  readonly lateNotice: () => number;
  /** The media is taken away. */
  readonly forget: () => void;
  readonly stop: () => void;
}

export function createSplicing(engine: Engine, parts: LoadedParts): Splicing {
  const { session, timeline, viewing } = parts;
  const late = createLateBinding({
    engine,
    vod: session.vod,
    targetDuration: () => session.facts()?.targetDuration ?? 0,
    startBudgetMs: parts.settings.startBudgetMs,
    toContentTime: parts.toContentTime,
    toStreamTime: parts.toStreamTime,
    startOf: timeline.startOf,
    onReload: (changedFrom) => {
      timeline.forgetFrom(changedFrom);
      failures.forgetFrom(changedFrom);
    },
    onSeekReady: viewing.seekFrom,
  });
  const failures = createAdFailures({ engine, session, timeline, jump: viewing.jump, reload: late.reload });
  const soundGaps = createSoundGapFiller(engine, timeline);
  const main = createMainListener(engine, parts);

  return {
    listeners: {
      [ENGINE_EVENT.fragLoading]: ({ frag }) => {
        if (!frag) return;
        main.begin(frag);
        late.onFragmentLoading(frag);
        failures.onFragmentLoading(frag);
      },
      [ENGINE_EVENT.fragLoaded]: ({ frag }) => {
        if (!frag || late.isGone(frag)) return;
        late.onFragmentLoaded(frag);
        failures.onFragmentLoaded(frag);
      },
      [ENGINE_EVENT.bufferCodecs]: soundGaps.onCodecs,
      [ENGINE_EVENT.bufferCreated]: soundGaps.onBuffers,
      [ENGINE_EVENT.fragBuffered]: ({ frag }) => {
        if (!frag) return;
        failures.onFragmentBuffered(frag);
        if (late.isGone(frag)) return;
        // hls.js tells of fragments that it could not parse as well
        if (!hasMedia(frag)) return late.onChange(frag);
        late.onFragmentBuffered(frag);
        soundGaps.onFragmentBuffered(frag);
        main.add(frag);
        late.check();
      },
      [ENGINE_EVENT.error]: (error) => {
        if (error.frag || error.fatal) late.onChange(error.frag);
        failures.add(error);
      },
      [ENGINE_EVENT.fragLoadEmergencyAborted]: ({ frag }) => late.onChange(frag),
      [ENGINE_EVENT.levelSwitching]: () => late.onChange(),
      [ENGINE_EVENT.audioTrackSwitching]: () => late.onChange(),
    },
    onDetails: (details) => {
      if (details) timeline.setDetails(details);
      late.onDetails();
    },
    check: () => {
      late.check();
      failures.check();
      endStream(engine);
    },
    onSeek: late.onSeek,
    lateNotice: late.notice,
    forget: () => {
      soundGaps.forget();
      late.forget();
    },
    stop: () => {
      late.release();
      failures.stop();
    },
  };
}

interface MainListener {
  readonly begin: (fragment: EngineFragment) => void;
  readonly add: (fragment: EngineFragment) => void;
}

/** Tells the timeline of pictures in the buffer, and hls.js where those at the edges of an ad belong. */
function createMainListener(engine: Engine, { session, timeline }: LoadedParts): MainListener {
  const edges = createEdgeAligner();
  /** Live playlists are loaded anew all the time, and hls.js moves what they list. */
  const movable = (details: EngineDetails | undefined): EngineDetails | undefined =>
    session.facts()?.isLive ? undefined : details;
  const detailsOf = ({ level }: EngineFragment): EngineDetails | undefined => engine.levels[level]?.details;
  return {
    begin: (fragment) => {
      if (fragment.type !== "main") return;
      const details = detailsOf(fragment);
      edges.enter(fragment, movable(details), timeline.findAd(fragment, details?.url)?.placed);
    },
    add: (fragment) => {
      if (fragment.type !== "main") return;
      const details = detailsOf(fragment);
      timeline.addFragment(fragment, details?.url);
      edges.add(fragment, movable(details), timeline.findAd(fragment, details?.url) !== undefined);
    },
  };
}

/** Whether anything of a fragment could be read. */
function hasMedia({ elementaryStreams }: EngineFragment): boolean {
  return !elementaryStreams || Object.values(elementaryStreams).some((stream) => stream !== null);
}
