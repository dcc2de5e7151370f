import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutTimes, fitsTargetDuration, segmentDurations } from "../../src/crs/cut-times.ts";
import type { Encoding } from "../../src/crs/encoding.ts";

const ladder = (duration: number, numerator = 25, denominator = 1): Encoding => ({
  folder: "/nowhere",
  duration,
  frameRate: { numerator, denominator },
  renditions: [],
});
const remux = (duration: number, keyTimes: readonly number[]): Encoding => ({ ...ladder(duration), keyTimes });

describe("a ladder", () => {
  test("is cut every target duration", () => {
    expect(cutTimes(ladder(13), 6)).toEqual([0, 6, 12]);
    expect(cutTimes(ladder(13), 4)).toEqual([0, 4, 8, 12]);
    expect(cutTimes(ladder(7), 2)).toEqual([0, 2, 4, 6]);
  });
  test("at 23.976 fps is cut at the first frame at or after, without drifting", () => {
    const cuts = cutTimes(ladder(20, 24_000, 1001), 6);
    expect(cuts.map((cut) => Math.round((cut * 24_000) / 1001))).toEqual([0, 144, 288, 432]);
  });
  test("keeps a rest too short to stand alone in the segment before", () => {
    expect(cutTimes(ladder(12.4), 6)).toEqual([0, 6]);
    expect(cutTimes(ladder(12.5), 6)).toEqual([0, 6, 12]);
  });
});

describe("a remux", () => {
  test("goes as far as EXTINF, rounded, allows", () => {
    expect(cutTimes(remux(20, [0, 1, 5.9, 6.4, 6.5, 12, 18]), 6)).toEqual([0, 6.4, 12, 18]);
  });
  test("with a GOP longer than the target duration does not fit it", () => {
    const encoding = remux(20, [0, 2, 9, 15]);
    expect(cutTimes(encoding, 6)).toEqual([0, 2, 9, 15]);
    expect(fitsTargetDuration(encoding, 6)).toBe(false);
    expect(fitsTargetDuration(remux(20, [0, 2, 8, 14]), 6)).toBe(true);
    expect(fitsTargetDuration(encoding, 0)).toBe(true);
  });
  test("does not end in a segment of a few frames where an earlier cut avoids that", () => {
    expect(cutTimes(remux(8.3, [0, 2, 4, 8.1]), 4)).toEqual([0, 4]);
    expect(cutTimes(remux(10.6, [0, 2, 5, 6, 10.5]), 4)).toEqual([0, 2, 6, 10.5]);
    expect(cutTimes(remux(10.8, [0, 3, 6.3, 6.6, 10.6]), 4)).toEqual([0, 3, 6.6]);
  });
  test("at its own key frames has segments of about two seconds or more", () => {
    expect(cutTimes(remux(10, [0, 0.5, 1.96, 3, 4.5, 9.8]), 0)).toEqual([0, 1.96, 4.5]);
    expect(cutTimes(remux(30, [0]), 0)).toEqual([0]);
  });
});

test("any key frames: every cut is one of them, and no key frame would have kept a segment that rounds above", () => {
  const gops = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(gops, fc.constantFrom(6, 4, 2), (lengths, targetDuration) => {
      let frames = 0;
      const keys = lengths.map((length) => (frames += length) - length).map((frame) => frame / 25);
      const encoding = remux(frames / 25, keys);
      const cuts = cutTimes(encoding, targetDuration);
      expect(cuts[0]).toBe(0);
      for (const [index, length] of segmentDurations(cuts, encoding.duration).entries()) {
        const start = cuts[index] ?? 0;
        expect(keys).toContain(start);
        expect(length).toBeGreaterThan(0);
        if (length < targetDuration + 0.5) continue;
        expect(keys.filter((key) => key > start && key < start + targetDuration + 0.5)).toEqual([]);
      }
    }),
  );
});
