/**
 * What is on screen, in any player: frames counted into breaks and ads, the policies that say which of them may be, and no picture
 * that stands still for good.
 */
import type { BeaconSender } from "./beacons.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Emit } from "../events.ts";
import { followMedia } from "./follow-media.ts";
import type { Stall } from "./frames.ts";
import { noteWatched } from "./note-watched.ts";
import { createPlayback, type Playback } from "./playback.ts";
import type { PolicySettings } from "../policy-options.ts";
import { createPlaybackStart, type PlaybackStart } from "./resume.ts";
import { createRules } from "./rules.ts";
import type { Spot } from "./seeking.ts";
import { describeSpots } from "./spots.ts";
import { answerStall, type StallDeps } from "./stalls.ts";
import { createSteering } from "./steering.ts";
import type { AdSpan, Timeline } from "./timeline.ts";
import { createUserActions, type UserActions } from "./user-events.ts";
import { createWatched } from "./watched.ts";

export interface ViewingDeps extends Pick<StallDeps, "onBroken"> {
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

export interface Viewing
  extends Pick<Playback, "click">, Pick<UserActions, "start">, Pick<PlaybackStart, "readMaster" | "masterStart"> {
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
  readonly writeStart: PlaybackStart["write"];
}

export function createViewing(deps: ViewingDeps): Viewing {
  const { timeline, settings, now } = deps;
  const watched = createWatched(now);
  const rules = createRules(settings, watched, deps.emit);
  const facts = { ...deps, watched };
  const spots = (): readonly Spot[] => describeSpots(timeline.breaks(), timeline, facts);
  const start = createPlaybackStart({ ...facts, canPlay: rules.canPlay });
  const user = createUserActions((action) => playback.act(action));
  const playback = createPlayback({
    ...deps,
    emit: noteWatched({ ...deps, watched, spots, selectWatched: rules.selectWatched }),
  });
  const playing = (): string | undefined => playback.current()?.placedBreak.breakId;
  const steering = createSteering({
    ...deps,
    spots,
    rules,
    watched,
    startGoal: start.goal,
    trickPlayRate: settings.trickPlayRate,
    playing,
    onFinish: (time) => {
      const at = timeline.locate(time);
      if (typeof at === "object" && at.placedBreak.breakId === playing()) playback.show(time, 1, true);
      playback.end();
    },
  });
  const onStall = (media: HTMLMediaElement, stall: Stall): void => {
    const target = answerStall(stall, { ...deps, ...playback });
    if (target !== undefined) steering.move(media, target);
  };
  let watchedMedia: HTMLMediaElement | null = null;
  let unwatch: (() => void) | undefined;

  return {
    ...start,
    writeStart: start.write,
    watch: (media) => {
      unwatch?.();
      steering.onEmptied();
      watchedMedia = media;
      unwatch = media ? followMedia(media, { ...deps, spots, playback, steering, user, onStall }) : undefined;
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
    start: user.start,
    isWatched: watched.has,
  };
}
