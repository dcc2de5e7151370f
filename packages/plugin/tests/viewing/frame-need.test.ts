import { describe, expect, test } from "vitest";
import { createFrameNeed, type FrameNeed } from "../../src/viewing/frame-need.ts";
import type { AtPlayhead } from "../../src/viewing/timeline.ts";

interface Viewer {
  readonly need: FrameNeed;
  /** Whether each frame is needed at a time of a quiet moment. */
  readonly at: (currentTime: number, playbackRate?: number) => boolean;
}

/** Content with a break at 100 s; the last seek was long ago. */
function watch(located: AtPlayhead = "content", isPlaying = false): Viewer {
  let now = 0;
  const need = createFrameNeed({
    timeline: { locate: () => located },
    spots: () => [{ start: 100, end: 110 }],
    isPlaying: () => isPlaying,
    now: () => now,
  });
  now = 60_000;
  return { need, at: (currentTime, playbackRate = 1) => need.isNeeded({ currentTime, playbackRate, seeking: false }) };
}

describe("createFrameNeed", () => {
  test("content far from any break is looked at a few times a second", () => {
    expect([50, 97.9, 110.1].map((time) => watch().at(time))).toEqual([false, false, false]);
  });

  test("two seconds before a break each frame counts, and at a faster rate earlier", () => {
    expect([98, 99.9, 105].map((time) => watch().at(time))).toEqual([true, true, true]);
    expect([watch().at(90, 4), watch().at(93, 4)]).toEqual([false, true]);
  });

  test("each frame of an ad on screen counts, and of what nobody knows yet", () => {
    expect(watch("content", true).at(50)).toBe(true);
    expect(watch("unknown").at(50)).toBe(true);
  });

  test("a seek has each frame looked at until the picture has settled", () => {
    const { need, at } = watch();
    expect(need.isNeeded({ currentTime: 50, playbackRate: 1, seeking: true })).toBe(true);
    need.onMoved();
    expect(at(50)).toBe(true);
  });
});
