/**
 * Breaks that are decided after the player has its playlists. hls.js parses a VOD playlist once; while a break lies beyond what is
 * loaded around the viewer, every level and track is made to ask for its playlist again, and the break is in the answer.
 *
 * So that this is possible more often, loading pauses
 *
 *   in front of an undecided break             while the viewer has enough ahead
 *   where a seek over an undecided break goes  until the break is decided, at most the start budget
 *
 * @see DESIGN §6, late-bound VOD breaks; primetime.md §4.8; reference: hls.js reads `details` to decide whether a playlist has to be loaded
 */
import type { PlacedBreak } from "@interlude/core";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Vod } from "../content/vod.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import { type Engine, ENGINE_EVENT, type EngineAudioTrack, type EngineFragment } from "./hls-engine.ts";
import { createLoaded } from "./hls-loaded.ts";

export interface LateBindingDeps {
  readonly engine: Engine;
  readonly vod: () => Vod | undefined;
  readonly targetDuration: () => number;
  readonly startBudgetMs: number;
  readonly toContentTime: (streamTime: number) => number;
  readonly toStreamTime: (contentTime: number) => number;
  /** What is loaded from here on is another thing than before. */
  readonly onReload: (loadedEnd: number) => void;
  /** A seek of the viewer's, whose breaks are all there now, from one stream time to another. */
  readonly onSeekReady: (from: number, to: number) => void;
}

export interface LateBinding {
  readonly onFragmentLoading: (fragment: EngineFragment) => void;
  readonly onFragmentLoaded: (fragment: EngineFragment) => void;
  readonly onFragmentBuffered: (fragment: EngineFragment) => void;
  /** A fragment or something else has failed, or another level or track is wanted. */
  readonly onChange: (fragment?: EngineFragment) => void;
  /** A playlist of pictures is known anew. */
  readonly onDetails: () => void;
  /** The viewer has sought, and no policy has sent him elsewhere. */
  readonly onSeek: (from: number, to: number) => void;
  /** A break was decided, or the viewer has got further. */
  readonly check: () => void;
  /** Has every playlist asked for again, from the playhead on. */
  readonly reload: (time: number) => void;
  /** Lets the player load on. */
  readonly release: () => void;
  /** The media is taken away, and what was loaded with it. */
  readonly forget: () => void;
}

/** A seek that goes on when a break that it goes over is decided. */
interface Seek {
  readonly from: number;
  /** Seconds of content. */
  readonly target: number;
}

/** Seconds by which buffered media may reach over a segment boundary: audio frames, B-frames. */
const OVERLAP = 0.25;
/** Segments that the viewer keeps ahead while loading pauses. */
const KEPT_SEGMENTS = 1.5;
/** Breaks that come up within this many seconds of the loaded end are bound at once; others wait for company. */
const NEAR = 10;

export function createLateBinding(deps: LateBindingDeps): LateBinding {
  const { engine, vod } = deps;
  const loaded = createLoaded();
  let isHeld = false;
  let limit: ReturnType<typeof setTimeout> | undefined;
  let awaited: (Seek & { readonly entry: BreakEntry }) | undefined;
  /** It goes on as soon as the player knows where the break is. */
  let due: Seek | undefined;
  let soughtTo: number | undefined;

  // whoever starts hls.js anew ends all pauses
  const isHolding = (): boolean => isHeld && !engine.bufferingEnabled;
  const hold = (): void => {
    isHeld = true;
    engine.pauseBuffering();
    clearTimeout(limit);
    limit = setTimeout(onLimit, deps.startBudgetMs);
  };
  const release = (): void => {
    clearTimeout(limit);
    limit = undefined;
    awaited = undefined;
    if (isHolding()) engine.resumeBuffering();
    isHeld = false;
  };
  const onLimit = (): void => {
    limit = undefined;
    if (awaited) release();
    else check();
  };
  const reachOf = ({ buffered }: HTMLMediaElement, time: number): number =>
    loaded.reach(time, buffered, listTypes(engine));
  const undecided = (): readonly { readonly streamTime: number; readonly isReady: boolean }[] =>
    (vod()?.undecided() ?? []).map(({ contentTime, isReady }) => ({
      streamTime: deps.toStreamTime(contentTime),
      isReady,
    }));
  /** @param start where what is listed becomes another thing */
  const reloadFrom = (time: number, start: number): void => {
    release();
    if (loaded.end() > start + OVERLAP)
      engine.trigger(ENGINE_EVENT.bufferFlushing, {
        startOffset: Math.max(start, findBefore(engine, start)?.end ?? start),
        endOffset: Infinity,
        type: null,
      });
    deps.onReload(start);
    loaded.forgetFrom(start);
    for (const track of [...engine.levels, ...engine.allAudioTracks, ...engine.allSubtitleTracks])
      track.details = undefined;
    engine.stopLoad();
    // hls.js has copies of the tracks of sound, and would load on from what these list; it takes any list of them for a new one
    const { audioTracks = [] } = engine;
    if (audioTracks.length > 0) engine.trigger(ENGINE_EVENT.audioTracksUpdated, { audioTracks });
    engine.startLoad(time);
  };
  /** @returns whether anything was bound */
  const bind = (media: HTMLMediaElement, canStart: (start: number) => boolean): boolean => {
    let first = Infinity;
    const hasChanged = vod()?.bindLate(({ startTime, contentTime }: PlacedBreak) => {
      const start = Math.max(startTime, deps.toStreamTime(contentTime));
      if (!canStart(start) || loaded.lastDiscontinuity() > (findBefore(engine, start)?.cc ?? 0)) return false;
      first = Math.min(first, start);
      return true;
    });
    if (hasChanged) reloadFrom(media.currentTime, first);
    return hasChanged ?? false;
  };
  const bindAhead = (media: HTMLMediaElement): boolean => {
    const breaks = undecided();
    const ready = breaks.filter(({ isReady }) => isReady);
    if (ready.length === 0) return false;
    const reach = reachOf(media, media.currentTime);
    const isDue = isHolding() || ready.length === breaks.length;
    if (!isDue && !ready.some(({ streamTime }) => streamTime - reach < NEAR)) return false;
    // once hls.js has the last segment, it takes the stream to be over
    return bind(media, (start) => start >= reach - OVERLAP && media.duration - OVERLAP > reach);
  };
  const checkSeek = (media: HTMLMediaElement, { entry, ...seek }: Seek & { readonly entry: BreakEntry }): void => {
    if (entry.status === "pending") return;
    if (entry.status === "ready" && bind(media, (start) => start >= seek.from - OVERLAP)) due = seek;
    release();
  };
  const finishSeek = (): void => {
    if (!due || !engine.media || !engine.levels.some(({ details }) => details)) return;
    const to = deps.toStreamTime(due.target);
    // the playlists are longer than before, the media is not yet
    if (to > engine.media.duration) return;
    const { from } = due;
    due = undefined;
    deps.onSeekReady(from, to);
  };
  const isLoadedAt = ({ buffered, currentTime }: HTMLMediaElement): boolean =>
    findBufferedEnd(buffered, currentTime) > currentTime || loaded.covers(currentTime, listTypes(engine));
  const check = (): void => {
    const { media } = engine;
    if (!media || media.error) return release();
    finishSeek();
    // once: what the player loads for the seek follows
    if (media.seeking && soughtTo !== media.currentTime) loaded.abandon(media.currentTime);
    soughtTo = media.seeking ? media.currentTime : undefined;
    if (awaited) return checkSeek(media, awaited);
    // where the viewer has sought to, nothing is loaded while loading pauses elsewhere
    if (media.seeking && !isLoadedAt(media)) release();
    // until the first frame is there, hls.js has not settled where to start
    const isThere = media.readyState >= media.HAVE_CURRENT_DATA;
    if (isThere && bindAhead(media)) return;
    if (undecided().length === 0) return release();
    // what is under way comes all the same; before the first frame the playhead is not yet where playback begins
    if (limit !== undefined && (loaded.isUnderWay() || !isThere)) return;
    // not what was ever loaded: after a seek back that lies beyond a gap
    const ahead = findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
    if (ahead < KEPT_SEGMENTS * deps.targetDuration()) release();
  };

  return {
    onFragmentLoading: (fragment) => {
      if (fragment.type === "subtitle") return;
      loaded.begin(fragment);
      if (!engine.bufferingEnabled) return;
      const types = listTypes(engine);
      // pictures alone, or sound alone, are nothing to see
      const isNext = undecided().some(
        ({ streamTime }) => isBefore(fragment, streamTime - OVERLAP) && loaded.covers(streamTime - 2 * OVERLAP, types),
      );
      if (isNext) hold();
    },
    onFragmentLoaded: (fragment) => {
      if (fragment.type !== "subtitle") loaded.add(fragment);
    },
    onFragmentBuffered: (fragment) => {
      if (fragment.type !== "subtitle") loaded.keep(fragment);
    },
    onChange: (fragment) => {
      if (fragment) loaded.remove(fragment);
      if (!awaited) release();
    },
    onDetails: finishSeek,
    onSeek: (from, to) => {
      const { media } = engine;
      release();
      const target = deps.toContentTime(to);
      if (due) due = { from: due.from, target };
      const entry = vod()?.findAwaited(deps.toContentTime(from), target);
      if (!entry || !media || !engine.bufferingEnabled || reachOf(media, to) > to) return;
      hold();
      awaited = { from, target, entry };
      check();
    },
    check,
    reload: (time) => reloadFrom(time, engine.media ? reachOf(engine.media, time) : time),
    release,
    forget: () => {
      loaded.forgetFrom(-Infinity);
      due = undefined;
      release();
    },
  };
}

/** What the player loads of the content. */
function listTypes({ audioTracks, audioTrack = -1, allAudioTracks }: Engine): readonly string[] {
  const selected = audioTracks?.[audioTrack];
  const isApart = selected ? hasAddress(selected) : allAudioTracks.some(hasAddress);
  return isApart ? ["main", "audio"] : ["main"];
}

/** Sound without an address is in the segments of the pictures. */
function hasAddress({ url }: EngineAudioTrack): boolean {
  return Boolean(url);
}

function isBefore({ start, end }: EngineFragment, time: number): boolean {
  return start < time && end >= time;
}

/** What is listed just before a time; it may really end a little after it. */
function findBefore({ levels }: Engine, time: number): EngineFragment | undefined {
  const fragments = levels.flatMap(({ details }) => details?.fragments ?? []);
  return fragments.find((fragment) => isBefore(fragment, time - OVERLAP));
}
