/**
 * What a break cost the viewer, by the frames that were on screen. The definitions: docs/measuring.md.
 */
import type { Run, ShownFrame } from "../e2e/frames.ts";

/** One edge of a break. */
export interface Edge {
  /** Display time beyond the nominal time of the frames, from 3 frames before the cut to 10 behind it, ms. */
  readonly excessFreezeMs: number;
  /** From the last frame of the one film to the first of the other that belongs there, ms. */
  readonly switchMs: number;
  /** Frames that belong on screen around the edge and never were; a callback that was missed alone does not count. */
  readonly skippedFrames: number;
  /** Frames of the new film that do not belong there: shown before it was at its place. */
  readonly strayFrames: number;
}

export interface BreakCost {
  readonly in: Edge;
  readonly out: Edge;
  /** Frames of content that were shown a second time behind the break. */
  readonly repeatedFrames: number;
  /** How far behind the time of the break the ad began, ms of content. */
  readonly lateMs: number;
}

/** What should have been on screen. */
export interface DueBreak {
  /** Frames. */
  readonly adFrames: number;
  /** The first frame of content that belongs behind the ad, were the break on time. */
  readonly resumeFrame: number;
  readonly frameMs: number;
}

/** Frames of the neighbouring films that count at an edge. */
const BEFORE = 3;
const BEHIND = 10;
/** Frames by which a film may begin off its place and still be meant. */
const NEAR = 50;

/**
 * Where the break begins late, the content's last frame decides which frame of it belongs behind the ad: late is late, and no loss.
 *
 * @throws Error where a run is shorter than its share of an edge
 */
export function measureBreak([before, ad, after]: readonly [Run, Run, Run], due: DueBreak): BreakCost {
  const next = lastOf(before).frame + 1;
  const resume = Math.max(next, due.resumeFrame);
  const back = settle(after, resume);
  const first = back.frames[0] ?? lastOf(back);
  return {
    in: measureEdge(before, settle(ad, 0), { lost: resume - next, first: 0 }, due.frameMs),
    out: measureEdge(ad, back, { lost: due.adFrames - 1 - lastOf(ad).frame, first: resume }, due.frameMs),
    repeatedFrames: Math.max(0, resume - first.frame),
    lateMs: (resume - due.resumeFrame) * due.frameMs,
  };
}

interface SettledRun extends Run {
  readonly strayFrames: number;
}

/** Without the frames at its beginning that are far from where it should begin. */
function settle(run: Run, frame: number): SettledRun {
  const index = run.frames.findIndex((shown) => Math.abs(shown.frame - frame) <= NEAR);
  return { ...run, frames: run.frames.slice(Math.max(0, index)), strayFrames: Math.max(0, index) };
}

function measureEdge(
  from: Run,
  to: SettledRun,
  due: { readonly lost: number; readonly first: number },
  frameMs: number,
): Edge {
  const [start, last] = [from.frames.at(-BEFORE), lastOf(from)];
  const [first, end] = [to.frames[0], to.frames.find(({ frame }) => frame >= (to.frames[0]?.frame ?? 0) + BEHIND - 1)];
  if (!start || !first || !end)
    throw new Error(`${from.source} -> ${to.source}: expected ${BEFORE} + ${BEHIND} frames, got fewer`);
  const intervals = last.frame - start.frame + 1 + (end.frame - first.frame);
  return {
    excessFreezeMs: end.displayTime - start.displayTime - intervals * frameMs,
    switchMs: first.displayTime - last.displayTime,
    skippedFrames:
      Math.max(0, due.lost) +
      Math.max(0, first.frame - due.first) +
      countMissing(start, last) +
      countMissing(first, end),
    strayFrames: to.strayFrames,
  };
}

/** `presentedFrames` begins anew with each source, so that it is compared within one film only. */
function countMissing(from: ShownFrame, to: ShownFrame): number {
  return Math.max(0, to.frame - from.frame - (to.presentedFrames - from.presentedFrames));
}

function lastOf(run: Run): ShownFrame {
  const last = run.frames.at(-1);
  if (!last) throw new Error(`film ${run.source}: expected frames, got none`);
  return last;
}
