import { readFileSync } from "node:fs";
import { listAvails } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { plainSegments, writePlaylist } from "./playlists.ts";

/** Ten segments of 6 s from media sequence 50, with tags before some of them. */
function withCues(cues: Readonly<Record<number, string>>): string {
  const segments = plainSegments(10, 6, (index) => (cues[index] ? [cues[index]] : []));
  return writePlaylist({ header: ["#EXT-X-VERSION:3", "#EXT-X-MEDIA-SEQUENCE:50"], segments });
}

describe("listAvails", () => {
  test.each([
    ["#EXT-X-CUE-OUT:30", "cue-52", 30],
    ["#EXT-X-CUE-OUT:30.000", "cue-52", 30],
    ["#EXT-X-CUE-OUT:DURATION=29.97", "cue-52", 29.97],
    ['#EXT-X-CUE-OUT:DURATION="30"', "cue-52", 30],
    ["#EXT-X-CUE-OUT:ID=105,DURATION=30.0,TIME=1081.08", "105", 30],
    ["#EXT-X-CUE-OUT", "cue-52", 0],
    ["#EXT-X-CUE-OUT-CONT:ElapsedTime=0.0,Duration=30", "cue-52", 30],
    ["#EXT-X-CUE-OUT-CONT:0/30", "cue-52", 30],
    ['#EXT-X-CUE:TYPE="SpliceOut",ID="7",TIME=266.198,DURATION=30.0', "7", 30],
  ])("%s opens an avail", (tag, id, duration) => {
    expect(listAvails(withCues({ 2: tag }))).toEqual([
      {
        id,
        startTime: 12,
        duration,
        mediaSequence: 52,
        isPartial: false,
        programDateTime: undefined,
        returnTime: undefined,
      },
    ]);
  });

  test("an avail without a duration lasts until its return", () => {
    const [avail] = listAvails(withCues({ 2: "#EXT-X-CUE-OUT", 3: "#EXT-X-CUE-OUT-CONT", 5: "#EXT-X-CUE-IN" }));
    expect(avail).toMatchObject({ duration: 18, returnTime: 30 });
  });

  test("an early return keeps the planned duration and tells where it is, and the first return counts", () => {
    const cues = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=30", 3: "#EXT-X-CUE-IN:ID=1", 5: "#EXT-X-CUE-IN:ID=1" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "1", duration: 30, returnTime: 18 }]);
  });

  test("a return without its cue, or of another one, is ignored", () => {
    expect(listAvails(withCues({ 2: "#EXT-X-CUE-IN" }))).toEqual([]);
    const cues = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=30", 3: "#EXT-X-CUE-IN:ID=2" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "1", returnTime: undefined }]);
  });

  test.each([
    ["#EXT-X-CUE-OUT-CONT:ElapsedTime=12.0,Duration=30", -12],
    ["#EXT-X-CUE-OUT-CONT:12/30", -12],
    ['#EXT-X-CUE:TYPE="SpliceOut",ID="cue-50",TIME=1,DURATION=30,ELAPSED=12', -12],
  ])("an avail that began before the list is partial: %s", (tag, startTime) => {
    const cues = { 0: tag, 1: "#EXT-X-CUE-OUT-CONT:18/30", 3: "#EXT-X-CUE-IN" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "cue-50", isPartial: true, startTime, duration: 30 }]);
  });

  test("a cue that is repeated on each segment is one avail, and two avails may follow each other", () => {
    const cues = {
      1: "#EXT-X-CUE-OUT:12",
      2: "#EXT-X-CUE-OUT:12",
      3: "#EXT-X-CUE-OUT:12",
      6: "#EXT-X-CUE-OUT:ID=b,DURATION=6",
      7: "#EXT-X-CUE-OUT:ID=c,DURATION=6",
    };
    expect(listAvails(withCues(cues)).map(({ mediaSequence }) => mediaSequence)).toEqual([51, 53, 56, 57]);
  });

  test("a cue without a duration that is repeated on each segment is one avail until its return", () => {
    const cue = "#EXT-X-CUE-OUT";
    const avails = listAvails(withCues({ 1: cue, 2: cue, 3: cue, 5: "#EXT-X-CUE-IN", 7: cue }));
    expect(avails).toMatchObject([
      { mediaSequence: 51, duration: 24 },
      { mediaSequence: 57, duration: 0 },
    ]);
  });

  test("a date range with SCTE35-OUT is placed by its date", () => {
    const text = readFileSync(new URL("fixtures/4.3.2.7-daterange.m3u8", import.meta.url), "utf8");
    expect(listAvails(text)).toEqual([
      {
        id: "break-1",
        startTime: 12,
        programDateTime: "2026-01-01T12:00:12.000Z",
        duration: 12,
        mediaSequence: 102,
        isPartial: false,
        returnTime: undefined,
      },
    ]);
  });

  test("a date range and a cue for one segment are one avail", () => {
    const text = readFileSync(new URL("fixtures/4.3.2.7-daterange.m3u8", import.meta.url), "utf8");
    const both = text.replace("#EXTINF:6,\nc102.ts", "#EXT-X-CUE-OUT:ID=9,DURATION=12\n#EXTINF:6,\nc102.ts");
    expect(listAvails(both).map(({ id }) => id)).toEqual(["9"]);
  });

  test("a cue after the last segment is not an avail yet", () => {
    expect(listAvails(`${withCues({})}#EXT-X-CUE-OUT:30\n`)).toEqual([]);
  });
});
