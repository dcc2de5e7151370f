import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toContentTime, toStreamTime } from "../../src/viewing/content-time.ts";
import type { Span } from "../../src/viewing/seeking.ts";

const BREAKS: readonly Span[] = [
  { start: 0, end: 5 },
  { start: 25, end: 35 },
  { start: 35, end: 40 },
];

describe("content time and stream time", () => {
  test.each([
    // at the edges of the pre-roll
    { streamTime: 0, contentTime: 0 },
    { streamTime: 5, contentTime: 0 },
    { streamTime: 15, contentTime: 10 },
    // two breaks at one place: frozen from the first frame of the first to the last of the second
    { streamTime: 25, contentTime: 20 },
    { streamTime: 30, contentTime: 20 },
    { streamTime: 35, contentTime: 20 },
    { streamTime: 40, contentTime: 20 },
    { streamTime: 50, contentTime: 30 },
  ])("$streamTime s of the stream are $contentTime s of the content", ({ streamTime, contentTime }) => {
    expect(toContentTime(streamTime, BREAKS)).toBe(contentTime);
  });

  test.each([
    { contentTime: 0, streamTime: 5 },
    { contentTime: 19.96, streamTime: 24.96 },
    { contentTime: 20, streamTime: 40 },
    { contentTime: 20 - 1e-9, streamTime: 40 },
    { contentTime: 20 - 0.0005, streamTime: 40 },
    { contentTime: 30, streamTime: 50 },
  ])("$contentTime s of the content are at $streamTime s of the stream, behind the ads at that place", (row) => {
    expect(toStreamTime(row.contentTime, BREAKS)).toBeCloseTo(row.streamTime, 6);
  });

  test("1200 s with 300 s of ads are 900 s of content", () => {
    const breaks = Array.from({ length: 10 }, (_, index) => ({ start: index * 120, end: index * 120 + 30 }));
    expect(toContentTime(1200, breaks)).toBe(900);
    expect(toStreamTime(900, breaks)).toBe(1200);
  });
});

/** Breaks as they come, times with many digits. */
const breakLists = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 500, noNaN: true })),
      length: fc.double({ min: 0.5, max: 180, noNaN: true }),
    }),
    { maxLength: 8 },
  )
  .map((items) => {
    let at = 0;
    return items.map(({ gap, length }): Span => {
      const start = at + gap;
      at = start + length;
      return { start, end: at };
    });
  });
const times = fc.double({ min: 0, max: 5000, noNaN: true });

describe("content time and stream time, whatever the breaks", () => {
  test("a content time comes back as it went", () => {
    fc.assert(
      fc.property(breakLists, times, (breaks, contentTime) => {
        expect(Math.abs(toContentTime(toStreamTime(contentTime, breaks), breaks) - contentTime)).toBeLessThan(0.002);
      }),
    );
  });

  test("content time never goes back while the stream goes on, and never faster", () => {
    fc.assert(
      fc.property(breakLists, times, times, (breaks, one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        const step = toContentTime(late, breaks) - toContentTime(early, breaks);
        expect(step).toBeGreaterThanOrEqual(-1e-6);
        expect(step).toBeLessThanOrEqual(late - early + 1e-6);
      }),
    );
  });

  test("no content time lies in an ad", () => {
    fc.assert(
      fc.property(breakLists, times, (breaks, contentTime) => {
        const time = toStreamTime(contentTime, breaks);
        expect(breaks.some(({ start, end }) => time > start + 0.001 && time < end - 1e-6)).toBe(false);
      }),
    );
  });
});
