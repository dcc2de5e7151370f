/**
 * What is on screen, in any player: frames counted into breaks and ads, the policies that say which of them may be, and no picture
 * that stands still for good.
 */
import type { Stitched } from "@interlude/core";
import type { BeaconSender } from "./beacons.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Emit } from "../events.ts";
import { toStreamTime } from "./content-time.ts";
import { createFrameNeed } from "./frame-need.ts";
import { type Stall, watchFrames, watchStalls } from "./frames.ts";
import { createPlayback, type Playback } from "./playback.ts";
import type { PolicySettings } from "../policy-options.ts";
import { selectResume, selectStart, writeStart } from "./resume.ts";
import { createRules } from "./rules.ts";
import { describeSpans, describeSpots, LISTED } from "./spots.ts";
import { EDGE } from "./seeking.ts";
import { createSteering } from "./steering.ts";
import type { AdSpan, Timeline } from "./timeline.ts";
import { createUserActions, type UserActions } from "./user-events.ts";
import { createWatched } from "./watched.ts";

export interface ViewingDeps {
  readonly settings: PolicySettings;
  readonly timeline: Timeline;
  readonly entries: () => readonly BreakEntry[];
  readonly beacons: BeaconSender;
  readonly emit: Emit;
  readonly isLive: () => boolean;
  readonly toContentTime: (streamTime: number) => number;
  readonly toStreamTime: (contentTime: number) => number;
  /** Undefined while it is not known. */
  readonly contentDuration: () => number | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** The playhead has moved on, a few times a second, or has been moved. */
  readonly onTime: (streamTime: number) => void;
  /** The viewer has sought, and no policy has sent him elsewhere: breaks in between may still be undecided. */
  readonly onSeek: (from: number, to: number) => void;
  /** Another break counts as watched. */
  readonly onWatched: () => void;
}

export interface Viewing extends Pick<Playback, "click" | "fail">, Pick<UserActions, "start"> {
  /** Follows this element from now on, and no other; null: none. */
  readonly watch: (media: HTMLMediaElement | null) => void;
  /** The media is taken away from the element: what plays has ended. */
  readonly stop: () => void;
  /** Moves the playhead for the player's own sake, as over an ad that is broken: no seek of the viewer's. */
  readonly jump: (target: number) => void;
  /** A seek of the viewer's is decided on again: there are breaks that were not there when he sought. */
  readonly seekFrom: (from: number, to: number) => void;
  /** The ad on screen. */
  readonly current: () => AdSpan | undefined;
  readonly isWatched: (breakId: string) => boolean;
  /** The playlist with the place where playback begins; the identical text where that is its start, and in live content. */
  readonly writeStart: (stitched: Stitched) => string;
}

export function createViewing(deps: ViewingDeps): Viewing {
  const { timeline, emit, now, settings, isLive } = deps;
  const watched = createWatched(now);
  const rules = createRules(settings, watched, emit);
  const facts = { entries: deps.entries, watched, isLive };
  const spots = (): ReturnType<typeof describeSpots> => describeSpots(timeline.breaks(), timeline, facts);
  const noted: Emit = (name, event) => {
    if ("breakId" in event && typeof event.breakId === "string") {
      const { breakId } = event;
      if (name === "adbreakstart") begin(breakId);
      else if (name === "adbreakcomplete") watched.end(breakId, "watched" in event && event.watched === true);
    }
    emit(name, event);
    if (name === "adbreakstart" || name === "adbreakcomplete") deps.onWatched();
  };
  const begin = (breakId: string): void => {
    const spot = spots().find((item) => item.breakId === breakId);
    if (spot) watched.begin(breakId, rules.selectWatched(spot));
  };
  const playback = createPlayback({ ...deps, emit: noted });
  const user = createUserActions(playback.act);
  const resumeTime = (): number | undefined =>
    isLive() ? undefined : selectResume({ ...settings, contentDuration: deps.contentDuration() });
  const isPlaying = (time: number): boolean => {
    const at = timeline.locate(time);
    return typeof at === "object" && at.placedBreak.breakId === playback.current()?.placedBreak.breakId;
  };
  let watchedMedia: HTMLMediaElement | null = null;
  let unwatch: (() => void) | undefined;

  const steering = createSteering({
    ...deps,
    spots,
    rules,
    watched,
    resumeTime,
    trickPlayRate: settings.trickPlayRate,
    playing: () => playback.current()?.placedBreak.breakId,
    onFinish: (time) => {
      if (isPlaying(time)) playback.show(time, 1, true);
      playback.end();
    },
  });

  const onStall = (media: HTMLMediaElement, { target, nudges }: Stall): void => {
    const span = playback.current();
    if (target !== undefined) {
      steering.move(media, target);
      return;
    }
    if (!span) return;
    playback.fail(405);
    const message = `ad ${span.placed.breakId}/${span.placed.index}: the picture stood still after ${nudges - 1} nudges`;
    emit("error", { fatal: false, code: "playlist-malformed", message, cause: undefined });
    steering.move(media, timeline.endOf(span.placed) + EDGE);
  };
  const follow = (media: HTMLMediaElement): (() => void) => {
    const need = createFrameNeed({ timeline, spots, isPlaying: () => playback.current() !== undefined, now });
    const stops = [
      watchFrames(media, {
        onFrame: (time, isShown) => {
          // the first frame of a player that nobody has started is on screen too, and is no impression
          const isSeen = isShown && !media.paused;
          if (steering.onFrame(media, time, isShown)) playback.show(time, media.playbackRate, isSeen);
        },
        onEnded: playback.end,
        isNeeded: () => need.isNeeded(media),
      }),
      watchStalls(media, now, (stall) => onStall(media, stall)),
      user.watch(media),
    ];
    const onTime = (): void => deps.onTime(media.currentTime);
    const listeners: Readonly<Record<string, () => void>> = {
      seeking: () => {
        need.onMoved();
        playback.seek();
        steering.onSeeking(media);
        onTime();
      },
      seeked: steering.onSeeked,
      ratechange: () => steering.onRateChange(media),
      loadeddata: need.onMoved,
      emptied: steering.onEmptied,
      timeupdate: onTime,
    };
    for (const [name, listener] of Object.entries(listeners)) media.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) media.removeEventListener(name, listener);
      for (const stop of stops) stop();
    };
  };

  return {
    watch: (media) => {
      unwatch?.();
      steering.onEmptied();
      watchedMedia = media;
      unwatch = media ? follow(media) : undefined;
    },
    stop: playback.stop,
    jump: (target) => {
      if (watchedMedia) steering.move(watchedMedia, target);
    },
    seekFrom: (from, to) => {
      if (watchedMedia) steering.seekFrom(watchedMedia, from, to);
    },
    current: playback.current,
    click: playback.click,
    fail: playback.fail,
    start: user.start,
    isWatched: watched.has,
    writeStart: ({ text, breaks }) => {
      if (isLive()) return text;
      const { startContentTime } = settings;
      const contentDuration = deps.contentDuration();
      const listed = describeSpots(breaks, LISTED, facts);
      const spans = describeSpans(breaks, LISTED);
      const toListedTime = (time: number): number => toStreamTime(time, spans);
      return writeStart(
        text,
        selectStart({
          spots: listed,
          startContentTime,
          contentDuration,
          canPlay: rules.canPlay,
          toStreamTime: toListedTime,
        }),
      );
    },
  };
}
