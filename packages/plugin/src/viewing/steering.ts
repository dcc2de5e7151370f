/**
 * The policies at work on one media element, in any player: a seek that ends elsewhere than the viewer asked, a break that is passed
 * over before its first frame, the way on to the viewer's target behind a break.
 *
 * Seeks of the player's own are told apart: before the first frame it goes where it starts, and over holes it steps.
 *
 * @see primetime.md §4.6
 */
import type { Emit, SeekReason } from "../events.ts";
import {
  decideSeek,
  EDGE,
  EDGE_OUT,
  findSpot,
  isPlayerStep,
  NEAR,
  passBreaks,
  type Plan,
  type SeekDecision,
  type Spot,
} from "./seeking.ts";
import { createEdgeWatch } from "./edge-watch.ts";
import { createFrameClock } from "./frame-clock.ts";
import type { Rules } from "./rules.ts";
import type { Watched } from "./watched.ts";

/** What the policies read and move of a media element. */
export type SteeredMedia = Pick<HTMLMediaElement, "seeking" | "seekable" | "paused" | "duration"> & {
  currentTime: number;
  playbackRate: number;
};

export interface SteeringDeps {
  readonly spots: () => readonly Spot[];
  readonly rules: Rules;
  readonly watched: Watched;
  readonly trickPlayRate: number;
  readonly isLive: () => boolean;
  /** The break on screen. */
  readonly playing: () => string | undefined;
  readonly toContentTime: (streamTime: number) => number;
  readonly toStreamTime: (contentTime: number) => number;
  /** Content seconds at which a returning viewer goes on; undefined: nothing is to be done at the start. */
  readonly resumeTime: () => number | undefined;
  /** What plays is left at its end, by a seek: its last frame is at this time. */
  readonly onFinish: (time: number) => void;
  readonly onSeek?: (from: number, to: number) => void;
  readonly emit: Emit;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface Steering {
  /** @returns whether the frame is one that the viewer is to see */
  readonly onFrame: (media: SteeredMedia, time: number, isShown: boolean) => boolean;
  readonly onSeeking: (media: SteeredMedia) => void;
  readonly onSeeked: () => void;
  readonly onRateChange: (media: SteeredMedia) => void;
  /** The element has nothing any more: another one, another source, or the player starts over. */
  readonly onEmptied: () => void;
  /** A seek that no policy is asked about. */
  readonly move: (media: SteeredMedia, target: number) => void;
  /** The viewer's seek, now that its breaks are known. */
  readonly seekFrom: (media: SteeredMedia, from: number, to: number) => void;
}

/** Seeks in quick succession: one drag of a slider. */
interface Gesture {
  readonly from: number;
  readonly playing: string | undefined;
  readonly watched: ReadonlySet<string>;
  readonly at: number;
}

const GESTURE_MS = 1000;
/** Seconds from where a seek goes beyond which a frame is one from before it. */
const STALE = 0.3;
/** A break that is still there after so many seeks past it plays. */
const MAX_PASSES = 5;
const PASS_MS = 3000;

export function createSteering(deps: SteeringDeps): Steering {
  const { rules, now } = deps;
  const clock = createFrameClock();
  const edgeWatch = createEdgeWatch();
  let position = Number.NaN;
  let hasFrame = false;
  let isStarted = false;
  let expected: number | undefined;
  let admitted: string | undefined;
  let plan: Plan | undefined;
  let gesture: Gesture | undefined;
  let leftOut: readonly string[] = [];
  let isTrickPlay = false;
  /** Where a seek goes to; what is shown of a break before it is what the player had there. */
  let landing = Number.NaN;
  let pass: { readonly breakId: string; readonly count: number; readonly at: number } | undefined;

  const move = (media: SteeredMedia, target: number): void => {
    media.currentTime = Math.min(target, media.duration || target);
    // as the element takes it
    expected = media.currentTime;
    position = expected;
    landing = expected;
  };
  const adjust = (media: SteeredMedia, to: number, target: number, reason: SeekReason): void => {
    const from = position;
    move(media, target);
    deps.emit("seekadjusted", { from, to, target: position, reason });
  };
  const playFrom = (media: SteeredMedia, to: number, spot: Spot, next: Plan): void => {
    admitted = spot.breakId;
    plan = next;
    adjust(media, to, spot.start + EDGE, "snap-back");
  };
  const isOn = (spot: Spot): boolean => spot.breakId === admitted || spot.breakId === deps.playing();

  const startHere = (media: SteeredMedia, time: number): boolean => {
    isStarted = true;
    const goal = deps.resumeTime();
    if (goal === undefined) return true;
    const spot = findSpot(deps.spots(), time);
    if (spot?.position === "pre" && rules.canPlay(spot)) {
      admitted = spot.breakId;
      plan = { queue: [spot.breakId], goal, reason: "resume" };
      return true;
    }
    const target = deps.toStreamTime(goal);
    if (isPlayerStep(target, time)) return true;
    adjust(media, time, target, "resume");
    return false;
  };
  /** The break that plays is at its end: the next one of the plan, or the viewer's own target. */
  const goOn = (media: SteeredMedia, time: number, spot: Spot, { queue, goal, reason }: Plan): boolean => {
    const [, ...rest] = queue;
    const spots = deps.spots();
    const [next] = rest.flatMap(
      (breakId) => spots.find((item) => item.breakId === breakId && rules.canPlay(item)) ?? [],
    );
    const target = deps.toStreamTime(goal);
    plan = undefined;
    if (!next && Math.abs(target - spot.end) < NEAR) return true;
    deps.onFinish(time);
    if (next) playFrom(media, time, next, { queue: rest.slice(rest.indexOf(next.breakId)), goal, reason });
    else {
      const past = passBreaks(
        target,
        spots.filter((item) => item !== spot),
        rules.canPlay,
      );
      admitted = past.admitted;
      adjust(media, time, past.target, reason === "resume" ? reason : "return");
    }
    return false;
  };
  const passOver = (media: SteeredMedia, time: number, spot: Spot, reason: SeekReason): boolean => {
    const isAgain = pass?.breakId === spot.breakId && now() - pass.at < PASS_MS;
    const count = isAgain && pass ? pass.count + 1 : 0;
    pass = { breakId: spot.breakId, count, at: now() };
    if (count > MAX_PASSES) {
      admitted = spot.breakId;
      return true;
    }
    if (deps.playing() !== undefined) deps.onFinish(time);
    const canPlay = (item: Spot): boolean => !isTrickPlay && rules.canPlay(item);
    const others = deps.spots().filter(({ breakId }) => breakId !== spot.breakId);
    const past = passBreaks(spot.end + EDGE_OUT * (1 + count), others, canPlay);
    admitted = past.admitted;
    adjust(media, spot.start, past.target, reason);
    return false;
  };
  /** A break begins with this frame or the next one. */
  const reach = (media: SteeredMedia, time: number, spot: Spot): boolean => {
    if (isTrickPlay) {
      leftOut = [...leftOut, spot.breakId];
      return passOver(media, time, spot, "trick-play");
    }
    if (!rules.canPlay(spot)) return passOver(media, time, spot, spot.watched ? "watched" : "skipped");
    admitted = spot.breakId;
    return true;
  };
  const apply = (media: SteeredMedia, from: number, to: number, decision: SeekDecision): void => {
    admitted = decision.admitted;
    leftOut = [...leftOut, ...decision.leftOut];
    const { queue } = decision;
    // a seek within the break that is due leaves the way on behind it
    const isWithin = plan !== undefined && queue.length === 0 && admitted === plan.queue[0];
    const next = { queue, goal: deps.toContentTime(to), reason: "return" } as const;
    if (!isWithin) plan = queue.length > 0 ? next : undefined;
    position = to;
    if (decision.reason === undefined) return;
    move(media, decision.target);
    deps.emit("seekadjusted", { from, to, target: position, reason: decision.reason });
  };
  /** @param next when the next frame comes */
  const look = (media: SteeredMedia, time: number, next: number): boolean => {
    const spots = deps.spots();
    const inside = findSpot(spots, time);
    if (plan) {
      const { queue } = plan;
      const due = spots.find(({ breakId }) => breakId === queue[0]);
      if (!due) plan = undefined;
      else if (next >= due.end) return goOn(media, time, due, plan);
      else if (time < due.start) return true;
    }
    if (inside && !isOn(inside)) return reach(media, time, inside);
    const ahead = spots.find((spot) => spot.start > time && spot.start <= next);
    if (ahead && !isOn(ahead)) return reach(media, time, ahead);
    if (!inside && !ahead) admitted = undefined;
    return true;
  };
  const watchEdges = (media: SteeredMedia): void => {
    const due = plan?.queue[0];
    const edges = deps.spots().flatMap(({ breakId, start, end }) => (breakId === due ? [start, end] : [start]));
    edgeWatch.set(media, edges, (edge) => void look(media, media.currentTime, edge));
  };
  /** Live: who falls out of the window is taken back into it by the player. */
  const isTakenBack = ({ seekable }: SteeredMedia): boolean =>
    deps.isLive() && seekable.length > 0 && position < seekable.start(0) - NEAR;

  return {
    move,
    seekFrom: (media, from, to) => {
      move(media, to);
      apply(media, from, to, decideSeek({ from, to, spots: deps.spots(), playing: undefined, isTrickPlay }, rules));
    },
    onSeeked: () => {
      expected = undefined;
    },
    onEmptied: () => {
      edgeWatch.clear();
      hasFrame = false;
      expected = undefined;
      position = Number.NaN;
    },
    onSeeking: (media) => {
      const to = media.currentTime;
      if (expected !== undefined && Math.abs(to - expected) < 0.02) return;
      expected = undefined;
      landing = to;
      clock.restart();
      if (!hasFrame || isPlayerStep(position, to) || isTakenBack(media)) {
        position = to;
        return;
      }
      pass = undefined;
      const at = now();
      const isSame = gesture !== undefined && at - gesture.at < GESTURE_MS;
      gesture =
        isSame && gesture
          ? { ...gesture, at }
          : { from: position, playing: deps.playing(), watched: deps.watched.breakIds(), at };
      const { from, playing, watched } = gesture;
      const spots = deps.spots().map((spot) => ({ ...spot, watched: watched.has(spot.breakId) }));
      const decision = decideSeek({ from, to, spots, playing, isTrickPlay }, rules);
      apply(media, from, to, decision);
      if (decision.reason === undefined && !isTrickPlay) deps.onSeek?.(from, to);
    },
    onRateChange: (media) => {
      const spot = deps.spots().find(({ breakId }) => breakId === deps.playing());
      const rate = media.playbackRate;
      if (spot && rules.keepInAds && rate > 1) {
        media.playbackRate = 1;
        return;
      }
      const wasTrickPlay = isTrickPlay;
      isTrickPlay = rate > deps.trickPlayRate;
      if (isTrickPlay && !wasTrickPlay && spot) passOver(media, position, spot, "trick-play");
      if (isTrickPlay || !wasTrickPlay) return;
      const to = media.currentTime;
      const behind = deps.spots().filter(({ breakId, end }) => leftOut.includes(breakId) && end <= to + NEAR);
      leftOut = [];
      const chosen = rules.selectToPlay(behind[0]?.start ?? to, to, behind);
      const [first] = chosen;
      if (first)
        playFrom(media, to, first, {
          queue: chosen.map(({ breakId }) => breakId),
          goal: deps.toContentTime(to),
          reason: "return",
        });
    },
    onFrame: (media, time, isShown) => {
      // of the place before a seek
      if (media.seeking && Math.abs(time - media.currentTime) > STALE) return false;
      const inside = findSpot(deps.spots(), time);
      if (inside && time < landing && inside.end <= landing) return false;
      position = time;
      landing = Number.NaN;
      hasFrame = true;
      if (!isStarted && !startHere(media, time)) return false;
      const next = isShown ? clock.next(time, media.playbackRate) : time;
      const isWanted = look(media, time, next);
      if (isShown) watchEdges(media);
      return isWanted;
    },
  };
}
