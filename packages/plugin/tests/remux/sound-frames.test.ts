import { describe, expect, test } from "vitest";
import { countFramesUntil, placeSound, type SoundFrames, type SoundNeeds } from "../../src/remux/sound-frames.ts";
import { buildMovie, type SoundFacts } from "./movies.ts";

function place(sound: SoundFacts | undefined, needs: Partial<SoundNeeds> = {}): SoundFrames {
  const { audio } = buildMovie({ times: [0, 1] }, sound);
  return placeSound(audio, { packaging: "hls", start: 0, end: 1, sampleRate: sound?.sampleRate ?? 48_000, ...needs });
}

const FRAME = 1024 / 48_000;
const endOf = ({ start, frame, samples }: SoundFrames): number => start + samples.length * frame;

describe("placeSound, MPEG-TS", () => {
  test("begins with the first picture and never ends after the last", () => {
    const placed = place({ count: 100 });
    expect(placed).toMatchObject({ start: 0, frame: FRAME });
    expect([...placed.samples]).toEqual(Array.from({ length: 46 }, (_, index) => index));
    expect(endOf(placed)).toBeLessThanOrEqual(1);
    expect(endOf(place({ count: 100 }, { end: 48 * FRAME }))).toBeCloseTo(48 * FRAME, 9);
  });

  test("what is due before the first picture is left out, but for less than half a frame", () => {
    expect(place({ count: 100, start: -FRAME })).toMatchObject({ start: 0 });
    expect(place({ count: 100, start: -FRAME }).samples[0]).toBe(1);
    const late = place({ count: 100 }, { start: 0.2 });
    expect(late.samples[0]).toBe(9);
    expect(late.start).toBeCloseTo(9 * FRAME - 0.2, 9);
    expect(Math.abs(late.start)).toBeLessThanOrEqual(FRAME / 2);
  });

  test("silence comes before sound that begins late, and behind sound that ends early", () => {
    const { start, samples } = place({ count: 10, start: 0.3 });
    expect([...samples.subarray(0, 16)]).toEqual([...Array.from({ length: 14 }, () => -1), 0, 1]);
    expect(start + 14 * FRAME).toBeCloseTo(0.3, 9);
    expect([...samples.subarray(24)].every((sample) => sample === -1)).toBe(true);
  });

  test("a hole in the sound is silence, and what is there twice is played once", () => {
    const { audio } = buildMovie({ times: [0, 1] }, { count: 8 });
    audio?.samples.times.set([0, 1024, 1024, 5 * 1024, 6 * 1024, 7 * 1024, 1, Number.NaN]);
    const { samples } = placeSound(audio, { packaging: "hls", start: 0, end: 10 * FRAME, sampleRate: 48_000 });
    expect([...samples]).toEqual([0, 1, -1, -1, -1, 3, 4, 5, -1, -1]);
  });

  test("a clock of 600 ticks a second, which no frame fits, loses none", () => {
    const { samples } = place({ count: 200, timescale: 600, sampleRate: 44_100 }, { end: 4 });
    expect([...samples]).toEqual(Array.from({ length: 172 }, (_, index) => index));
  });

  test("a movie without sound is silent from its first picture to its last", () => {
    const placed = place(undefined);
    expect(placed.start).toBe(0);
    expect([...placed.samples]).toEqual(Array.from({ length: 46 }, () => -1));
  });

  test("a rate that no sound has is refused", () => {
    for (const sampleRate of [0, 600, 192_000, Number.NaN])
      expect(() => place({ count: 3, sampleRate })).toThrow(
        expect.objectContaining({ name: "MediaRefusal", reason: "unsupported-media-file" }),
      );
  });
});

describe("placeSound, fragmented MP4", () => {
  test("three frames of silence at 48 kHz, then the sound, until the last picture ends", () => {
    const placed = place({ count: 100 }, { packaging: "cmaf" });
    expect(placed.start).toBeCloseTo(-0.064, 9);
    expect([...placed.samples.subarray(0, 5)]).toEqual([-1, -1, -1, 0, 1]);
    expect(endOf(placed)).toBeGreaterThanOrEqual(1);
    expect(endOf(placed)).toBeLessThan(1 + FRAME);
  });

  test("as near to 64 ms of silence as frames of another rate come, sound of before the pictures left out", () => {
    const placed = place({ count: 100, sampleRate: 22_050, start: -1 }, { packaging: "cmaf" });
    expect(Math.abs(placed.start + 0.064)).toBeLessThanOrEqual(placed.frame / 2);
    const first = placed.samples.findIndex((sample) => sample >= 0);
    expect(placed.start + first * placed.frame).toBeGreaterThanOrEqual(-placed.frame / 2);
    expect(placed.samples.subarray(0, first).every((sample) => sample === -1)).toBe(true);
  });
});

describe("countFramesUntil", () => {
  test("a frame goes with the pictures of which it is mostly heard", () => {
    const placed = place({ count: 100 });
    expect(countFramesUntil(placed, 10 * FRAME)).toBe(10);
    expect(countFramesUntil(placed, 10.4 * FRAME)).toBe(10);
    expect(countFramesUntil(placed, 10.6 * FRAME)).toBe(11);
    expect(countFramesUntil(placed, 100)).toBe(46);
    expect(countFramesUntil(placed, -1)).toBe(0);
  });
});
