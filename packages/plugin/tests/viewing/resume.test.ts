import type { PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { toStreamTime } from "../../src/viewing/content-time.ts";
import {
  createPlaybackStart,
  selectResume,
  selectStart,
  type PlaybackStart,
  writeStart,
} from "../../src/viewing/resume.ts";
import { EDGE_OUT, type Spot } from "../../src/viewing/seeking.ts";
import { createWatched } from "../../src/viewing/watched.ts";

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
const FACTS = { spots: [PRE, MID], startContentTime: 0, contentDuration: 600, canPlay: () => true, hasOwn: false };

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
      start: undefined,
    },
    { title: "without a pre-roll: as the content has it", facts: { spots: [MID] }, start: undefined },
    { title: "with a pre-roll that plays: the pre-roll, whatever the content says", facts: { hasOwn: true }, start: 0 },
    {
      title: "with a pre-roll that is left out: as the content has it",
      facts: { hasOwn: true, canPlay: () => false },
      start: undefined,
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

  test("takes the content's own away where playback begins at the start", () => {
    const own = playlist.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=3\n");
    expect(writeStart(own, 0)).toBe(playlist);
  });
});

describe("createPlaybackStart", () => {
  /** 5 s of pre-roll, then 100 s of content. */
  const PLACED: PlacedBreak = {
    breakId: "preroll",
    contentTime: 0,
    startTime: 0,
    duration: 5,
    firstMediaSequence: 0,
    ads: [
      { breakId: "preroll", adId: "0", index: 0, startTime: 0, duration: 5, firstMediaSequence: 0, segmentCount: 1 },
    ],
  };
  const begin = (facts: { startContentTime?: number; isLive?: boolean; canPlay?: boolean } = {}): PlaybackStart => {
    const { startContentTime = 0, isLive = false, canPlay = true } = facts;
    return createPlaybackStart({
      settings: { startContentTime },
      entries: () => [],
      watched: createWatched(() => 0),
      isLive: () => isLive,
      contentDuration: () => (isLive ? undefined : 100),
      canPlay: () => canPlay,
    });
  };
  const list = (start: string): string =>
    `#EXTM3U\n${start}#EXTINF:5,\nad.ts\n#EXTINF:100,\ncontent.ts\n#EXT-X-ENDLIST\n`;
  const write = (start: PlaybackStart, tag: string, breaks: readonly PlacedBreak[] = [PLACED], isMain = true): string =>
    start.write({ text: list(tag), breaks, refused: [] }, isMain);

  test.each([
    ["from the begin", "#EXT-X-START:TIME-OFFSET=35\n", 30],
    ["from the end", "#EXT-X-START:PRECISE=YES,TIME-OFFSET=-20\n", 80],
  ])("the pre-roll plays first, then the content from where its media playlist says, counted %s", (_how, tag, goal) => {
    const start = begin();
    expect(write(start, tag)).toBe(list(""));
    expect(start.goal()).toEqual({ contentTime: goal, isOwn: true, begun: undefined });
  });

  test.each([
    [30, 30, 30],
    [-20, 80, 85],
  ])("a start of %d s in the master playlist goes before all", (offset, contentTime, begun) => {
    const start = begin();
    start.readMaster(`#EXTM3U\n#EXT-X-START:TIME-OFFSET=${offset}\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720.m3u8\n`);
    write(start, "#EXT-X-START:TIME-OFFSET=55\n");
    expect(start.goal()).toEqual({ contentTime, isOwn: true, begun });
  });

  test("the page's resume position goes before the content's own", () => {
    const start = begin({ startContentTime: 50 });
    expect(write(start, "#EXT-X-START:TIME-OFFSET=35\n")).toBe(list(""));
    expect(start.goal()).toMatchObject({ contentTime: 50, isOwn: false });
  });

  test("without a pre-roll that plays, and in live content, the playlist stays as it came", () => {
    const tag = "#EXT-X-START:TIME-OFFSET=35\n";
    expect(write(begin(), tag, [])).toBe(list(tag));
    expect(write(begin({ canPlay: false }), tag)).toBe(list(tag));
    const live = begin({ isLive: true });
    expect(write(live, tag)).toBe(list(tag));
    expect(live.goal()).toBeUndefined();
  });

  test("sound that is listed apart begins with the pictures", () => {
    const start = begin();
    expect(write(start, "#EXT-X-START:TIME-OFFSET=35\n", [PLACED], false)).toBe(list(""));
    expect(start.goal()).toBeUndefined();
  });

  test("where a live player begins by the master playlist is counted from the start of the window", () => {
    const live = begin({ isLive: true });
    live.readMaster("#EXTM3U\n#EXT-X-START:TIME-OFFSET=-12\n");
    expect(live.masterStart(32)).toBe(20);
  });
});
