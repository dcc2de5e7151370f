import { describe, expect, test } from "vitest";
import { toStreamTime } from "../../src/viewing/content-time.ts";
import { selectResume, selectStart, writeStart } from "../../src/viewing/resume.ts";
import { EDGE_OUT, type Spot } from "../../src/viewing/seeking.ts";

function placeSpot(position: "pre" | "mid", start: number, end: number, contentTime: number): Spot {
  const known = {
    breakId: `${position}-${start}`,
    position,
    isLive: false,
    contentTime,
    duration: end - start,
  } as const;
  return { ...known, adCount: 1, watched: false, sinceLastBreak: undefined, start, end, ads: [{ start, end }] };
}

const PRE = placeSpot("pre", 0, 5, 0);
const MID = placeSpot("mid", 105, 125, 100);
const FACTS = { spots: [PRE, MID], startContentTime: 0, contentDuration: 600, canPlay: () => true };

describe("selectStart", () => {
  test.each([
    { title: "without a resume position: the start", facts: {}, start: 0 },
    { title: "with a pre-roll that plays: the pre-roll", facts: { startContentTime: 200 }, start: 0 },
    {
      title: "with a pre-roll that is left out: the resume position",
      facts: { startContentTime: 200, canPlay: () => false },
      start: 225,
    },
    { title: "a pre-roll that is left out is not shown", facts: { canPlay: () => false }, start: 5 + EDGE_OUT },
    {
      title: "without a pre-roll: the resume position",
      facts: { startContentTime: 200, spots: [placeSpot("mid", 100, 120, 100)] },
      start: 220,
    },
    {
      title: "a position at a break goes on behind it",
      facts: { startContentTime: 100, spots: [placeSpot("mid", 100, 120, 100)] },
      start: 120 + EDGE_OUT,
    },
    {
      title: "who has seen the content to its end begins anew",
      facts: { startContentTime: 599.5, spots: [] },
      start: 0,
    },
  ])("$title", ({ facts, start }) => {
    const known = { ...FACTS, ...facts };
    expect(selectStart({ ...known, toStreamTime: (time) => toStreamTime(time, known.spots) })).toBe(start);
  });

  test("the resume position is left out at the start and at the end of the content", () => {
    expect(selectResume({ startContentTime: 0, contentDuration: 600 })).toBeUndefined();
    expect(selectResume({ startContentTime: 600, contentDuration: 600 })).toBeUndefined();
    expect(selectResume({ startContentTime: 30, contentDuration: undefined })).toBe(30);
  });
});

describe("writeStart", () => {
  const playlist = "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n";

  test("puts EXT-X-START below EXTM3U", () => {
    expect(writeStart(playlist, 12.5)).toBe(
      playlist.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=12.500,PRECISE=YES\n"),
    );
  });

  test("replaces the content's own", () => {
    const own = playlist.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=3\n").replaceAll("\n", "\r\n");
    expect(writeStart(own, 1)).toBe(
      playlist.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=1.000,PRECISE=YES\n").replaceAll("\n", "\r\n"),
    );
  });

  test("leaves a playlist that begins at its start as it is", () => {
    expect(writeStart(playlist, 0)).toBe(playlist);
  });
});
