/**
 * Breaks that are decided after the player has its playlists. hls.js parses a VOD playlist once; while a break lies beyond what is
 * loaded, every level and track is made to ask for its playlist again, and the break is in the answer.
 *
 * So that this is possible more often, loading pauses in front of an undecided break as long as the viewer has enough ahead.
 *
 * @see DESIGN §6, late-bound VOD breaks; reference: hls.js reads `details` to decide whether a playlist has to be loaded
 */
import type { Engine, EngineFragment } from "./hls-engine.ts";
import type { Vod } from "../content/vod.ts";
import { findBufferedEnd } from "../viewing/frames.ts";

export interface LateBindingDeps {
  readonly engine: Engine;
  readonly vod: () => Vod | undefined;
  readonly targetDuration: () => number;
  readonly toStreamTime: (contentTime: number) => number;
  /** What is loaded from here on is another thing than before. */
  readonly onReload: (loadedEnd: number) => void;
}

export interface LateBinding {
  readonly onFragmentLoading: (fragment: EngineFragment) => void;
  readonly onFragmentLoaded: (fragment: EngineFragment) => void;
  /** A break was decided, or the viewer has got further. */
  readonly check: () => void;
  /** Has every playlist asked for again, from the playhead on. */
  readonly reload: (time: number) => void;
  /** Lets the player load on. */
  readonly release: () => void;
}

/** Seconds by which buffered media may reach over a segment boundary: audio frames, B-frames. */
const OVERLAP = 0.25;
/** Segments that the viewer keeps ahead while loading pauses. */
const KEPT_SEGMENTS = 1.5;
/** Breaks that come up within this many seconds of the loaded end are bound at once; others wait for company. */
const NEAR = 10;

export function createLateBinding(deps: LateBindingDeps): LateBinding {
  const { engine, vod } = deps;
  const loadedEnds = new Map<string, number>();
  let isHolding = false;

  const loadedEnd = (): number => Math.max(0, ...loadedEnds.values());
  const undecided = (): readonly { readonly streamTime: number; readonly isReady: boolean }[] =>
    (vod()?.undecided() ?? []).map(({ contentTime, isReady }) => ({
      streamTime: deps.toStreamTime(contentTime),
      isReady,
    }));
  const release = (): void => {
    if (!isHolding) return;
    isHolding = false;
    engine.resumeBuffering();
  };
  const reload = (time: number): void => {
    deps.onReload(loadedEnd());
    isHolding = false;
    for (const track of [...engine.levels, ...engine.allAudioTracks, ...engine.allSubtitleTracks])
      track.details = undefined;
    engine.stopLoad();
    engine.startLoad(time);
  };

  return {
    onFragmentLoading: ({ type, start, end }) => {
      if (type === "subtitle" || isHolding || !engine.bufferingEnabled) return;
      const isNext = undecided().some(({ streamTime }) => start < streamTime - OVERLAP && end >= streamTime - OVERLAP);
      if (!isNext) return;
      isHolding = true;
      engine.pauseBuffering();
    },
    onFragmentLoaded: ({ type, end, bitrateTest }) => {
      if (bitrateTest || type === "subtitle") return;
      loadedEnds.set(type, Math.max(end, loadedEnds.get(type) ?? 0));
    },
    check: () => {
      const { media } = engine;
      // where the viewer has sought to, nothing is loaded while loading pauses elsewhere
      if (media?.seeking && findBufferedEnd(media.buffered, media.currentTime) === media.currentTime) release();
      // until the first frame is there, hls.js has not settled where to start
      if (!media || media.readyState < media.HAVE_CURRENT_DATA) return;
      const breaks = undecided();
      const ready = breaks.filter(({ isReady }) => isReady);
      const isDue = isHolding || ready.length === breaks.length;
      const isNear = ready.some(({ streamTime }) => streamTime - loadedEnd() < NEAR);
      if (ready.length > 0 && (isDue || isNear)) {
        const hasChanged = vod()?.bindLate(({ startTime, contentTime }) => {
          const start = Math.max(startTime, deps.toStreamTime(contentTime));
          // once hls.js has the last segment, it takes the stream to be over
          return start >= loadedEnd() - OVERLAP && !(media.duration - OVERLAP <= loadedEnd());
        });
        if (hasChanged) return reload(media.currentTime);
      }
      // not what was ever loaded: after a seek back that lies beyond a gap
      const ahead = findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
      if (undecided().length === 0 || ahead < KEPT_SEGMENTS * deps.targetDuration()) release();
    },
    reload,
    release,
  };
}
