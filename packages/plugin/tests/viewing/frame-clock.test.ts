import { describe, expect, test } from "vitest";
import { createFrameClock, type FrameClock } from "../../src/viewing/frame-clock.ts";

/** How far ahead the next frame may lie, after frames at equal steps. */
function reachAfter(clock: FrameClock, step: number, playbackRate = 1): number {
  let reach = Number.NaN;
  for (let frame = 0; frame < 20; frame++) reach = clock.next(frame * step, playbackRate) - frame * step;
  return reach;
}

describe("createFrameClock", () => {
  test("reaches one and a half frames on, at any frame rate", () => {
    expect(reachAfter(createFrameClock(), 1 / 50)).toBeCloseTo(0.03);
    expect(reachAfter(createFrameClock(), 1 / 25)).toBeCloseTo(0.06);
  });

  test("takes 25 frames per second where nothing was shown yet", () => {
    expect(createFrameClock().next(7, 1)).toBeCloseTo(7.06);
  });

  test("a frame that was missed does not bring an edge forward", () => {
    const clock = createFrameClock();
    reachAfter(clock, 1 / 25);
    expect(clock.next(0.76 + 0.12, 1) - 0.88).toBeLessThan(0.08);
  });

  test("a seek says nothing about the distance of frames", () => {
    const clock = createFrameClock();
    reachAfter(clock, 1 / 25);
    clock.restart();
    expect(clock.next(0.77, 1) - 0.77).toBeCloseTo(0.06);
  });

  test("sound alone, looked at a few times a second, is not left a quarter of a second early", () => {
    expect(reachAfter(createFrameClock(), 0.25)).toBeCloseTo(0.15);
    expect(reachAfter(createFrameClock(), 0.5, 2)).toBeCloseTo(0.3);
  });
});
