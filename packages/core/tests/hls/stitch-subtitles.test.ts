/** VOD subtitles around breaks: cut at the very place of the break, whatever their segments are. */
import { type ContentPlaylist, type SubtitleClip, stitchVod, type TimedPod } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CONTENT, plainSegments, pod, podAd, readByHlsParser, writePlaylist } from "./playlists.ts";

const SUBTITLES: ContentPlaylist = { ...CONTENT, kind: "subtitles" };
const BLANK = "https://s.example/blank.vtt";
const clipSubtitle = ({ uri, from, to }: SubtitleClip): string => `${uri}?${from ?? ""}-${to ?? ""}`;
const write = (...durations: readonly number[]): string =>
  writePlaylist({ segments: durations.map((duration, index) => ({ uri: `s${index}.vtt`, duration })), isEnded: true });
const at = (time: number, duration: number, replaces = 0): TimedPod => ({
  ...pod(`b${time}`, podAd("ad", duration)),
  time,
  replaces,
});
const video = writePlaylist({ segments: plainSegments(10, 6), isEnded: true });

/** The lines of a stitched subtitle playlist: URI and seconds. */
function stitch(text: string, ...pods: readonly TimedPod[]): readonly string[] {
  const options = { reference: video, clipSubtitle, blankSubtitleUri: BLANK };
  const stitched = stitchVod(text, SUBTITLES, pods, options);
  return readByHlsParser(stitched.text).map(({ uri, duration }) => `${uri} ${duration}`);
}

describe("subtitles of VOD content", () => {
  test("in one file for the whole programme are cut at every break", () => {
    expect(stitch(write(60), at(12, 5), at(30, 4))).toEqual([
      "s0.vtt?-12 12",
      `${BLANK} 5`,
      "s0.vtt?12-30 18",
      `${BLANK} 4`,
      "s0.vtt?30- 30",
    ]);
  });

  test("in longer segments than the video's are cut where the video is", () => {
    expect(stitch(write(20, 20, 20), at(30, 5))).toEqual([
      "s0.vtt 20",
      "s1.vtt?-10 10",
      `${BLANK} 5`,
      "s1.vtt?10- 10",
      "s2.vtt 20",
    ]);
  });

  test("whose segments end at the break are clipped there, because a cue may span it", () => {
    expect(stitch(write(12, 12.011, 35.989), at(12, 5))).toEqual([
      "s0.vtt?-12 12",
      `${BLANK} 5`,
      "s1.vtt?0- 12.011",
      "s2.vtt 35.989",
    ]);
  });

  test("in fMP4 let the time of an ad pass, because no blank segment goes with every map", () => {
    const text = write(6, 6, 6).replace("#EXTINF", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF');
    const stitched = stitchVod(text, SUBTITLES, [at(6, 5)], { reference: video });
    const marks = readByHlsParser(stitched.text).map(({ duration }) => duration);
    expect({ marks, gaps: stitched.text.match(/#EXT-X-GAP/g)?.length, refused: stitched.refused }).toEqual({
      marks: [6, 5, 6, 6],
      gaps: 1,
      refused: [],
    });
  });

  test("lose what a pod replaces to the very second", () => {
    expect(stitch(write(20, 20, 20), at(12, 5, 24))).toEqual([
      "s0.vtt?-12 12",
      `${BLANK} 5`,
      "s1.vtt?16- 4",
      "s2.vtt?-4- 20",
    ]);
  });

  test("of which a cue reaches over several segments are cut in each of them, up to ten seconds from the break", () => {
    expect(stitch(write(4, 4, 4, 4, 4, 4, 4, 4), at(18, 5))).toEqual([
      "s0.vtt 4",
      "s1.vtt 4",
      "s2.vtt?-10 4",
      "s3.vtt?-6 4",
      "s4.vtt?-2 2",
      `${BLANK} 5`,
      "s4.vtt?2- 2",
      "s5.vtt?-2- 4",
      "s6.vtt?-6- 4",
      "s7.vtt 4",
    ]);
  });

  test("that are sub-ranges of a file are never cut inside, and keep their range", () => {
    const segments = [0, 1, 2].map((index) => {
      return { uri: "all.vtt", duration: 20, tags: [`#EXT-X-BYTERANGE:100@${index * 100}`] };
    });
    const { text } = stitchVod(writePlaylist({ segments, isEnded: true }), SUBTITLES, [at(30, 5)], { clipSubtitle });
    expect(text).not.toContain("?");
    expect(text.match(/BYTERANGE/g)).toHaveLength(3);
  });

  test("without a clipper are cut between two segments", () => {
    const { text } = stitchVod(write(20, 20, 20), SUBTITLES, [at(30, 5)], { reference: video });
    expect(readByHlsParser(text).map(({ uri }) => uri.replace(/,.*/, ""))).toEqual([
      "s0.vtt",
      "s1.vtt",
      "data:text/vtt",
      "s2.vtt",
    ]);
  });

  test("last as long as the video around each break, and show every second once", () => {
    const durations = fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 12 });
    const breaks = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(durations, breaks, (parts, breaks) => {
        const used = parts.reduce((total, duration) => total + duration, 0);
        const text = used < 60 ? write(...parts, 60 - used) : write(60);
        const pods = breaks.map(([time, duration]) => at(time, duration));
        const main = stitchVod(video, CONTENT, pods, { clipSubtitle });
        const other = stitchVod(text, SUBTITLES, pods, { reference: video, clipSubtitle });
        const places = ({ breaks: placed }: typeof main): readonly object[] =>
          placed.map(({ breakId, startTime, duration }) => ({ breakId, startTime, duration }));
        expect(places(other)).toEqual(places(main));
        const numbers = readByHlsParser(other.text).map(({ uri }) => uri);
        for (const { ads, firstMediaSequence } of other.breaks) {
          expect(ads).toHaveLength(1);
          expect(numbers[firstMediaSequence]).toContain("data:");
        }
        const total = readByHlsParser(other.text).reduce((sum, { duration }) => sum + duration, 0);
        expect(total).toBe(60 + breaks.reduce((sum, [, duration]) => sum + duration, 0));
      }),
    );
  });
});
