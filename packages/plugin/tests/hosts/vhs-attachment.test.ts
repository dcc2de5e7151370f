import { describe, expect, test } from "vitest";
import { createSegmentPlacer } from "../../src/hosts/vhs-attachment.ts";

const listed = (durations: readonly number[], mediaSequence = 0) => ({
  mediaSequence,
  segments: durations.map((duration) => ({ duration })),
});

describe("createSegmentPlacer", () => {
  test("what VHS has not appended follows from sums of EXTINF, from the last segment on whose time is known", () => {
    const place = createSegmentPlacer();
    const { segments, mediaSequence } = listed([4, 4, 4, 4]);
    const appended = segments.map((segment, index) => (index === 1 ? { ...segment, start: 4.1, end: 8.3 } : segment));
    const { fragments } = place({ mediaSequence, segments: appended });
    expect(fragments.map(({ start }) => start)).toEqual([expect.closeTo(0.1), 4.1, 8.3, 12.3]);
  });

  test("times are kept across a switch to a rendition of which nothing is appended", () => {
    const place = createSegmentPlacer();
    place({ mediaSequence: 0, segments: [{ duration: 4, start: 0, end: 4.2 }] });
    expect(place(listed([4, 4])).fragments.map(({ start }) => start)).toEqual([0, 4.2]);
  });

  test("a live window that has moved on keeps the place of each segment", () => {
    const place = createSegmentPlacer();
    place({
      mediaSequence: 7,
      segments: [
        { duration: 4, start: 0, end: 4 },
        { duration: 4, start: 4, end: 8 },
      ],
    });
    const { fragments, appended } = place(listed([4, 4, 4], 8));
    expect(fragments.map(({ sn, start }) => [sn, start])).toEqual([
      [8, 4],
      [9, 8],
      [10, 12],
    ]);
    expect(appended).toEqual([]);
  });

  test("a segment is told once, and again when VHS has moved it", () => {
    const place = createSegmentPlacer();
    const at = (start: number) => ({ mediaSequence: 0, segments: [{ duration: 4, start, end: start + 4 }] });
    expect([at(0), at(0), at(0.2)].map((playlist) => place(playlist).appended.length)).toEqual([1, 0, 1]);
  });
});
