import type { PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { toContentTime, toStreamTime } from "../../src/viewing/content-time.ts";
import type { Span } from "../../src/viewing/seeking.ts";
import { describeSpans } from "../../src/viewing/spots.ts";
import { createTimeline, type Timeline } from "../../src/viewing/timeline.ts";
import { createFragment, listFragments } from "../fake-engine.ts";

const URL_OF_LEVEL = "https://site.example/720.m3u8";

/** A break of one ad: `count` segments from media sequence number `sn` on. */
function place(breakId: string, contentTime: number, startTime: number, sn: number, count = 2): PlacedBreak {
  const where = { startTime, duration: count * 4, firstMediaSequence: sn };
  return { breakId, contentTime, ...where, ads: [{ breakId, adId: "0", index: 0, ...where, segmentCount: count }] };
}

/** Ten segments of 4 s: a pre-roll of two, two of content, a mid-roll of two, four of content. */
function createPlaced(): Timeline {
  const timeline = createTimeline();
  timeline.setDetails(
    listFragments(
      URL_OF_LEVEL,
      Array.from({ length: 10 }, () => 4),
    ),
  );
  timeline.setBreaks(URL_OF_LEVEL, [place("pre", 0, 0, 0), place("mid", 8, 16, 4)], true);
  return timeline;
}

function nameAt(timeline: Timeline, time: number): string {
  const at = timeline.locate(time);
  return typeof at === "string" ? at : at.placed.breakId;
}

const spansOf = (timeline: Timeline): readonly Span[] => describeSpans(timeline.breaks(), timeline);

describe("createTimeline", () => {
  test("finds the ad under the playhead by the media sequence number of the fragment there", () => {
    const timeline = createPlaced();
    expect([0, 7.99, 8, 15.99, 16, 23.99, 24, 41].map((time) => nameAt(timeline, time))).toEqual([
      "pre",
      "pre",
      "content",
      "content",
      "mid",
      "mid",
      "content",
      "unknown",
    ]);
  });

  test("an ad that is told of after it was loaded is found in what is loaded", () => {
    const timeline = createTimeline();
    for (const sn of [0, 1, 2]) timeline.addFragment(createFragment(sn, sn * 4.05, 4.05), URL_OF_LEVEL);
    const late = place("late", 4, 4, 1, 1);
    timeline.setBreaks(URL_OF_LEVEL, [late], true);
    expect([4, 4.1, 8.05, 8.2].map((time) => nameAt(timeline, time))).toEqual(["content", "late", "late", "content"]);
    expect(late.ads.map(timeline.isLoaded)).toEqual([true]);
  });

  test("keeps to what is on screen when the real presentation times differ from the sums of EXTINF", () => {
    const timeline = createPlaced();
    for (const [sn, start] of [0, 4.05, 8.1, 12.15, 16.2, 20.25, 24.3].entries())
      timeline.addFragment(createFragment(sn, start, 4.05), URL_OF_LEVEL);
    expect([8.05, 16.1, 16.3, 24.2, 24.4].map((time) => nameAt(timeline, time))).toEqual([
      "pre",
      "content",
      "mid",
      "mid",
      "content",
    ]);
    expect(toContentTime(16.1, spansOf(timeline))).toBeCloseTo(8);
  });

  test("a fragment of another level is looked up in the playlist of that level", () => {
    const timeline = createPlaced();
    const other = "https://site.example/360.m3u8";
    timeline.setBreaks(other, [place("pre", 0, 0, 0, 4)], true);
    timeline.addFragment(createFragment(3, 8, 2, 1), other);
    expect(nameAt(timeline, 9)).toBe("pre");
  });

  test("an ad goes on while the details of its level are being asked for again", () => {
    const timeline = createTimeline();
    timeline.setBreaks(URL_OF_LEVEL, [place("pre", 0, 0, 0)], true);
    timeline.addFragment(createFragment(0, 0, 4), URL_OF_LEVEL);
    expect(nameAt(timeline, 2)).toBe("pre");
    expect(nameAt(timeline, 5)).toBe("unknown");
  });

  test("a playlist that is asked for again takes over the real times, so that an ad in it follows the content", () => {
    const timeline = createTimeline();
    timeline.setDetails(listFragments(URL_OF_LEVEL, [4, 4, 4]));
    timeline.addFragment(createFragment(0, 0, 4.085), URL_OF_LEVEL);
    timeline.addFragment(createFragment(1, 4.085, 4), URL_OF_LEVEL);
    const again = listFragments(URL_OF_LEVEL, [4, 4, 2, 4]);
    timeline.setDetails(again);
    expect(again.fragments.map(({ start }) => start)).toEqual([0, 4.085, 8.085, 10.085]);
  });

  test("another playlist with the same numbers for other times is left as it is", () => {
    const timeline = createTimeline();
    timeline.addFragment(createFragment(2, 30, 4), URL_OF_LEVEL);
    const details = listFragments(URL_OF_LEVEL, [4, 4, 4]);
    timeline.setDetails(details);
    expect(details.fragments.map(({ start }) => start)).toEqual([0, 4, 8]);
  });

  test("a live break that has left the window stays known", () => {
    const timeline = createTimeline();
    timeline.setBreaks(URL_OF_LEVEL, [place("first", 0, 0, 100)], false);
    timeline.setBreaks(URL_OF_LEVEL, [place("second", 0, 0, 200)], false);
    expect(timeline.breaks().map(({ breakId }) => breakId)).toEqual(["first", "second"]);
  });
});

describe("toContentTime and toStreamTime", () => {
  test("content time leaves the ads out and stands still while one plays", () => {
    const timeline = createPlaced();
    expect([0, 5, 8, 10, 16, 20, 24, 30].map((time) => toContentTime(time, spansOf(timeline)))).toEqual([
      0, 0, 0, 2, 8, 8, 8, 14,
    ]);
  });

  test("a content time at a break is the first frame after its ads", () => {
    const timeline = createPlaced();
    expect([0, 2, 8, 14].map((time) => toStreamTime(time, spansOf(timeline)))).toEqual([8, 10, 24, 30]);
  });

  test("they undo each other everywhere in the content", () => {
    const timeline = createPlaced();
    for (let time = 0; time <= 24; time += 0.5)
      expect(toContentTime(toStreamTime(time, spansOf(timeline)), spansOf(timeline))).toBeCloseTo(time);
  });
});
