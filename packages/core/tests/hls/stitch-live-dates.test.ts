/**
 * Dates in a stitched live playlist: each is the one before it plus the durations between, also where pods are shorter or longer than what
 * they replace. Players that place segments by their dates would stand still at a hole, and show twice what overlaps.
 */
import { type AvailDecision, emptyTimeline, parseMediaPlaylist, stitchLive } from "@interlude/core";
import { expect, test } from "vitest";
import { CONTENT, pod, podAd, readByHlsParser, writePlaylist } from "./playlists.ts";

const START = Date.UTC(2026, 0, 1);
const SEGMENT = 2;
const WINDOW = 6;

function writeWindow(first: number, availStarts: readonly number[], zone: string): string {
  const segments = Array.from({ length: WINDOW }, (_, at) => {
    const date = new Date(START + (first + at) * SEGMENT * 1000).toISOString().replace("Z", zone);
    const cue = availStarts.includes(first + at) ? ["#EXT-X-CUE-OUT:DURATION=8"] : [];
    return { uri: `c${first + at}.ts`, duration: SEGMENT, tags: [...cue, `#EXT-X-PROGRAM-DATE-TIME:${date}`] };
  });
  return writePlaylist({ header: ["#EXT-X-VERSION:3", `#EXT-X-MEDIA-SEQUENCE:${first}`], segments });
}

test.each(["Z", "+0000"])(
  "content comes back with dates that follow from the ads before it, zone written %s",
  (zone) => {
    const availStarts = [8, 18, 28];
    const pods = [podAd("short", 2, 2, 2, 1.4), podAd("long", 2, 2, 2, 2, 0.8), podAd("even", 2, 2)];
    const decisions = new Map(
      availStarts.map((start, at): [string, AvailDecision] => {
        const ad = pods[at];
        return [`cue-${start}`, { kind: "pod", pod: pod(`b${start}`, ...(ad ? [ad] : [])), availDuration: 8 }];
      }),
    );
    let timeline = emptyTimeline();
    const dates = new Map<number, number>();
    const durations = new Map<number, number>();
    for (let first = 0; first < 40; first++) {
      const stitched = stitchLive(
        parseMediaPlaylist(writeWindow(first, availStarts, zone)),
        CONTENT,
        timeline,
        decisions,
      );
      timeline = stitched.timeline;
      for (const { mediaSequence, date, duration } of readByHlsParser(stitched.text)) {
        durations.set(mediaSequence, duration);
        if (date === undefined) continue;
        expect(dates.get(mediaSequence) ?? date).toBe(date);
        dates.set(mediaSequence, date);
      }
    }
    let expected = START;
    for (const [mediaSequence, duration] of [...durations].sort(([a], [b]) => a - b)) {
      expect(dates.get(mediaSequence) ?? expected, `segment ${mediaSequence}`).toBe(expected);
      expected += Math.round(duration * 1000);
    }
    expect(dates.size).toBeGreaterThan(30);
  },
);
