/**
 * How playback goes on of itself, breaks being what they are: facts in, turn out.
 *
 * @see primetime.md §4.6
 */
import type { SeekReason } from "../events.ts";
import {
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

/** What of the breaks may play. */
export interface Course {
  /** The break that nobody is asked about any more. */
  admitted: string | undefined;
  /** Its first break is on screen, or is sought. */
  plan: Plan | undefined;
}

/** A course, and where the playhead is taken for it. */
export interface Turn extends Course {
  /** Where it would have gone. */
  readonly to: number;
  readonly target: number;
  /** Undefined: it stays. */
  readonly reason: SeekReason | undefined;
}

export interface TurnFacts {
  /** Of the frame on screen. */
  readonly time: number;
  /** In order of their start. */
  readonly spots: readonly Spot[];
  readonly canPlay: (spot: Spot) => boolean;
  readonly toStreamTime: (contentTime: number) => number;
}

/** Where who begins wants to be. */
export interface StartGoal {
  /** Seconds of content. */
  readonly contentTime: number;
  /** Whether it is the content's wish alone: without a pre-roll the player sees to it. */
  readonly isOwn: boolean;
  /** Stream time at which the master playlist has the player begin, be there a pre-roll or not; undefined: it does not. */
  readonly begun: number | undefined;
}

/** With the first frame: the pre-roll that plays, then the goal; else the goal at once. Undefined: it is right where it is. */
export function goTo(goal: StartGoal, { time, spots, canPlay, toStreamTime }: TurnFacts): Turn | undefined {
  const { contentTime, isOwn, begun } = goal;
  const isMisled = begun !== undefined && isPlayerStep(begun, time);
  const spot = isMisled ? spots.find(({ position }) => position === "pre") : findSpot(spots, time);
  if (spot?.position === "pre" && canPlay(spot)) {
    const plan = { queue: [spot.breakId], goal: contentTime, reason: "resume" } as const;
    return isMisled ? { ...playFrom(spot, plan, time), reason: "ad-start" } : stay(time, spot.breakId, plan);
  }
  const target = toStreamTime(contentTime);
  if (isOwn || isPlayerStep(target, time)) return undefined;
  return { admitted: undefined, plan: undefined, to: time, target, reason: "resume" };
}

/** With the last frame of the break that is due: the next one of the plan that plays, or its goal. */
export function goOn(
  { queue, goal, reason }: Plan,
  due: Spot,
  { time, spots, canPlay, toStreamTime }: TurnFacts,
): Turn {
  const rest = queue.slice(1);
  const next = rest.flatMap((breakId) => spots.find((spot) => spot.breakId === breakId) ?? []).find(canPlay);
  if (next) return playFrom(next, { queue: rest.slice(rest.indexOf(next.breakId)), goal, reason }, time);
  const target = toStreamTime(goal);
  if (Math.abs(target - due.end) < NEAR) return stay(time, due.breakId, undefined);
  const past = passBreaks(target, without(due, spots), canPlay);
  return { ...past, plan: undefined, to: time, reason };
}

/** The first break of a plan, from its start. */
export function playFrom({ breakId, start }: Spot, plan: Plan, to: number): Turn {
  return { admitted: breakId, plan, to, target: start + EDGE, reason: "snap-back" };
}

/** @param times how often it was tried already: the playhead is taken so much further */
export function passOver(spot: Spot, times: number, { spots, canPlay }: Pick<TurnFacts, "spots" | "canPlay">): Past {
  return passBreaks(spot.end + EDGE_OUT * (1 + times), without(spot, spots), canPlay);
}

type Past = ReturnType<typeof passBreaks>;

/** A seek of the viewer's to a time, as it was decided on; `goal` is that time in seconds of content. */
export function follow(decision: SeekDecision, plan: Plan | undefined, to: number, goal: number): Turn {
  const { queue, admitted, target, reason } = decision;
  const next: Plan | undefined = queue.length > 0 ? { queue, goal, reason: "return" } : undefined;
  // a seek within the break that is due leaves the way on behind it
  const isWithin = !next && admitted === plan?.queue[0];
  return { admitted, plan: isWithin ? plan : next, to, target, reason };
}

function stay(time: number, admitted: string, plan: Plan | undefined): Turn {
  return { admitted, plan, to: time, target: time, reason: undefined };
}

function without({ breakId }: Spot, spots: readonly Spot[]): readonly Spot[] {
  return spots.filter((spot) => spot.breakId !== breakId);
}
