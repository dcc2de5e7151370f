import { describe, expect, test } from "vitest";
import { selectCuts } from "../../src/remux/cuts.ts";
import { selectPictures } from "../../src/remux/pictures.ts";
import { buildMovie, constantRate, type PictureFacts } from "./movies.ts";

function cutAt(facts: PictureFacts, targetDuration?: number): readonly number[] {
  const { video } = buildMovie(facts);
  if (!video) throw new Error("expected a movie with pictures");
  return selectCuts(selectPictures(video), targetDuration).map(({ time }) => time);
}

const everySecond = (count: number): PictureFacts => ({
  times: constantRate(count),
  keys: constantRate(Math.ceil(count / 25), 25),
});

describe("selectCuts", () => {
  test("VOD: the first segment ends with its first second, those behind it have two", () => {
    expect(cutAt(everySecond(150))).toEqual([0, 1, 3, 5]);
  });

  test("VOD: a rest of less than half a second is part of the segment before", () => {
    expect(cutAt(everySecond(137))).toEqual([0, 1, 3]);
    expect(cutAt(everySecond(138))).toEqual([0, 1, 3, 5]);
  });

  test("VOD: one GOP is one segment, however long", () => {
    expect(cutAt({ times: constantRate(500) })).toEqual([0]);
  });

  test("live: each segment goes as far as it may when it is rounded", () => {
    expect(cutAt(everySecond(300), 4)).toEqual([0, 4, 8]);
    const halves = { times: constantRate(300), keys: [0, 112, 113, 220] };
    expect(cutAt(halves, 4)).toEqual([0, 112 / 25, 220 / 25]);
  });

  test("live: a rest too short to stand alone makes the segment before it shorter, if there is a key frame for it", () => {
    expect(cutAt({ times: constantRate(120), keys: [0, 75, 110] }, 4)).toEqual([0, 3]);
    expect(cutAt({ times: constantRate(120), keys: [0, 110] }, 4)).toEqual([0, 4.4]);
  });

  test("live: key frames farther apart than the target duration are refused", () => {
    expect(() => cutAt({ times: constantRate(300), keys: [0, 120, 240] }, 4)).toThrow(
      expect.objectContaining({ name: "MediaRefusal", reason: "target-duration-exceeded" }),
    );
  });

  test("live: what is as short as the target duration is one segment", () => {
    expect(cutAt(everySecond(112), 4)).toEqual([0]);
  });

  test("an open GOP begins with the first picture that is shown of it, not with its key frame", () => {
    const times = [...constantRate(48), 50, 48, 49, ...constantRate(60).map((time) => time + 51)];
    expect(cutAt({ times, keys: [0, 48] })).toEqual([0, 48 / 25]);
  });

  test("a key frame is no cut where pictures before it are shown after it", () => {
    const times = [...constantRate(48), 52, 48, 49, 50, 51, ...constantRate(60).map((time) => time + 53)];
    expect(cutAt({ times, keys: [0, 49] })).toEqual([0]);
  });

  test("live: a key frame that follows at once, or ends at once, is no cut: such a segment would have no sound", () => {
    const refusal = expect.objectContaining({ name: "MediaRefusal", reason: "target-duration-exceeded" });
    expect(cutAt({ times: constantRate(60), keys: [0, 3, 30] }, 1)).toEqual([0, 30 / 25]);
    expect(() => cutAt({ times: constantRate(60), keys: [0, 3, 50] }, 1)).toThrow(refusal);
    expect(() => cutAt({ times: constantRate(64), keys: [0, 59] }, 2)).toThrow(refusal);
  });
});
