import type { PlacedAd, PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { describeSpans, describeSpots, LISTED, type Places } from "../../src/viewing/spots.ts";
import { createWatched } from "../../src/viewing/watched.ts";

function place(breakId: string, startTime: number, durations: readonly number[], replaced = 0): PlacedBreak {
  let start = startTime;
  const ads = durations.map((duration, index): PlacedAd => {
    const ad = { breakId, adId: String(index), index, startTime: start, duration, firstMediaSequence: 0 };
    start += duration;
    return { ...ad, segmentCount: 1 };
  });
  const duration = start - startTime;
  return { breakId, contentTime: startTime, startTime, duration, firstMediaSequence: 0, ads, replaced };
}

const facts = { entries: () => [], watched: createWatched(() => 0), isLive: () => false };
const TAKEN_OUT = place("removed-1", 30, [], 10);

describe("describeSpots", () => {
  test("tells breaks in order of their start, with each of their ads", () => {
    const spots = describeSpots([place("two", 20, [4]), place("one", 8, [4, 6])], LISTED, facts);
    expect(spots.map(({ breakId, start, end, adCount }) => [breakId, start, end, adCount])).toEqual([
      ["one", 8, 18, 2],
      ["two", 20, 24, 1],
    ]);
    expect(spots[0]?.ads).toEqual([
      { start: 8, end: 12 },
      { start: 12, end: 18 },
    ]);
  });

  test("content that was only taken out is no break to seek into", () => {
    expect(describeSpots([TAKEN_OUT], LISTED, facts)).toEqual([]);
  });

  test("a break has the times that the player has it at, not those that are listed", () => {
    const drifted: Places = { startOf: ({ startTime }) => startTime + 0.08, endOf: (one) => LISTED.endOf(one) + 0.1 };
    expect(describeSpots([place("one", 8, [4])], drifted, facts)).toMatchObject([{ start: 8.08, end: 12.1 }]);
  });

  test("a break that nobody has planned is a mid-roll, in live content a live one", () => {
    const [mid] = describeSpots([place("one", 8, [4])], LISTED, facts);
    const [live] = describeSpots([place("one", 8, [4])], LISTED, { ...facts, isLive: () => true });
    expect([mid?.position, live?.position]).toEqual(["mid", "live"]);
  });
});

describe("describeSpans", () => {
  test("counts content that was taken out, which content time goes over", () => {
    expect(describeSpans([TAKEN_OUT, place("one", 8, [4])], LISTED)).toEqual([
      { start: 8, end: 12, replaced: 0 },
      { start: 30, end: 30, replaced: 10 },
    ]);
  });
});
