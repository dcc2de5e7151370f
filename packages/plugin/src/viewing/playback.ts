/**
 * What the viewer sees, frame by frame: breaks and ads starting and ending, and the beacons that fall due.
 *
 * An impression is the first frame of the ad that is really on screen. A quartile counts when it is played through: a seek over it
 * fires nothing. Each break that starts also completes, whatever becomes of it: a listener may end everything, so that after each event
 * it is looked at what still plays.
 *
 * @see VAST 4.3 §3.14.1; primetime.md §4.10 (order of events)
 */
import { type AdActions, createAdActions } from "./ad-actions.ts";
import type { BeaconSender } from "./beacons.ts";
import type { Emit } from "../events.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import { describeBreak, describeBreakSubject, describeSubject, type Playing, startAd } from "./playing.ts";
import { type AdSpan, isSameAd, type Timeline } from "./timeline.ts";

export interface PlaybackDeps {
  readonly timeline: Timeline;
  readonly emit: Emit;
  readonly beacons: BeaconSender;
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

/** Seconds: players jump over holes in the media by seeking, which is playing on all the same. */
const MAX_STEP = 1.5;
const PROGRESS_INTERVAL = 0.25;
/** Seconds that a viewer goes back in an ad, beyond what a player does of itself. */
const REWIND = 0.5;
/** Seconds: the last frame shown of an ad lies this far before its end, EXTINF rounding and a dropped frame included. */
const END_TOLERANCE = 0.5;

export function createPlayback(deps: PlaybackDeps): Playback {
  const { timeline, emit, beacons, toContentTime } = deps;
  const steps = createSteps(deps.now);
  let playing: Playing | undefined;
  let isBreakWatched = true;
  const contentTime = (): number => toContentTime(steps.lastTime());
  const actions = createAdActions({ emit, beacons, playing: () => playing, contentTime });

  /** What falls due after `from` and up to `to` seconds into the ad. */
  const fire = (ad: Playing, from: number, to: number): void => {
    for (const [occurrence, { event, url, time }] of ad.beacons.entries()) {
      if (time <= from || time > to) continue;
      beacons.send(describeSubject(ad, toContentTime(ad.startTime + time)), event, url, time, occurrence);
    }
  };
  const enter = (started: Playing, time: number): void => {
    const { entry, event } = started;
    const before = playing;
    if (before && before.entry !== entry) leaveBreak(before);
    playing = started;
    if (before?.entry !== entry) {
      isBreakWatched = true;
      emit("adbreakstart", describeBreak(started, timeline));
      beacons.sendBreak(describeBreakSubject(started, toContentTime(time)), "breakStart", entry.planned.breakStart);
    }
    if (playing !== started) return;
    // the impression is owed, whatever a listener does
    fire(started, -1, 0);
    if (playing !== started) return;
    emit("adstart", event);
    if (playing !== started) return;
    const elapsed = time - started.startTime;
    if (elapsed < END_TOLERANCE) return;
    // entered by a seek: what lies before was not seen
    isBreakWatched = false;
    started.time = elapsed;
  };
  const advance = (ad: Playing, time: number, isPlayedOn: boolean): void => {
    const elapsed = Math.min(Math.max(time - ad.startTime, 0), ad.event.duration);
    if (elapsed < ad.time - REWIND) actions.act("rewind");
    if (isPlayedOn) fire(ad, ad.time, elapsed);
    else isBreakWatched = false;
    ad.time = elapsed;
    if (playing !== ad || Math.abs(elapsed - ad.progressAt) < PROGRESS_INTERVAL) return;
    ad.progressAt = elapsed;
    emit("adprogress", { ...ad.event, time: elapsed });
  };
  const leaveAd = (ad: Playing, isPlayedOn: boolean): void => {
    if (ad.isLeft) return;
    ad.isLeft = true;
    const isComplete = isPlayedOn && ad.time >= ad.event.duration - END_TOLERANCE;
    isBreakWatched &&= isComplete;
    if (!isComplete) return;
    fire(ad, ad.time, ad.event.duration);
    beacons.finish(describeSubject(ad, contentTime()));
    emit("adcomplete", ad.event);
  };
  const leaveBreak = (ad: Playing): void => {
    playing = undefined;
    beacons.sendBreak(describeBreakSubject(ad, contentTime()), "breakEnd", ad.entry.planned.breakEnd);
    emit("adbreakcomplete", { ...describeBreak(ad, timeline), watched: isBreakWatched });
  };
  const leave = (isPlayedOn: boolean): void => {
    const ad = playing;
    if (!ad) return;
    leaveAd(ad, isPlayedOn);
    if (!isPlayedOn && ad.event.index < ad.event.adCount - 1) isBreakWatched = false;
    if (playing === ad) leaveBreak(ad);
  };
  const changeAd = (span: AdSpan, time: number, isPlayedOn: boolean): void => {
    const ad = playing;
    if (ad) leaveAd(ad, isPlayedOn);
    const started = startAd(span, deps.entries(), timeline);
    if (started && playing === ad) enter(started, time);
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

interface Steps {
  /** @returns whether what lies between the last time and this one was played */
  readonly step: (time: number, playbackRate: number) => boolean;
  /** The next step says nothing of what was played. */
  readonly seek: () => void;
  readonly lastTime: () => number;
}

/** How the playhead gets on. */
function createSteps(now: () => number): Steps {
  let lastTime = Number.NaN;
  let shownAt = 0;
  let hasSought = false;
  return {
    lastTime: () => lastTime,
    seek: () => {
      hasSought = true;
    },
    step: (time, playbackRate) => {
      const taken = time - lastTime;
      const possible = MAX_STEP + (hasSought ? 0 : (now() - shownAt) / 1000) * Math.max(1, playbackRate);
      lastTime = time;
      shownAt = now();
      hasSought = false;
      return taken >= 0 && taken < possible;
    },
  };
}
