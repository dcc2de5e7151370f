import { segmentBoundaries, selectRendition, snapToBoundary } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("selectRendition", () => {
  const ladder = [{ bandwidthBps: 3e6 }, { bandwidthBps: 5e5 }, { bandwidthBps: 1e6 }];
  test.each<[number | undefined, number, string]>([
    [2e6, 1e6, "the highest not above the content"],
    [1e6, 1e6, "an equal one is not above"],
    [1e5, 5e5, "the lowest where all are above"],
    [undefined, 3e6, "the highest where the content's is unknown"],
  ])("content of %s bit/s takes %s: %s", (content, expected) => {
    expect(selectRendition(ladder, content)?.bandwidthBps).toBe(expected);
  });

  test("an ad without renditions gives none", () => {
    expect(selectRendition([], 1e6)).toBeUndefined();
  });
});

describe("snapToBoundary", () => {
  test("a time snaps to the nearest boundary, the later of two equally near ones", () => {
    const boundaries = segmentBoundaries([{ duration: 6 }, { duration: 6 }, { duration: 3 }]);
    expect([0, 2.9, 3, 8.9, 9.1, 13.4, 13.5, 99].map((time) => snapToBoundary(boundaries, time))).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ]);
    expect(snapToBoundary(segmentBoundaries([]), 5)).toBe(0);
  });

  test("no other boundary is nearer", () => {
    const durations = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { maxLength: 40 });
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 400, noNaN: true }), (durations, time) => {
        const boundaries = segmentBoundaries(durations.map((duration) => ({ duration })));
        const chosen = Math.abs((boundaries[snapToBoundary(boundaries, time)] ?? Infinity) - time);
        for (const boundary of boundaries) expect(chosen).toBeLessThanOrEqual(Math.abs(boundary - time) + 0.001);
      }),
    );
  });
});
