/**
 * Breaks that are put into playlists which hls.js has already: it is made to ask for all of them again.
 *
 * @see reference: hls.js reads `details` to decide whether a playlist has to be loaded
 */
import type { PlacedBreak } from "@interlude/core";
import type { Vod } from "../content/vod.ts";
import { type Ahead, OVERLAP } from "./hls-ahead.ts";
import { type Engine, ENGINE_EVENT, type EngineFragment } from "./hls-engine.ts";
import { mayReplace, selectNotice } from "./hls-late-notice.ts";

export interface LatePlaylistsDeps {
  readonly engine: Engine;
  readonly vod: () => Vod | undefined;
  readonly toStreamTime: (contentTime: number) => number;
  /** Where that is now which a break would come before, by its number: sums of EXTINF drift away from what is in the buffer. */
  readonly startOf: (placed: PlacedBreak) => number;
  /** Seconds. */
  readonly targetDuration: () => number;
  /** What is loaded from here on is another thing than before. */
  readonly onReload: (changedFrom: number) => void;
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
   * @param canStart told where it would start; not asked for breaks behind one that is bound, where everything is listed anew
   * @returns whether anything was bound
   */
  readonly bind: (media: HTMLMediaElement, canStart: (start: number, placed: PlacedBreak) => boolean) => boolean;
  /**
   * The same for breaks that lie beyond what is loaded, or so far ahead that what was loaded behind them may go and their first segment
   * still comes in time; unless loading is held up for them, as many at once as may be.
   */
  readonly bindAhead: (media: HTMLMediaElement, isHolding: boolean) => boolean;
  /** Has every playlist asked for again, from the playhead on. */
  readonly reload: (playhead: number) => void;
  /** Whether a fragment was thrown away with the playlist that listed it; hls.js may tell of it all the same. */
  readonly isGone: (fragment: EngineFragment) => boolean;
}

/** Breaks that come up within this many seconds of the loaded end are bound at once; others wait for company. */
const NEAR = 10;

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
  let changedAt = Infinity;
  /** @param changedFrom where what is listed becomes another thing */
  const reloadFrom = (playhead: number, changedFrom: number): void => {
    release();
    if (loaded.end() > changedFrom + OVERLAP) flushFrom(engine, changedFrom, loaded.findBefore(changedFrom));
    deps.onReload(changedFrom);
    loaded.forgetFrom(changedFrom);
    changedAt = changedFrom;
    askAnew(engine, playhead);
  };
  const bind: LatePlaylists["bind"] = (media, canStart) => {
    // playlists that are on their way have other numbers than what is known
    if (!engine.levels.some(({ details }) => details)) return false;
    const starts: number[] = [];
    vod()?.bindLate((placed) => {
      const start = deps.startOf(placed);
      const isFree = starts.length > 0;
      const canBind = isFree || (canStart(start, placed) && loaded.lastDiscontinuity() <= readCounter(engine, placed));
      if (canBind) starts.push(start);
      return canBind;
    });
    const [first] = starts;
    if (first !== undefined) reloadFrom(media.currentTime, first);
    return first !== undefined;
  };
  return {
    undecided,
    bind,
    bindAhead: (media, isHolding) => {
      const breaks = undecided();
      const ready = breaks.filter(({ isReady }) => isReady);
      if (ready.length === 0) return false;
      const reach = reachOf(media, media.currentTime);
      const isDue = isHolding || ready.length === breaks.length;
      if (!isDue && !ready.some(({ streamTime }) => streamTime - reach < NEAR)) return false;
      // once hls.js has the last segment, and none of it goes, it takes the stream to be over
      const isOver = media.duration - OVERLAP <= reach;
      const isInTime = (start: number, placed: PlacedBreak): boolean =>
        mayReplace(engine, isHolding) && start >= media.currentTime + selectNotice(engine, placed, targetDuration());
      return bind(media, (start, placed) => (start >= reach - OVERLAP ? !isOver : isInTime(start, placed)));
    },
    reload: (playhead) => reloadFrom(playhead, engine.media ? reachOf(engine.media, playhead) : playhead),
    isGone: ({ type, level, start }) => {
      const track = type === "main" ? engine.levels[level] : (engine.audioTracks ?? engine.allAudioTracks)[level];
      return track !== undefined && !track.details && start >= changedAt - OVERLAP;
    },
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
function flushFrom(engine: Engine, changedFrom: number, before: EngineFragment | undefined): void {
  const end = before?.elementaryStreams?.video?.endPTS ?? before?.end ?? changedFrom;
  const startOffset = Math.max(changedFrom, end);
  engine.trigger(ENGINE_EVENT.bufferFlushing, { startOffset, endOffset: Infinity, type: null });
}

/** How many discontinuities are listed before a break that is not. */
function readCounter({ levels }: Engine, { firstMediaSequence }: PlacedBreak): number {
  const listed = levels.flatMap(({ details }) => details?.fragments ?? []);
  return listed.find(({ sn }) => sn === firstMediaSequence - 1)?.cc ?? 0;
}
