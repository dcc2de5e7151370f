/**
 * What the viewer sees, frame by frame: breaks and ads starting and ending, and the beacons that fall due.
 *
 * An impression is the first frame of the ad that is really on screen. A quartile counts when it is played through: a seek over it
 * fires nothing. Each break that starts also completes, whatever becomes of it. What the viewer does counts each time, until the ad
 * has been watched to its end once; clicks count for ever.
 *
 * @see VAST 4.3 §3.14.1; primetime.md §4.10 (order of events)
 */
import { listBeacons, type MacroValues, type ScheduledBeacon, scheduleBeacons } from "@interlude/core";
import type { BeaconSender, BeaconSubject } from "./beacons.ts";
import type { AdEvent, BreakEvent, Emit } from "../events.ts";
import type { ReadyAd } from "../insertion.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import { type AdSpan, isSameAd, type Timeline } from "./timeline.ts";
import type { UserAction } from "./user-events.ts";

export interface PlaybackDeps {
  readonly timeline: Timeline;
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  readonly entries: () => readonly BreakEntry[];
  readonly toContentTime: (time: number) => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface Playback {
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
  /** The viewer has done something; of interest while an ad is on screen. */
  readonly act: (action: UserAction) => void;
  /**
   * The viewer has clicked on the ad on screen: its click tracking is fired.
   *
   * @param at CSS pixels from the player's top left corner
   * @returns where the ad leads, macros filled; undefined without an ad, or where it leads nowhere that is http(s)
   */
  readonly click: (at: readonly [x: number, y: number] | undefined) => URL | undefined;
  /**
   * The ad on screen cannot go on: its error URLs are told, once.
   *
   * @param vastError 400 for a fault that has no other number, 405 for media that cannot be shown
   * @returns false where no ad is on screen
   */
  readonly fail: (vastError: 400 | 401 | 402 | 405) => boolean;
  /** The break at the playhead. */
  readonly current: () => AdSpan | undefined;
}

interface Playing {
  readonly span: AdSpan;
  readonly entry: BreakEntry;
  readonly ready: ReadyAd;
  readonly startTime: number;
  readonly event: AdEvent;
  readonly beacons: readonly ScheduledBeacon[];
  /** Seconds into the ad up to which it was played. */
  time: number;
  progressAt: number;
  isPaused: boolean;
}

/** What VAST 4 calls it beside the older name. */
const ALIAS: { readonly [Action in UserAction]?: string } = {
  fullscreen: "playerExpand",
  exitFullscreen: "playerCollapse",
};

/** Seconds: players jump over holes in the media by seeking, which is playing on all the same. */
const MAX_STEP = 1.5;
const PROGRESS_INTERVAL = 0.25;
/** Seconds that a viewer goes back in an ad, beyond what a player does of itself. */
const REWIND = 0.5;
/** Seconds: the last frame shown of an ad lies this far before its end, EXTINF rounding and a dropped frame included. */
const END_TOLERANCE = 0.5;

export function createPlayback(deps: PlaybackDeps): Playback {
  const { timeline, emit } = deps;
  let playing: Playing | undefined;
  let lastTime = Number.NaN;
  let shownAt = 0;
  let hasSought = false;
  let isBreakWatched = true;

  const act = (action: UserAction): void => {
    if (!playing) return;
    const { ready, time } = playing;
    if (action === "resume" && !playing.isPaused) return;
    if (action === "pause" || action === "resume") playing.isPaused = action === "pause";
    const subject = describeSubject(playing, deps, lastTime);
    if (deps.beacons.isFinished(subject)) return;
    for (const event of [action, ALIAS[action]])
      if (event) deps.beacons.sendAction(subject, event, listBeacons(ready.creative, event), { time });
  };
  const enter = (span: AdSpan, time: number): void => {
    const started = startAd(span, deps);
    if (!started) return;
    const { entry, event } = started;
    if (playing?.entry !== entry) {
      if (playing) leaveBreak(playing);
      isBreakWatched = true;
      emit("adbreakstart", describeBreak(span, entry, timeline));
      const subject = { ...describeSubject(started, deps, time), ...NO_AD };
      deps.beacons.sendBreak(subject, "breakStart", entry.planned.breakStart);
    }
    playing = started;
    emit("adstart", event);
    fire(started, -1, 0);
    const elapsed = time - started.startTime;
    if (elapsed < END_TOLERANCE) return;
    // entered by a seek: what lies before was not seen
    isBreakWatched = false;
    started.time = elapsed;
  };
  /** What falls due after `from` and up to `to` seconds into the ad. */
  const fire = (ad: Playing, from: number, to: number): void => {
    for (const [occurrence, { event, url, time }] of ad.beacons.entries())
      if (time > from && time <= to)
        deps.beacons.send(describeSubject(ad, deps, ad.startTime + time), event, url, time, occurrence);
  };
  const advance = (ad: Playing, time: number, isPlayedOn: boolean): void => {
    const elapsed = Math.min(Math.max(time - ad.startTime, 0), ad.event.duration);
    if (elapsed < ad.time - REWIND) act("rewind");
    if (isPlayedOn) fire(ad, ad.time, elapsed);
    else isBreakWatched = false;
    ad.time = elapsed;
    if (Math.abs(elapsed - ad.progressAt) < PROGRESS_INTERVAL) return;
    ad.progressAt = elapsed;
    emit("adprogress", { ...ad.event, time: elapsed });
  };
  const leaveAd = (ad: Playing, isPlayedOn: boolean): void => {
    const isComplete = isPlayedOn && ad.time >= ad.event.duration - END_TOLERANCE;
    isBreakWatched &&= isComplete;
    if (!isComplete) return;
    fire(ad, ad.time, ad.event.duration);
    deps.beacons.finish(describeSubject(ad, deps, lastTime));
    emit("adcomplete", ad.event);
  };
  const leaveBreak = (ad: Playing): void => {
    const { breakEnd } = ad.entry.planned;
    emit("adbreakcomplete", { ...describeBreak(ad.span, ad.entry, timeline), watched: isBreakWatched });
    deps.beacons.sendBreak({ ...describeSubject(ad, deps, lastTime), ...NO_AD }, "breakEnd", breakEnd);
    playing = undefined;
  };
  const leave = (isPlayedOn: boolean): void => {
    if (!playing) return;
    leaveAd(playing, isPlayedOn);
    leaveBreak(playing);
  };

  return {
    seek: () => {
      hasSought = true;
    },
    show: (time, playbackRate, isShown) => {
      const at = timeline.locate(time);
      if (at === "unknown") return;
      const step = time - lastTime;
      const possible = MAX_STEP + (hasSought ? 0 : (deps.now() - shownAt) / 1000) * Math.max(1, playbackRate);
      const isPlayedOn = step >= 0 && step < possible;
      lastTime = time;
      shownAt = deps.now();
      hasSought = false;
      if (at === "content") return leave(isPlayedOn);
      if (playing && isSameAd(playing.span.placed, at.placed)) return advance(playing, time, isPlayedOn);
      if (!isShown) return leave(isPlayedOn);
      if (playing) leaveAd(playing, isPlayedOn);
      enter(at, time);
    },
    end: () => leave(true),
    stop: () => leave(false),
    act,
    click: (at) => {
      if (!playing) return undefined;
      const { event, ready, time } = playing;
      const subject = describeSubject(playing, deps, lastTime);
      const macros: MacroValues = at ? { CLICKPOS: at.map(Math.round) } : {};
      deps.beacons.sendAction(subject, "clickTracking", ready.creative.clickTrackers, { time, macros });
      const { clickThrough } = ready.creative;
      const url = clickThrough === undefined ? undefined : deps.beacons.expand(subject, clickThrough, { time, macros });
      emit("adclick", { ...event, time, url: url?.href });
      return url;
    },
    fail: (vastError) => {
      if (!playing) return false;
      deps.beacons.sendErrors(describeSubject(playing, deps, lastTime), playing.ready.ad.errors, vastError);
      return true;
    },
    current: () => playing?.span,
  };
}

const NO_AD = { ad: undefined, adId: undefined, creative: undefined, index: undefined, mediaUrl: undefined } as const;

function startAd(span: AdSpan, { entries, timeline }: PlaybackDeps): Playing | undefined {
  const { breakId, duration } = span.placed;
  const index = Number(span.placed.adId);
  const entry = entries().find(({ planned }) => planned.breakId === breakId);
  const ready = entry?.ads[index];
  if (!entry || !ready) return undefined;
  const { ad, creative } = ready;
  const event: AdEvent = {
    breakId,
    adId: ad.id ?? `ad-${index + 1}`,
    index,
    adCount: span.placedBreak.ads.length,
    title: ad.title,
    creativeId: creative.id,
    clickThrough: creative.clickThrough,
    duration,
  };
  const startTime = timeline.startOf(span.placed);
  const beacons = scheduleBeacons(ad, creative, duration);
  return { span, entry, ready, startTime, event, beacons, time: 0, progressAt: 0, isPaused: false };
}

function describeSubject(playing: Playing, deps: PlaybackDeps, time: number): BeaconSubject {
  const { event, ready, entry } = playing;
  return {
    breakId: event.breakId,
    position: entry.planned.position,
    adId: ready.ad.id,
    ad: ready.ad,
    creative: ready.creative,
    index: event.index,
    adCount: event.adCount,
    mediaUrl: ready.mediaUrl,
    contentTime: deps.toContentTime(time),
  };
}

function describeBreak(span: AdSpan, entry: BreakEntry, timeline: Timeline): BreakEvent {
  const { placedBreak } = span;
  return {
    breakId: placedBreak.breakId,
    position: entry.planned.position,
    startTime: timeline.startOf(placedBreak),
    duration: placedBreak.duration,
    adCount: placedBreak.ads.length,
  };
}
