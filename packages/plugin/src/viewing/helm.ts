/**
 * The one hand that moves the playhead for the policies, and what it goes by.
 */
import type { Emit, SeekReason } from "../events.ts";
import { createPlayhead, type Playhead, type SteeredMedia } from "./playhead.ts";
import type { Rules } from "./rules.ts";
import type { Spot } from "./seeking.ts";
import { type Course, passOver, type Turn } from "./turns.ts";

export interface HelmDeps {
  readonly spots: () => readonly Spot[];
  readonly rules: Rules;
  /** The break on screen. */
  readonly playing: () => string | undefined;
  /** What plays is left at its end, by a seek: its last frame is at this time. */
  readonly onFinish: (time: number) => void;
  readonly isLive: () => boolean;
  readonly emit: Emit;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface Helm {
  readonly playhead: Playhead;
  readonly course: Course;
  readonly trickPlay: TrickPlay;
  /**
   * @param from where the viewer was, for who is told; absent: where the playhead is
   * @returns whether the playhead stays
   */
  readonly take: (media: SteeredMedia, turn: Turn, from?: number) => boolean;
  /**
   * Leaves out a break that is here, or comes with the next frame.
   *
   * @returns whether it plays after all
   */
  readonly passOver: (media: SteeredMedia, time: number, spot: Spot, reason: SeekReason) => boolean;
  /** The viewer has sought: what could not be passed over may be tried again. */
  readonly onSought: () => void;
}

/** Faster than the viewer could follow an ad. */
export interface TrickPlay {
  isOn: boolean;
  /** Breaks that it has left out. */
  leftOut: readonly string[];
}

/** A break that is still there after so many seeks past it plays. */
const MAX_PASSES = 5;
const PASS_MS = 3000;

export function createHelm({ spots, rules, playing, onFinish, isLive, emit, now }: HelmDeps): Helm {
  const playhead = createPlayhead(isLive);
  const course: Course = { admitted: undefined, plan: undefined };
  const trickPlay: TrickPlay = { isOn: false, leftOut: [] };
  let passed: { readonly breakId: string; readonly times: number; readonly at: number } | undefined;

  const take: Helm["take"] = (media, { admitted, plan, to, target, reason }, from = playhead.position()) => {
    Object.assign(course, { admitted, plan });
    if (reason === undefined) return true;
    playhead.move(media, target);
    emit("seekadjusted", { from, to, target: playhead.position(), reason });
    return false;
  };
  return {
    playhead,
    course,
    trickPlay,
    take,
    passOver: (media, time, spot, reason) => {
      const { breakId, start } = spot;
      const isAgain = passed?.breakId === breakId && now() - passed.at < PASS_MS;
      const times = isAgain && passed ? passed.times + 1 : 0;
      passed = { breakId, times, at: now() };
      if (times > MAX_PASSES) {
        course.admitted = breakId;
        return true;
      }
      if (playing() !== undefined) onFinish(time);
      const canPlay = (item: Spot): boolean => !trickPlay.isOn && rules.canPlay(item);
      const past = passOver(spot, times, { spots: spots(), canPlay });
      return take(media, { ...past, plan: course.plan, to: start, reason });
    },
    onSought: () => {
      passed = undefined;
    },
  };
}
