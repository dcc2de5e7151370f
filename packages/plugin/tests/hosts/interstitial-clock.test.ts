/** A media element that is taken away from its content for each ad, as a literal: what it says, and what the viewer's time is. */
import type { PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createInterstitialClock, type InterstitialClock } from "../../src/hosts/interstitial-clock.ts";
import { toContentTime, toStreamTime } from "../../src/viewing/content-time.ts";

/** At 8 s of content, two ads of 4 s. */
const AD = { breakId: "mid", adId: "0", index: 0, startTime: 8, duration: 4, firstMediaSequence: 1, segmentCount: 1 };
const NEXT = { ...AD, adId: "1", index: 1, startTime: 12, firstMediaSequence: 2 };
const MID: PlacedBreak = {
  breakId: "mid",
  contentTime: 8,
  startTime: 8,
  duration: 8,
  firstMediaSequence: 1,
  ads: [AD, NEXT],
};
const SPANS = [{ start: 8, end: 16 }];

interface Stage {
  readonly clock: InterstitialClock;
  readonly media: HTMLMediaElement & { readyState: number };
  readonly at: (time: number) => number;
  readonly skips: () => number;
}

function stage(): Stage {
  let skips = 0;
  const media: Stage["media"] = Object.assign(Object.create(null), {
    currentTime: 0,
    duration: 4,
    readyState: 4,
    HAVE_NOTHING: 0,
  });
  const clock = createInterstitialClock({
    breaks: () => [MID],
    toStreamTime: (time) => toStreamTime(time, SPANS),
    toContentTime: (time) => toContentTime(time, SPANS),
    skip: () => {
      skips += 1;
    },
  });
  const at = (time: number): number => {
    media.currentTime = time;
    return clock.read(media, time);
  };
  return { clock, media, at, skips: () => skips };
}

describe("createInterstitialClock", () => {
  test("time goes through content, ads and content, and stands still where the element is empty", () => {
    const { clock, media, at } = stage();
    clock.show(media, "content");
    expect([at(0), at(7.9)]).toEqual([0, 7.9]);
    media.readyState = 0;
    expect(at(0)).toBe(7.9);
    media.readyState = 4;
    clock.show(media, undefined);
    expect(at(0)).toBe(7.9);
    clock.show(media, AD);
    expect([at(0), at(2)]).toEqual([8, 10]);
    clock.show(media, NEXT);
    expect(at(1)).toBe(13);
    media.currentTime = 8;
    clock.show(media, "content");
    expect([at(8), at(9)]).toEqual([16, 17]);
  });

  test("an ad that runs longer than it was listed is still that ad", () => {
    const { clock, media, at } = stage();
    clock.show(media, AD);
    expect(at(4.2)).toBeLessThan(12);
  });

  test("content that is shown past the place of a break, until the player leaves it, is in front of the break", () => {
    const { clock, media, at } = stage();
    clock.show(media, "content");
    at(7.9);
    expect(at(8.2)).toBeLessThan(8);
    expect(at(8.6)).toBeCloseTo(16.6);
  });

  test("a seek over a break is none through its place", () => {
    const { clock, media, at } = stage();
    clock.show(media, "content");
    at(7.9);
    media.currentTime = 8.2;
    clock.onSeeking(media);
    expect(at(8.2)).toBeCloseTo(16.2);
  });

  test("a seek to a break runs into it; one to its end goes on with the content there", () => {
    const { clock, media, at } = stage();
    clock.show(media, "content");
    at(4);
    clock.seek(media, 8.01);
    expect(media.currentTime).toBeCloseTo(7.95);
    clock.seek(media, 16.1);
    // hls.js counts the place of a break by its segment as it was loaded, a few frames from where it is listed
    expect(media.currentTime).toBeGreaterThan(8.05);
    expect(at(media.currentTime)).toBeCloseTo(16.1);
    clock.seek(media, 18);
    expect(media.currentTime).toBeCloseTo(10);
  });

  test("in an ad one seeks within it, to the ad behind it, and out of the break", () => {
    const { clock, media, at, skips } = stage();
    clock.show(media, AD);
    clock.seek(media, 11);
    expect(media.currentTime).toBe(3);
    clock.seek(media, 12.01);
    expect(media.currentTime).toBe(media.duration);
    expect(skips()).toBe(0);
    clock.seek(media, 20);
    expect([skips(), at(3.5)]).toEqual([1, 20]);
    media.currentTime = 8;
    clock.show(media, "content");
    expect(media.currentTime).toBe(12);
    expect(at(12)).toBe(20);
  });

  test("who goes on from the end of a break lets its last ad end, and is where he wanted to be", () => {
    const { clock, media, at, skips } = stage();
    clock.show(media, AD);
    media.currentTime = 3.95;
    clock.seek(media, 20);
    expect(skips()).toBe(1);
    clock.show(media, NEXT);
    media.currentTime = 3.95;
    clock.seek(media, 20);
    expect([skips(), at(3.96)]).toEqual([2, 20]);
    media.currentTime = 8;
    clock.show(media, "content");
    expect([skips(), media.currentTime]).toEqual([2, 12]);
  });
});
