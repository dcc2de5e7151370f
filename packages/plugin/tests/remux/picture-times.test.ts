import { describe, expect, test } from "vitest";
import { selectCuts } from "../../src/remux/cuts.ts";
import { timePictures } from "../../src/remux/picture-times.ts";
import { selectPictures } from "../../src/remux/pictures.ts";
import { buildMovie, constantRate, type PictureFacts, reorder } from "./movies.ts";

function time(facts: PictureFacts): ReturnType<typeof timePictures> {
  const { video } = buildMovie(facts);
  if (!video) throw new Error("expected a movie with pictures");
  const pictures = selectPictures(video);
  return timePictures(pictures, selectCuts(pictures, undefined));
}

const milliseconds = (times: Float64Array): readonly number[] => Array.from(times, (one) => Math.round(one * 1000) + 0);
const ALL = constantRate(150);
const isKey = (index: number): boolean => index % 50 === 0;
const keysOf = (times: readonly number[]): readonly number[] =>
  times.flatMap((one, index) => (isKey(one) ? [index] : []));

describe("timePictures", () => {
  test("without B-frames: as decision 0010 has it at 25 frames per second", () => {
    const { decodeTimes, times, lead } = time({ times: ALL, keys: [0, 50, 100] });
    expect(lead).toEqual({ seconds: expect.closeTo(0.0454, 9), isElastic: true });
    expect(milliseconds(times.subarray(0, 9))).toEqual([0, 63, 99, 135, 171, 207, 243, 280, 320]);
    expect(milliseconds(decodeTimes.subarray(0, 4))).toEqual([-45, 63, 95, 127]);
    // 38 ms before they are shown, and no longer late
    for (let index = 11; index < 150; index++) {
      expect(times[index]).toBeCloseTo(index / 25, 9);
      expect((times[index] ?? 0) - (decodeTimes[index] ?? 0)).toBeCloseTo(0.038, 9);
    }
  });

  test("with B-frames: the first picture is decoded as early as without, and the second one of all is shown as late", () => {
    for (const depth of [1, 2, 3, 5]) {
      const times = reorder(ALL, depth, isKey);
      const timed = time({ times, keys: keysOf(times) });
      expect(timed.lead).toEqual({ seconds: expect.closeTo(0.0454, 9), isElastic: true });
      expect(milliseconds(timed.times.toSorted().subarray(0, 4))).toEqual([0, 63, 99, 135]);
      // what is decoded after the first is decoded later than it can be moved to
      expect(timed.decodeTimes[1]).toBeGreaterThan(0.0454);
    }
  });

  test("with B-frames: within a second, pictures are decoded evenly, as far ahead as their order asks for", () => {
    const times = reorder(ALL, 3, isKey);
    const { decodeTimes } = time({ times, keys: keysOf(times) });
    for (let index = 30; index < 150; index++) expect(decodeTimes[index]).toBeCloseTo(index / 25 - 0.08, 9);
  });

  test("fewer than twelve pictures a second, or less than a second of them, are decoded evenly from the first on", () => {
    const slow = time({ times: reorder(ALL.slice(0, 30), 1, isKey), timescale: 10 });
    expect(slow.lead).toEqual({ seconds: expect.closeTo(0.1, 9), isElastic: false });
    expect(milliseconds(slow.decodeTimes.subarray(0, 4))).toEqual([-100, 0, 100, 200]);
    const short = time({ times: ALL.slice(0, 20) });
    expect(short.lead).toEqual({ seconds: 0, isElastic: false });
    expect(short.decodeTimes).toEqual(short.times);
  });

  test("a variable rate: decoding goes on over a cut by the step before it, else hls.js moves pictures", () => {
    const lengths = [40, 57, 23, 80];
    const times = ALL.map((index) =>
      lengths.slice(0, index % 4).reduce((sum, one) => sum + one, Math.floor(index / 4) * 200),
    );
    const { decodeTimes } = time({ times, keys: [0, 25, 50, 75, 100, 127], timescale: 1000 });
    for (const key of [25, 75, 127]) {
      const [before = 0, last = 0, next = 0] = decodeTimes.subarray(key - 2, key + 1);
      expect(next - last).toBeCloseTo(last - before, 9);
    }
  });

  test("pictures that are decoded more than a second before they are shown are refused", () => {
    const times = [0, ...constantRate(39).map((index) => index + 2), 1, ...constantRate(50).map((index) => index + 41)];
    expect(() => time({ times })).toThrow(
      expect.objectContaining({ name: "MediaRefusal", reason: "unsupported-media-file" }),
    );
  });
});
