import { describe, expect, test } from "vitest";
import { createStallDetector, measureAhead, type WatchedMedia } from "../../src/viewing/frames.ts";

/** A playhead at a time, with ranges of media. */
function at(
  currentTime: number,
  ranges: readonly (readonly [start: number, end: number])[],
  paused = false,
  playbackRate = 1,
): WatchedMedia {
  const edge = (index: number, side: 0 | 1): number => ranges[index]?.[side] ?? Number.NaN;
  const buffered: TimeRanges = {
    length: ranges.length,
    start: (index) => edge(index, 0),
    end: (index) => edge(index, 1),
  };
  return { currentTime, paused, ended: false, seeking: false, playbackRate, buffered };
}

/** Looks every 100 ms for a while; what came out at each look. */
function look(media: WatchedMedia, times: number): readonly (number | undefined | "none")[] {
  let now = 0;
  const detect = createStallDetector(() => now);
  return Array.from({ length: times }, () => {
    now += 100;
    const stall = detect(media);
    return stall ? stall.target : "none";
  });
}

describe("createStallDetector", () => {
  test("jumps to media that begins within a second, half a second after the picture stood still", () => {
    const seen = look(
      at(10, [
        [0, 10],
        [10.3, 20],
      ]),
      6,
    );
    expect(seen).toEqual(["none", "none", "none", "none", "none", 10.31]);
  });

  test("nudges a playhead that stands still inside its media", () => {
    expect(look(at(10, [[0, 20]]), 6).at(-1)).toBeCloseTo(10.1);
  });

  test("leaves a playhead alone that has no media within a second: that is a slow network", () => {
    expect(
      look(
        at(10, [
          [0, 10],
          [12, 20],
        ]),
        20,
      ).every((seen) => seen === "none"),
    ).toBe(true);
  });

  test("leaves a paused picture alone", () => {
    expect(look(at(10, [[0, 20]], true), 20).every((seen) => seen === "none")).toBe(true);
  });

  test("leaves a picture alone that is held by a playbackRate of 0", () => {
    expect(look(at(10, [[0, 20]], false, 0), 20).every((seen) => seen === "none")).toBe(true);
  });

  test("gives up after three nudges at one place", () => {
    expect(look(at(10, [[0, 20]]), 22).filter((seen) => seen !== "none")).toEqual([10.1, 10.1, 10.1, undefined]);
  });
});

describe("measureAhead", () => {
  const buffered = at(10, [
    [0, 14],
    [20, 30],
  ]);

  test("counts to the end of the media around the playhead", () => {
    expect(measureAhead({ ...buffered, readyState: 4, HAVE_CURRENT_DATA: 2 })).toBe(4);
  });

  test("counts over the holes that players get over, as where sound ends a little before what follows", () => {
    const ranges = [
      [0, 10.2],
      [10.21, 12],
      [12.08, 14],
      [14.2, 30],
    ] as const;
    expect(measureAhead({ ...at(10, ranges), readyState: 4, HAVE_CURRENT_DATA: 2 })).toBe(4);
  });

  test("is nothing without an element, and while the frame at the playhead is not there", () => {
    expect(measureAhead(null)).toBeUndefined();
    expect(measureAhead({ ...buffered, readyState: 1, HAVE_CURRENT_DATA: 2 })).toBeUndefined();
  });
});
