/** Content that gives way to a pod in VOD playlists. */
import { parseMediaPlaylist, stitchVod, type TimedPod } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adRendition, CONTENT, plainSegments, pod, podAd, readByHlsParser, writePlaylist } from "./playlists.ts";

const vod = (count: number, duration: number, tags: (index: number) => readonly string[] = () => []): string =>
  writePlaylist({ segments: plainSegments(count, duration, tags), isEnded: true });
const names = (text: string): readonly string[] =>
  readByHlsParser(text).map(({ uri }) => uri.replace(/.*\//, "").replace(".ts", ""));
const replace = (time: number, replaces: number, ...durations: readonly number[]): TimedPod => ({
  ...pod(`b${time}`, ...(durations.length > 0 ? [podAd("ad", ...durations)] : [])),
  time,
  replaces,
});

describe("content that a pod replaces", () => {
  test.each<[number, number, string]>([
    [6, 12, "c0 ad-0 c3 c4"],
    [7, 13, "c0 ad-0 c3 c4"],
    [8, 2, "c0 ad-0 c2 c3 c4"],
    [6, 2, "c0 ad-0 c1 c2 c3 c4"],
    [0, 6, "ad-0 c1 c2 c3 c4"],
    [24, 60, "c0 c1 c2 c3 ad-0"],
  ])("from %s s for %s s is whole segments up to the nearest boundary", (time, replaces, expected) => {
    expect(names(stitchVod(vod(5, 6), CONTENT, [replace(time, replaces, 4)]).text).join(" ")).toBe(expected);
  });

  test("is told by its own time, and what comes after it by the time that is left", () => {
    const { breaks } = stitchVod(vod(5, 6), CONTENT, [replace(6, 12, 4), replace(24, 0, 5)]);
    expect(breaks.map(({ contentTime, startTime, firstMediaSequence }) => [contentTime, startTime, firstMediaSequence]))
      // 6 s, the ad of 4 s, one segment of 6 s
      .toEqual([
        [6, 6, 1],
        [24, 16, 3],
      ]);
  });

  test("is told in whole segments beside its pod, or by itself where nothing takes its place", () => {
    const { breaks, removed } = stitchVod(vod(5, 6), CONTENT, [replace(6, 8, 4), replace(18, 6), replace(30, 0, 5)]);
    expect(breaks.map(({ breakId, replaced }) => [breakId, replaced])).toEqual([
      ["b6", 6],
      ["b30", undefined],
    ]);
    expect(removed).toEqual([
      { breakId: "b18", contentTime: 18, startTime: 16, duration: 0, firstMediaSequence: 3, ads: [], replaced: 6 },
    ]);
    expect(stitchVod(vod(5, 6), CONTENT, [replace(6, 6, 4)])).not.toHaveProperty("removed");
  });

  test("goes without a pod where a break is taken out, with a discontinuity at the joint but not at the top", () => {
    const { text, breaks } = stitchVod(vod(5, 6), CONTENT, [replace(6, 12)]);
    expect(readByHlsParser(text).map(({ uri, discontinuitySequence }) => [uri, discontinuitySequence])).toEqual([
      ["c0.ts", 0],
      ["c3.ts", 1],
      ["c4.ts", 1],
    ]);
    expect(breaks).toEqual([]);
    expect(stitchVod(vod(3, 6), CONTENT, [replace(0, 6)]).text).not.toContain("DISCONTINUITY");
  });

  test("stays where ads were given and none of them can be spliced, and where nothing would be left", () => {
    const refused = { ...pod("b", { adId: "x", renditions: [] }), time: 6, replaces: 12 };
    const stitched = stitchVod(vod(5, 6), CONTENT, [refused]);
    expect(stitched.text).toBe(vod(5, 6));
    expect(stitched.refused).toEqual([{ breakId: "b", adId: "x", index: 0, reason: "media-unavailable" }]);
    expect(stitchVod(vod(5, 6), CONTENT, [replace(0, 30)]).text).toBe(vod(5, 6));
  });

  test("is taken out once where two pods replace it, and the later pod follows the earlier one", () => {
    const { text } = stitchVod(vod(5, 6), CONTENT, [replace(6, 12, 4), replace(12, 12, 5)]);
    expect(names(text)).toEqual(["c0", "ad-0", "ad-0", "c4"]);
  });

  test("takes its keys, map and dates along, and what follows has them restated", () => {
    const tags = (index: number): readonly string[] => {
      if (index === 0) return ["#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z"];
      if (index !== 1) return [];
      return ['#EXT-X-MAP:URI="i.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="k"'];
    };
    const content = vod(4, 6, tags).replace("VERSION:3", "VERSION:6");
    const { text } = stitchVod(content, CONTENT, [replace(6, 6)]);
    const resumed = readByHlsParser(text)[1];
    expect(resumed).toMatchObject({
      uri: "c2.ts",
      map: "i.mp4",
      date: Date.UTC(2026, 0, 1, 0, 0, 12),
      key: { method: "AES-128", uri: "k", iv: "00000000000000000000000000000002" },
    });
  });

  test("leaves every other segment its IV, whatever is replaced", () => {
    const keyed = vod(12, 6, (index) => (index % 3 === 0 ? [`#EXT-X-KEY:METHOD=AES-128,URI="k${index}"`] : []));
    const spans = fc.tuple(fc.nat(80), fc.nat(40), fc.boolean());
    fc.assert(
      fc.property(fc.array(spans, { minLength: 1, maxLength: 4 }), (entries) => {
        const pods = entries.map(([time, replaces, isEmpty]) => replace(time, replaces, ...(isEmpty ? [] : [4, 2])));
        const { segments, mediaSequence } = parseMediaPlaylist(stitchVod(keyed, CONTENT, pods).text);
        for (const [index, { uri, keys }] of segments.entries()) {
          const content = /^c(\d+)\.ts$/.exec(uri)?.[1];
          const ivs = keys.map((key) => {
            const explicit = Number.parseInt(/IV=0x(.*)/.exec(key.value)?.[1] ?? "", 16);
            return `${/k\d+/.exec(key.value)} ${key.hasImplicitIv ? mediaSequence + index : explicit}`;
          });
          const own = Number(content);
          expect(ivs).toEqual(content === undefined ? [] : [`k${own - (own % 3)} ${own}`]);
        }
      }),
    );
  });

  test("ends where the reference ends it in every rendition", () => {
    const segments = plainSegments(10, 6).map((segment, index) => ({ ...segment, duration: index === 0 ? 6.011 : 6 }));
    const audio = writePlaylist({ segments, isEnded: true });
    const pods = [replace(9, 12, 4)];
    const main = stitchVod(vod(10, 6), CONTENT, pods);
    const other = stitchVod(audio, { ...CONTENT, kind: "audio" }, pods, { reference: vod(10, 6) });
    expect(names(other.text)).toEqual(names(main.text));
  });
});

describe("EXT-X-START of VOD content", () => {
  const started = (offset: number): string =>
    vod(5, 6).replace("#EXTINF", `#EXT-X-START:TIME-OFFSET=${offset},PRECISE=YES\n#EXTINF`);
  const offsetOf = (text: string): string | undefined => /EXT-X-START:(.*)/.exec(text)?.[1];

  test.each<[number, readonly TimedPod[], string]>([
    [13.5, [replace(0, 0, 5), replace(24, 0, 4)], "TIME-OFFSET=18.5,PRECISE=YES"],
    [12, [replace(12, 0, 5)], "TIME-OFFSET=12,PRECISE=YES"],
    [0, [replace(0, 0, 5)], "TIME-OFFSET=0,PRECISE=YES"],
    [20, [replace(6, 6, 5)], "TIME-OFFSET=19,PRECISE=YES"],
    [-6, [replace(0, 0, 5)], "TIME-OFFSET=-6,PRECISE=YES"],
    [-6, [replace(0, 0, 5), replace(30, 0, 4)], "TIME-OFFSET=-10,PRECISE=YES"],
  ])("at %s s moves with the ads before it", (offset, pods, expected) => {
    expect(offsetOf(stitchVod(started(offset), CONTENT, pods).text)).toBe(expected);
  });
});

describe("a parsed playlist", () => {
  test("gives the same as its text, any number of times, and is not changed", () => {
    const text = vod(6, 6, (index) => (index === 2 ? ["#EXT-X-DISCONTINUITY"] : []));
    const playlist = parseMediaPlaylist(text);
    const before = JSON.stringify(playlist);
    const pods = [replace(6, 6, 4), replace(20, 0, 3)];
    const expected = stitchVod(text, CONTENT, pods);
    for (const reference of [playlist, text, undefined]) {
      expect(stitchVod(playlist, CONTENT, pods, { reference })).toEqual(expected);
    }
    expect(JSON.stringify(playlist)).toBe(before);
  });
});

describe("a playlist for trick play", () => {
  test("of I-frames gets gaps that last as long as the ads", () => {
    const text = writePlaylist({
      header: ["#EXT-X-VERSION:4", "#EXT-X-I-FRAMES-ONLY"],
      segments: plainSegments(3, 2, (index) => [`#EXT-X-BYTERANGE:100@${index * 100}`]),
      isEnded: true,
    });
    const ad = { adId: "x", renditions: [adRendition("x", [4, 2.5], 5e5), adRendition("x", [4, 2.5], 5e6)] };
    const pods = [{ ...pod("b", ad), time: 2 }];
    const stitched = stitchVod(text, { ...CONTENT, kind: "iframes" }, pods);
    expect(stitched.text).toBe(`#EXTM3U
#EXT-X-VERSION:8
#EXT-X-I-FRAMES-ONLY
#EXT-X-TARGETDURATION:4
#EXT-X-BYTERANGE:100@0
#EXTINF:2,
c0.ts
#EXT-X-DISCONTINUITY
#EXT-X-GAP
#EXTINF:4,
https://ads.example/x/x-0.ts
#EXT-X-GAP
#EXTINF:2.5,
https://ads.example/x/x-1.ts
#EXT-X-DISCONTINUITY
#EXT-X-BYTERANGE:100@100
#EXTINF:2,
c1.ts
#EXT-X-BYTERANGE:100@200
#EXTINF:2,
c2.ts
#EXT-X-ENDLIST
`);
    expect(stitched.breaks).toEqual(stitchVod(vod(3, 2), CONTENT, pods).breaks);
  });

  test("of images keeps its own tags above a pre-roll, and its tiles with their segments", () => {
    const text = writePlaylist({
      header: ["#EXT-X-VERSION:7"],
      segments: plainSegments(2, 60, () => ["#EXT-X-TILES:RESOLUTION=320x180,LAYOUT=5x4,DURATION=3"]),
      isEnded: true,
    }).replace("#EXT-X-TILES", "#EXT-X-IMAGES-ONLY\n#EXT-X-TILES");
    const pods = [{ ...pod("b", podAd("x", 4)), time: 0 }];
    const lines = stitchVod(text, { ...CONTENT, kind: "iframes" }, pods).text.split("\n");
    const from = lines.indexOf("#EXT-X-IMAGES-ONLY");
    expect(lines.slice(from, from + 6)).toEqual([
      "#EXT-X-IMAGES-ONLY",
      "#EXT-X-GAP",
      "#EXTINF:4,",
      "https://ads.example/x/x-0.ts",
      "#EXT-X-DISCONTINUITY",
      "#EXT-X-TILES:RESOLUTION=320x180,LAYOUT=5x4,DURATION=3",
    ]);
  });
});
