/**
 * What the viewer sees, frame by frame: breaks and ads starting and ending, and the beacons that fall due.
 *
 * Each break that starts also completes, whatever becomes of it: a listener may end everything, so that after each event it is looked at
 * what still plays.
 *
 * @see primetime.md §4.10 (order of events)
 */
import { type AdActions, createAdActions } from "./ad-actions.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import { type Playing, startAd } from "./playing.ts";
import { createSteps } from "./steps.ts";
import { createTelling, type TellingDeps } from "./telling.ts";
import { type AdSpan, isSameAd } from "./timeline.ts";

export interface PlaybackDeps extends Omit<TellingDeps, "contentTime"> {
  readonly entries: () => readonly BreakEntry[];
  readonly toContentTime: (time: number) => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface Playback extends AdActions {
  /**
   * The playhead is at a time.
   *
   * @param isShown false where nobody sees it, as in a page in the background: an ad goes on then, but none starts
   */
  readonly show: (time: number, playbackRate: number, isShown: boolean) => void;
  /** The viewer, or the player, has moved the playhead. */
  readonly seek: () => void;
  /** The media has ended: what plays has been played. */
  readonly end: () => void;
  /** Nothing plays any more. */
  readonly stop: () => void;
  /** The break at the playhead. */
  readonly current: () => AdSpan | undefined;
}

/** Seconds that a viewer goes back in an ad, beyond what a player does of itself. */
const REWIND = 0.5;

export function createPlayback(deps: PlaybackDeps): Playback {
  const { timeline } = deps;
  const steps = createSteps(deps.now);
  const contentTime = (): number => deps.toContentTime(steps.lastTime());
  const telling = createTelling({ ...deps, contentTime });
  const actions = createAdActions({ ...deps, playing: () => playing, contentTime });
  let playing: Playing | undefined;

  const endBreak = (ad: Playing): void => {
    playing = undefined;
    telling.endBreak(ad);
  };
  const leave = (isPlayedOn: boolean): void => {
    const ad = playing;
    if (!ad) return;
    telling.end(ad, isPlayedOn);
    if (!isPlayedOn && ad.event.index < ad.event.adCount - 1) ad.isWhole = false;
    if (playing === ad) endBreak(ad);
  };
  const changeAd = (span: AdSpan, time: number, isPlayedOn: boolean): void => {
    const before = playing;
    if (before) telling.end(before, isPlayedOn);
    const started = startAd(span, deps.entries(), timeline);
    if (!started || playing !== before) return;
    const isNext = before?.entry === started.entry;
    if (before && isNext) started.isWhole = before.isWhole;
    if (before && !isNext) endBreak(before);
    playing = started;
    telling.begin(started, time - started.startTime, !isNext);
  };
  const advance = (ad: Playing, time: number, isPlayedOn: boolean): void => {
    const elapsed = Math.min(Math.max(time - ad.startTime, 0), ad.event.duration);
    if (elapsed < ad.time - REWIND) actions.act("rewind");
    telling.advance(ad, elapsed, isPlayedOn);
  };

  return {
    ...actions,
    seek: steps.seek,
    show: (time, playbackRate, isShown) => {
      const at = timeline.locate(time);
      if (at === "unknown") return;
      const isPlayedOn = steps.step(time, playbackRate);
      if (at === "content") leave(isPlayedOn);
      else if (playing && isSameAd(playing.span.placed, at.placed)) advance(playing, time, isPlayedOn);
      else if (isShown) changeAd(at, time, isPlayedOn);
      else leave(isPlayedOn);
    },
    end: () => leave(true),
    stop: () => leave(false),
    current: () => playing?.span,
  };
}
