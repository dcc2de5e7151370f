/** What the benchmark of players says of a break, by the definitions of docs/measuring.md. */
import { describe, expect, test } from "vitest";
import { measureBreak } from "../../bench/cut.ts";
import type { Run, ShownFrame } from "../../e2e/frames.ts";

const FRAME_MS = 40;
const CONTENT = 1;
const AD = 3;
const DUE = { adFrames: 50, resumeFrame: 100, frameMs: FRAME_MS };

/** Frames one after another, the first on screen at `at`; `presentedFrames` counts from 1 in each run. */
function show(source: number, frames: readonly number[], at: number): Run {
  const shown = frames.map((frame, index): ShownFrame => {
    const displayTime = at + index * FRAME_MS;
    return { source, frame, mediaTime: frame / 25, displayTime, shownAt: displayTime, presentedFrames: index + 1 };
  });
  return { source, frames: shown };
}
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
const BEFORE = show(CONTENT, range(80, 100), 0);
const AD_AT = 20 * FRAME_MS;
const BACK_AT = AD_AT + 50 * FRAME_MS;

describe("measureBreak", () => {
  test("a perfect break costs nothing", () => {
    const cost = measureBreak([BEFORE, show(AD, range(0, 50), AD_AT), show(CONTENT, range(100, 120), BACK_AT)], DUE);
    const perfect = { excessFreezeMs: 0, switchMs: 40, skippedFrames: 0, strayFrames: 0 };
    expect(cost).toEqual({ in: perfect, out: perfect, repeatedFrames: 0, lateMs: 0 });
  });

  test("a picture that stands still behind the cut is excess freeze, wherever within ten frames", () => {
    const { frames } = show(AD, range(0, 50), AD_AT);
    const held = frames.map((frame) => (frame.frame < 5 ? frame : { ...frame, displayTime: frame.displayTime + 120 }));
    const ad = { source: AD, frames: held };
    const cost = measureBreak([BEFORE, ad, show(CONTENT, range(100, 120), BACK_AT + 120)], DUE);
    expect(cost.in).toMatchObject({ excessFreezeMs: 120, switchMs: 40 });
    expect(cost.out.excessFreezeMs).toBe(0);
  });

  test("the ad's first frames, the content's last and the content's next are skipped at their own edge", () => {
    const before = show(CONTENT, range(80, 98), 0);
    const cost = measureBreak([before, show(AD, range(3, 48), AD_AT), show(CONTENT, range(105, 120), BACK_AT)], DUE);
    expect(cost.in.skippedFrames).toBe(2 + 3);
    expect(cost.out.skippedFrames).toBe(2 + 5);
    expect(cost.lateMs).toBe(0);
  });

  test("a frame without a callback was not skipped when the element says that it was presented", () => {
    const missed = show(AD, range(0, 50), AD_AT).frames.filter(({ frame }) => frame !== 4);
    const after = show(CONTENT, range(100, 120), BACK_AT);
    expect(measureBreak([BEFORE, { source: AD, frames: missed }, after], DUE).in.skippedFrames).toBe(0);
    const dropped = missed.map((frame) => (frame.frame < 4 ? frame : { ...frame, presentedFrames: frame.frame }));
    expect(measureBreak([BEFORE, { source: AD, frames: dropped }, after], DUE).in.skippedFrames).toBe(1);
  });

  test("a break that begins late loses no content, and content shown twice is counted", () => {
    const before = show(CONTENT, range(80, 104), 0);
    const cost = measureBreak([before, show(AD, range(0, 50), AD_AT), show(CONTENT, range(101, 120), BACK_AT)], DUE);
    expect(cost).toMatchObject({ lateMs: 160, repeatedFrames: 3 });
    expect(cost.out.skippedFrames).toBe(0);
  });

  test("pictures of the content's beginning that flash up before it is at its place are stray, and their time is freeze", () => {
    const after = show(CONTENT, [0, 1, ...range(100, 120)], BACK_AT);
    const { out } = measureBreak([BEFORE, show(AD, range(0, 50), AD_AT), after], DUE);
    expect(out).toMatchObject({ strayFrames: 2, excessFreezeMs: 80, skippedFrames: 0 });
  });

  test("a run that is too short to be measured is an error", () => {
    const ad = show(AD, range(0, 50), AD_AT);
    expect(() => measureBreak([BEFORE, ad, show(CONTENT, range(100, 105), BACK_AT)], DUE)).toThrow(
      "expected 3 + 10 frames",
    );
  });
});
