/**
 * Breaks that are decided after the player has its playlists. hls.js parses a VOD playlist once; every level and track is made to ask for
 * it again, and the break is in the answer. This is done for a break beyond what is loaded around the viewer, and for one far enough ahead
 * of him: what is loaded behind its place is thrown away.
 *
 * So that less is thrown away, and breaks close to the viewer can be had, loading pauses
 *
 *   in front of an undecided break             while the viewer has enough ahead
 *   where a seek over an undecided break goes  until the break is decided, at most the start budget
 *
 * @see docs/decisions/0021; primetime.md §4.8
 */
import { createAhead, OVERLAP } from "./hls-ahead.ts";
import type { EngineFragment } from "./hls-engine.ts";
import {
  createLatePlaylists,
  type LatePlaylists,
  type LatePlaylistsDeps,
  type UndecidedBreak,
} from "./hls-late-playlists.ts";
import { guessNotice } from "./hls-late-notice.ts";
import { createLateSeeks } from "./hls-late-seeks.ts";
import type { Loaded } from "./hls-loaded.ts";
import { createLoadingHold } from "./hls-loading-hold.ts";

export interface LateBindingDeps extends LatePlaylistsDeps {
  readonly startBudgetMs: number;
  readonly toContentTime: (streamTime: number) => number;
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
  /** Seconds before its place in which a break may still come where content is loaded already; Infinity: it may not. */
  readonly notice: () => number;
  /** Has every playlist asked for again, from the playhead on. */
  readonly reload: (playhead: number) => void;
  readonly isGone: LatePlaylists["isGone"];
  /** Lets the player load on. */
  readonly release: () => void;
  /** The media is taken away, and what was loaded with it. */
  readonly forget: () => void;
}

export function createLateBinding(deps: LateBindingDeps): LateBinding {
  const { engine, vod } = deps;
  const ahead = createAhead(engine, deps.targetDuration);
  const { loaded } = ahead;
  const seeks = createLateSeeks(engine, deps.toStreamTime, deps.onSeekReady);
  const hold = createLoadingHold(engine, deps.startBudgetMs, () => {
    if (seeks.isWaiting()) release();
    else check();
  });
  const release = (): void => {
    seeks.drop();
    hold.end();
  };
  const playlists = createLatePlaylists(deps, ahead, release);
  const check = (): void => {
    const { media } = engine;
    if (!media || media.error) return release();
    seeks.finish();
    ahead.follow(media);
    if (seeks.isWaiting()) {
      const isSettled = seeks.settle((from) => playlists.bind(media, (start) => start >= from - OVERLAP));
      return isSettled ? release() : undefined;
    }
    // where the viewer has sought to, nothing is loaded while loading pauses elsewhere
    if (media.seeking && !ahead.isLoadedAt(media)) release();
    // until the first frame is there, hls.js has not settled where to start
    const isThere = media.readyState >= media.HAVE_CURRENT_DATA;
    if (isThere && playlists.bindAhead(media, hold.isOn())) return;
    if (playlists.undecided().length === 0) return release();
    // what is under way comes all the same; before the first frame the playhead is not yet where playback begins
    if (hold.isInTime() && (loaded.isUnderWay() || !isThere)) return;
    if (ahead.isShort(media)) release();
  };
  const seek = (from: number, to: number): void => {
    const { media } = engine;
    release();
    const target = deps.toContentTime(to);
    seeks.aimAt(target);
    const entry = vod()?.findAwaited(deps.toContentTime(from), target);
    if (!entry || !media || !engine.bufferingEnabled || ahead.reachOf(media, to) > to) return;
    hold.begin();
    seeks.begin({ from, target }, entry);
    check();
  };

  return {
    ...followFragments(loaded, playlists.isGone, (fragment) => {
      const isNext = ({ streamTime }: UndecidedBreak): boolean => ahead.leadsTo(fragment, streamTime);
      if (engine.bufferingEnabled && playlists.undecided().some(isNext)) hold.begin();
    }),
    onChange: (fragment) => {
      if (fragment) loaded.remove(fragment);
      if (!seeks.isWaiting()) release();
    },
    onDetails: seeks.finish,
    onSeek: seek,
    check,
    notice: () => guessNotice(engine, hold.isOn(), deps.targetDuration()),
    reload: playlists.reload,
    isGone: playlists.isGone,
    release,
    forget: () => {
      loaded.forgetFrom(-Infinity);
      seeks.forget();
      release();
    },
  };
}

/** Subtitles are not waited for. */
function followFragments(
  loaded: Loaded,
  isGone: LatePlaylists["isGone"],
  onBegun: (fragment: EngineFragment) => void,
): Pick<LateBinding, "onFragmentLoading" | "onFragmentLoaded" | "onFragmentBuffered"> {
  const unlessText =
    (follow: (fragment: EngineFragment) => void) =>
    (fragment: EngineFragment): void => {
      if (fragment.type !== "subtitle" && !isGone(fragment)) follow(fragment);
    };
  return {
    onFragmentLoading: unlessText((fragment) => {
      loaded.begin(fragment);
      onBegun(fragment);
    }),
    onFragmentLoaded: unlessText(loaded.add),
    onFragmentBuffered: unlessText(loaded.keep),
  };
}
