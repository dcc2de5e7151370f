import { describe, expect, test } from "vitest";
import {
  decodedAhead,
  decodingLead,
  isRetimed,
  pictureDelay,
  secondDelay,
  SOUND_LEAD,
} from "../../src/hls/picture-times.ts";

const FRAME = 1 / 25;

describe("the times of a spliced ad, as decision 0010 has them at 25 frames per second", () => {
  test("the first picture is decoded 45 ms before it is shown, the second one is shown 23 ms late", () => {
    expect(decodingLead(FRAME)).toBeCloseTo(0.0454, 6);
    expect(secondDelay(FRAME)).toBeCloseTo(0.0234, 6);
    expect(pictureDelay(0, FRAME)).toBe(0);
    expect(pictureDelay(FRAME, FRAME)).toBeCloseTo(0.0234, 6);
  });

  test("within six frames more the delay has dissolved, and pictures are decoded 38 ms before they are shown", () => {
    expect(pictureDelay(6 * FRAME, FRAME)).toBeGreaterThan(0);
    expect(pictureDelay(7 * FRAME, FRAME)).toBe(0);
    expect(decodedAhead(FRAME, FRAME)).toBe(0);
    expect(decodedAhead(20 * FRAME, FRAME)).toBeCloseTo(0.038, 6);
    expect(decodedAhead(60 * FRAME, FRAME, 0.08)).toBeCloseTo(0.08, 6);
  });

  test("slower pictures than any reordering, and less than a second of them, stay as they are", () => {
    expect([isRetimed(FRAME, 1), isRetimed(FRAME, 0.99), isRetimed(0.1, 6)]).toEqual([true, false, false]);
  });

  test("fragmented MP4 begins with 64 ms of sound", () => {
    expect(SOUND_LEAD).toBeCloseTo(0.064, 9);
  });
});
