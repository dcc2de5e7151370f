/**
 * Breaks that are put into playlists which hls.js has already: it is made to ask for all of them again.
 *
 * @see reference: hls.js reads `details` to decide whether a playlist has to be loaded
 */
import type { PlacedBreak } from "@interlude/core";
import type { Vod } from "../content/vod.ts";
import { type Ahead, isBefore, OVERLAP } from "./hls-ahead.ts";
import { type Engine, ENGINE_EVENT, type EngineFragment } from "./hls-engine.ts";

export interface LatePlaylistsDeps {
  readonly engine: Engine;
  readonly vod: () => Vod | undefined;
  readonly toStreamTime: (contentTime: number) => number;
  /** Seconds. */
  readonly targetDuration: () => number;
  /** What is loaded from here on is another thing than before. */
  readonly onReload: (loadedEnd: number) => void;
}

export interface UndecidedBreak {
  readonly streamTime: number;
  readonly isReady: boolean;
}

export interface LatePlaylists {
  /** Breaks that are not in the playlists but may come. */
  readonly undecided: () => readonly UndecidedBreak[];
  /**
   * Binds each break that is ready, or has it skipped.
   *
   * @param canStart told where it would start
   * @returns whether anything was bound
   */
  readonly bind: (media: HTMLMediaElement, canStart: (start: number) => boolean) => boolean;
  /**
   * The same for breaks that lie beyond what is loaded, or so far ahead that what was loaded behind them may go and their first segment
   * still comes in time; unless loading is held up for them, as many at once as may be.
   */
  readonly bindAhead: (media: HTMLMediaElement, isHolding: boolean) => boolean;
  /** Has every playlist asked for again, from the playhead on. */
  readonly reload: (time: number) => void;
}

/** Breaks that come up within this many seconds of the loaded end are bound at once; others wait for company. */
const NEAR = 10;
/** Seconds, and target durations, that are left to load an ad's first segment where the content has been loaded in its place. */
const LEAST_NOTICE = 2;
const NOTICE_SHARE = 0.75;

/** @param release ends what pauses loading */
export function createLatePlaylists(
  deps: LatePlaylistsDeps,
  { loaded, reachOf }: Ahead,
  release: () => void,
): LatePlaylists {
  const { engine, targetDuration, vod } = deps;
  const undecided: LatePlaylists["undecided"] = () =>
    (vod()?.undecided() ?? []).map(({ contentTime, isReady }) => ({
      streamTime: deps.toStreamTime(contentTime),
      isReady,
    }));
  /** @param start where what is listed becomes another thing */
  const reloadFrom = (time: number, start: number): void => {
    release();
    if (loaded.end() > start + OVERLAP) flushFrom(engine, start);
    deps.onReload(start);
    loaded.forgetFrom(start);
    askAnew(engine, time);
  };
  const bind: LatePlaylists["bind"] = (media, canStart) => {
    let first = Infinity;
    const hasChanged = vod()?.bindLate(({ startTime, contentTime }: PlacedBreak) => {
      const start = Math.max(startTime, deps.toStreamTime(contentTime));
      if (!canStart(start) || loaded.lastDiscontinuity() > (listBefore(engine, start)[0]?.cc ?? 0)) return false;
      first = Math.min(first, start);
      return true;
    });
    if (hasChanged) reloadFrom(media.currentTime, first);
    return hasChanged ?? false;
  };
  return {
    undecided,
    bind,
    bindAhead: (media, isHolding) => {
      const breaks = undecided();
      const ready = breaks.filter(({ isReady }) => isReady);
      if (ready.length === 0) return false;
      const reach = reachOf(media, media.currentTime);
      const soonest = media.currentTime + Math.max(LEAST_NOTICE, NOTICE_SHARE * targetDuration());
      const isDue = isHolding || ready.length === breaks.length;
      if (!isDue && !ready.some(({ streamTime }) => streamTime - reach < NEAR)) return false;
      // once hls.js has the last segment, and none of it goes, it takes the stream to be over
      const isOver = media.duration - OVERLAP <= reach;
      return bind(media, (start) => (start >= reach - OVERLAP ? !isOver : start >= soonest));
    },
    reload: (time) => reloadFrom(time, engine.media ? reachOf(engine.media, time) : time),
  };
}

/** Has hls.js ask for every playlist again, and load on from a time. */
export function askAnew(engine: Engine, time: number): void {
  for (const track of [...engine.levels, ...engine.allAudioTracks, ...engine.allSubtitleTracks])
    track.details = undefined;
  engine.stopLoad();
  // hls.js has copies of the tracks of sound, and would load on from what these list; it takes any list of them for a new one
  const { audioTracks = [] } = engine;
  if (audioTracks.length > 0) engine.trigger(ENGINE_EVENT.audioTracksUpdated, { audioTracks });
  engine.startLoad(time);
}

/** Where the pictures before it end, which with B-frames is after its time; the sound that goes on until there fills a hole. */
function flushFrom(engine: Engine, start: number): void {
  const ends = listBefore(engine, start).map(({ elementaryStreams, end }) => elementaryStreams?.video?.endPTS ?? end);
  const startOffset = Math.max(start, ...ends);
  engine.trigger(ENGINE_EVENT.bufferFlushing, { startOffset, endOffset: Infinity, type: null });
}

/** What each level lists just before a time; it may really end a little after it. */
function listBefore({ levels }: Engine, time: number): readonly EngineFragment[] {
  return levels.flatMap(({ details }) => details?.fragments.filter((one) => isBefore(one, time - OVERLAP)) ?? []);
}
