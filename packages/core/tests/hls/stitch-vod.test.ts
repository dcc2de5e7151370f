import { readFileSync } from "node:fs";
import {
  type AdRendition,
  BLANK_WEBVTT,
  parseMediaPlaylist,
  type PictureLead,
  stitchVod,
  type TimedPod,
} from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  adRendition,
  CONTENT,
  plainSegments,
  pod,
  podAd,
  readByHlsParser,
  readByM3u8Parser,
  writePlaylist,
} from "./playlists.ts";

const BLANK_SUBTITLES = `data:text/vtt,${encodeURIComponent(BLANK_WEBVTT)}`;
const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const vod = (count: number, duration: number): string =>
  writePlaylist({ segments: plainSegments(count, duration), isEnded: true });
const at = (time: number | "end", ...durations: readonly number[]): TimedPod => ({
  ...pod(`b${time}`, podAd("ad", ...durations)),
  time,
});
const names = (text: string): readonly string[] =>
  readByHlsParser(text).map(({ uri }) => uri.replace(/.*\//, "").replace(".ts", ""));

/** An ad whose playlist is written by the test. */
function writtenAd(text: string, url = "https://ads.example/x/v.m3u8"): AdRendition {
  return { bandwidthBps: 1, url: new URL(url), playlist: parseMediaPlaylist(text) };
}
const oneAd = (time: number, ...renditions: readonly AdRendition[]): TimedPod => ({
  ...pod("b", { adId: "x", renditions }),
  time,
});

describe("stitchVod", () => {
  test("without pods the text is the same, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(stitchVod(text, CONTENT, []).text).toBe(text);
      }),
    );
  });

  test.each<[number | "end", string]>([
    [0, "ad-0 ad-1 c0 c1 c2 c3"],
    [2.9, "ad-0 ad-1 c0 c1 c2 c3"],
    [3, "c0 ad-0 ad-1 c1 c2 c3"],
    [7, "c0 ad-0 ad-1 c1 c2 c3"],
    [23, "c0 c1 c2 c3 ad-0 ad-1"],
    ["end", "c0 c1 c2 c3 ad-0 ad-1"],
  ])("a pod at %s s lands on the nearest segment boundary, of two equal ones on the later", (time, expected) => {
    expect(names(stitchVod(vod(4, 6), CONTENT, [at(time, 4, 2)]).text).join(" ")).toBe(expected);
  });

  test("pods at one boundary play in the order of their times, a post-roll last", () => {
    const pods = [at("end", 1), at(17, 1), at(16, 1), at(4, 1), { ...at(4, 1), breakId: "second" }];
    const { breaks } = stitchVod(vod(3, 6), CONTENT, pods);
    expect(breaks.map(({ breakId }) => breakId)).toEqual(["b4", "second", "b16", "b17", "bend"]);
  });

  test("renditions whose segments differ by audio frames are cut where the reference is, at any time", () => {
    const frame = 1024 / 48_000;
    const jitter = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 12, maxLength: 12 });
    const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 75 }), fc.double({ min: 0, max: 75, noNaN: true })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(jitter, times, (steps, times) => {
        const segments = steps.map((step, index) => {
          return { uri: `a${index}.ts`, duration: 6 + (step - (steps[index - 1] ?? 0)) * frame };
        });
        const audio = writePlaylist({ segments, isEnded: true });
        const pods = times.map((time) => at(time, 4));
        const main = stitchVod(vod(12, 6), CONTENT, pods);
        const other = stitchVod(audio, { ...CONTENT, kind: "audio" }, pods, { reference: vod(12, 6) });
        const shape = ({ text }: typeof main): readonly boolean[] =>
          readByHlsParser(text).map(({ uri }) => uri.startsWith("https"));
        expect(shape(other)).toEqual(shape(main));
      }),
    );
    expect(names(stitchVod(vod(3, 6), CONTENT, [at(15, 1)], { reference: vod(2, 8) }).text)).toEqual([
      "c0",
      "c1",
      "c2",
      "ad-0",
    ]);
  });

  test("the text of a mid-roll: discontinuities at both edges, absolute addresses, the higher target duration", () => {
    const text = writePlaylist({
      header: ["#EXT-X-VERSION:3", "#EXT-X-PLAYLIST-TYPE:VOD"],
      segments: plainSegments(2, 6),
      isEnded: true,
    });
    expect(stitchVod(text, CONTENT, [at(6, 8, 7)]).text).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-TARGETDURATION:8
#EXTINF:6,
c0.ts
#EXT-X-DISCONTINUITY
#EXTINF:8,
https://ads.example/ad/ad-0.ts
#EXTINF:7,
https://ads.example/ad/ad-1.ts
#EXT-X-DISCONTINUITY
#EXTINF:6,
c1.ts
#EXT-X-ENDLIST
`);
  });

  test("a discontinuity stands between ads and pods, but not before the first segment of the playlist", () => {
    const pods = [
      { ...pod("a", podAd("x", 4), podAd("y", 4)), time: 0 },
      { ...pod("b", podAd("z", 4)), time: 1 },
    ];
    const { text } = stitchVod(vod(2, 6), CONTENT, pods);
    expect(readByHlsParser(text).map((s) => [s.uri.replace(/.*\//, ""), s.discontinuitySequence])).toEqual([
      ["x-0.ts", 0],
      ["y-0.ts", 1],
      ["z-0.ts", 2],
      ["c0.ts", 3],
      ["c1.ts", 3],
    ]);
  });

  test("content that has a discontinuity where it resumes gets no second one", () => {
    const segments = plainSegments(2, 6, (index) => (index === 1 ? ["#EXT-X-DISCONTINUITY"] : []));
    const { text } = stitchVod(writePlaylist({ segments, isEnded: true }), CONTENT, [at(6, 4)]);
    expect(text.match(/^#EXT-X-DISCONTINUITY$/gm)).toHaveLength(2);
  });

  test("the place of an ad says how early its first picture is decoded, where its playlist does so credibly", () => {
    const leadOf = (value: string): PictureLead | undefined => {
      const header = [`#EXT-X-INTERLUDE-PICTURES:${value}`];
      const playlist = parseMediaPlaylist(
        writePlaylist({ header, segments: [{ uri: "a.ts", duration: 4 }], isEnded: true }),
      );
      const ad = { adId: "x", renditions: [{ bandwidthBps: 1, url: new URL("https://ads.example/a.m3u8"), playlist }] };
      const text = writePlaylist({ segments: plainSegments(2, 6), isEnded: true });
      return stitchVod(text, CONTENT, [{ ...pod("mid", ad), time: 6 }]).breaks[0]?.ads[0]?.pictureLead;
    };
    expect(leadOf("LEAD=0.045400,ELASTIC=YES")).toEqual({ seconds: 0.0454, isElastic: true });
    expect(leadOf("LEAD=0")).toEqual({ seconds: 0, isElastic: false });
    for (const nonsense of ["", "LEAD=", "LEAD=-1", "LEAD=9", "LEAD=x", "0.04"])
      expect(leadOf(nonsense)).toBeUndefined();
  });

  test("the places of breaks and ads are told in time and media sequence", () => {
    const text = writePlaylist({ header: ["#EXT-X-MEDIA-SEQUENCE:7"], segments: plainSegments(3, 6), isEnded: true });
    const pods = [at("end", 5), { ...pod("mid", podAd("x", 4, 4), podAd("y", 3)), time: 6 }];
    expect(stitchVod(text, CONTENT, pods).breaks).toEqual([
      {
        breakId: "mid",
        contentTime: 6,
        startTime: 6,
        duration: 11,
        firstMediaSequence: 8,
        ads: [
          { breakId: "mid", adId: "x", index: 0, startTime: 6, duration: 8, firstMediaSequence: 8, segmentCount: 2 },
          { breakId: "mid", adId: "y", index: 1, startTime: 14, duration: 3, firstMediaSequence: 10, segmentCount: 1 },
        ],
      },
      {
        breakId: "bend",
        contentTime: 18,
        startTime: 29,
        duration: 5,
        firstMediaSequence: 13,
        ads: [
          {
            breakId: "bend",
            adId: "ad",
            index: 0,
            startTime: 29,
            duration: 5,
            firstMediaSequence: 13,
            segmentCount: 1,
          },
        ],
      },
    ]);
  });

  test("EXT-X-KEY of the content is restored after an unencrypted ad, each implicit IV made explicit", () => {
    const { text } = stitchVod(fixture("4.3.2.4-key.m3u8"), CONTENT, [at(12, 4)]);
    const iv = (number: number): string => number.toString(16).padStart(32, "0");
    expect(readByM3u8Parser(text).segments.map(({ uri, key }) => [uri.replace(/.*\//, ""), key?.method])).toEqual([
      ["clear.ts", undefined],
      ["c11.ts", "AES-128"],
      ["ad-0.ts", undefined],
      ["c12.ts", "AES-128"],
      // This reader knows no FairPlay and keeps the identity key.
      ["c13.ts", "AES-128"],
      ["c14.ts", "AES-128"],
      ["c15.ts", undefined],
    ]);
    const keys = [...text.matchAll(/^#EXT-X-KEY:.*$/gm)].map(([line]) => line.slice(11));
    const fairplay =
      'METHOD=SAMPLE-AES,URI="skd://k2",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"';
    expect(keys).toEqual([
      'METHOD=AES-128,URI="k1"',
      "METHOD=NONE",
      `METHOD=AES-128,URI="k1",IV=0x${iv(12)}`,
      `METHOD=AES-128,URI="k1",IV=0x${iv(13)}`,
      fairplay,
      'METHOD=AES-128,URI="k3",IV=0x000000000000000000000000000000ff',
      "METHOD=NONE",
    ]);
  });

  test("no content segment is decrypted with another IV than before, wherever pods come", () => {
    const content = parseMediaPlaylist(fixture("4.3.2.4-key.m3u8"));
    const before = new Map(
      content.segments.map((segment, index) => [segment.uri, effectiveIvs(segment, content.mediaSequence + index)]),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 36 }), { minLength: 1, maxLength: 4 }), (times) => {
        const pods = times.map((time) => at(time, 4, 3));
        const after = parseMediaPlaylist(stitchVod(fixture("4.3.2.4-key.m3u8"), CONTENT, pods).text);
        for (const [index, segment] of after.segments.entries()) {
          const expected = segment.uri.startsWith("https://ads") ? [] : before.get(segment.uri);
          expect(effectiveIvs(segment, after.mediaSequence + index)).toEqual(expected);
        }
      }),
    );
  });

  test("an ad before the content is clear, also where a key stands above the tags of the whole playlist", () => {
    const text = `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n${vod(2, 6).slice(8)}`;
    const { segments } = parseMediaPlaylist(stitchVod(text, CONTENT, [at(0, 4)]).text);
    expect(segments.map((segment) => effectiveIvs(segment, 0))).toEqual([
      [],
      [`identity ${"0".repeat(32)}`],
      [`identity ${"0".repeat(31)}1`],
    ]);
  });

  test("a map in force is refused by an ad without one, and the reason is told", () => {
    const stitched = stitchVod(fixture("4.3.2.5-map.m3u8"), CONTENT, [at(4, 4)]);
    expect(stitched.text).toBe(fixture("4.3.2.5-map.m3u8"));
    expect(stitched.refused).toEqual([{ breakId: "b4", adId: "ad", index: 0, reason: "no-variant-match" }]);
    const mapped = writtenAd('#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="i.mp4"\n#EXTINF:4,\na.m4s\n');
    expect(stitchVod(vod(3, 6), CONTENT, [oneAd(6, mapped)]).refused).toMatchObject([{ reason: "no-variant-match" }]);
  });

  test("the content's map comes back after an ad with its own", () => {
    const ad = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="i.mp4",BYTERANGE="9@0"\n#EXTINF:4,\na.m4s\n';
    const { text } = stitchVod(fixture("4.3.2.5-map.m3u8"), CONTENT, [oneAd(4, writtenAd(ad))]);
    const maps = readByM3u8Parser(text).segments.map(({ map }) => map?.uri);
    expect(maps).toEqual(["init.mp4", "https://ads.example/x/i.mp4", "init.mp4", "init.mp4"]);
    expect(text).toContain('#EXT-X-MAP:URI="https://ads.example/x/i.mp4",BYTERANGE="9@0"');
    expect(text.match(/EXT-X-MAP/g)).toHaveLength(3);
  });

  test("an ad's own keys, sub-ranges and discontinuities come along, its cues and comments do not", () => {
    const ad = writtenAd(`#EXTM3U
#EXT-X-VERSION:4
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:3
# made by a packager
#EXT-X-KEY:METHOD=AES-128,URI="../key"
#EXT-X-CUE-OUT:4
#EXTINF:4,a title
#EXT-X-BYTERANGE:100@0
all.ts
#EXT-X-DISCONTINUITY
#EXTINF:2.5,
#EXT-X-BYTERANGE:50
all.ts
#EXT-X-ENDLIST
`);
    const { text } = stitchVod(vod(2, 6), CONTENT, [oneAd(6, ad)]);
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:4
#EXT-X-TARGETDURATION:6
#EXTINF:6,
c0.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI="https://ads.example/key",IV=0x00000000000000000000000000000003
#EXTINF:4,
#EXT-X-BYTERANGE:100@0
https://ads.example/x/all.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI="https://ads.example/key",IV=0x00000000000000000000000000000004
#EXTINF:2.5,
#EXT-X-BYTERANGE:50@100
https://ads.example/x/all.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=NONE
#EXTINF:6,
c1.ts
#EXT-X-ENDLIST
`);
  });

  test("a sub-range of the content that followed from the one before gets its offset after an ad", () => {
    const { text } = stitchVod(fixture("4.3.2.2-byterange.m3u8"), CONTENT, [at(6, 4)]);
    expect([...text.matchAll(/BYTERANGE:(.*)/g)].map(([, range]) => range)).toEqual(["1000@0", "500@1000", "700"]);
  });

  test("the date is restated where content resumes", () => {
    const { text } = stitchVod(fixture("4.3.2.6-program-date-time.m3u8"), CONTENT, [at(6, 4)]);
    const resumed = readByHlsParser(text).find(({ uri }) => uri === "c1.ts");
    expect(resumed?.date).toBe(Date.parse("2026-01-01T11:00:06.000Z"));
  });

  test("EXT-X-VERSION rises to what the ads need, also where it was missing", () => {
    const text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nc0.ts\n#EXT-X-ENDLIST\n";
    expect(readByM3u8Parser(stitchVod(text, CONTENT, [at(6, 4)]).text).version).toBeUndefined();
    expect(readByM3u8Parser(stitchVod(text, CONTENT, [at(6, 4.5)]).text).version).toBe(3);
  });

  test("the ad rendition is the highest not above the content, and for audio its own where there is one", () => {
    const ladder = [adRendition("x", [4], 3e6), adRendition("x", [4], 1e6), adRendition("x", [4], 5e5)];
    const audio = { ...adRendition("a", [4], 1e5), kind: "audio" as const };
    const bandwidth = (content: typeof CONTENT, renditions: readonly AdRendition[]): string | undefined =>
      /ads\.example\/(.*)-0\.ts/.exec(stitchVod(vod(2, 6), content, [oneAd(6, ...renditions)]).text)?.[1];
    const named = ladder.map((rendition) => ({
      ...rendition,
      url: new URL(`https://ads.example/${rendition.bandwidthBps}/v`),
    }));
    expect(bandwidth(CONTENT, [...named, audio])).toBe("1000000/x");
    expect(bandwidth({ ...CONTENT, kind: "audio" }, [...named, audio])).toBe("a/a");
    expect(bandwidth({ ...CONTENT, kind: "audio", bandwidthBps: undefined }, named)).toBe("500000/x");
  });

  test("subtitles get as much time without a cue as the ad takes", () => {
    const { text } = stitchVod(vod(2, 6), { ...CONTENT, kind: "subtitles" }, [at(6, 4, 2.5)]);
    const added = readByHlsParser(text).slice(1, 3);
    expect(added.map(({ uri, duration }) => [uri, duration])).toEqual([
      [BLANK_SUBTITLES, 4],
      [BLANK_SUBTITLES, 2.5],
    ]);
  });

  test("an ad that cannot be used costs the other ads nothing", () => {
    const empty = writtenAd("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-ENDLIST\n");
    const unreadable = writtenAd("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://[\n");
    const ads = [{ adId: "e", renditions: [empty] }, podAd("good", 4), { adId: "u", renditions: [unreadable] }];
    const none = { adId: "none", renditions: [] };
    const { text, refused, breaks } = stitchVod(vod(2, 6), CONTENT, [{ ...pod("b", ...ads, none), time: 6 }]);
    expect(names(text)).toEqual(["c0", "good-0", "c1"]);
    expect(breaks[0]?.ads.map(({ adId, index }) => [adId, index])).toEqual([["good", 1]]);
    expect(refused.map(({ adId, reason }) => [adId, reason])).toEqual([
      ["e", "media-unavailable"],
      ["u", "media-unavailable"],
      ["none", "media-unavailable"],
    ]);
  });

  test("an ad that repeats a huge key or map on every segment is not spliced", () => {
    for (const tag of ["KEY:METHOD=AES-128,IV=0x1,", "MAP:"]) {
      const huge = `#EXT-X-${tag}URI="u",X="${"x".repeat(2000)}"\n`;
      const segments = "#EXTINF:1,\ns.ts\n".repeat(1000);
      const ad = writtenAd(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${huge}${segments}`);
      const content = tag === "MAP:" ? fixture("4.3.2.5-map.m3u8") : vod(2, 6);
      expect(stitchVod(content, CONTENT, [oneAd(6, ad)]).refused).toMatchObject([{ reason: "media-unavailable" }]);
    }
  });

  test("inserted lines end as the content's lines do", () => {
    const { text } = stitchVod(vod(2, 6).replaceAll("\n", "\r\n"), CONTENT, [at(6, 4)]);
    expect(text.replaceAll("\r\n", "")).not.toContain("\n");
  });

  test("every line of the content is kept, whatever it is, in its order", () => {
    const line = fc.constantFrom("#EXT-X-UNKNOWN:x", "# note", "", "#EXT-X-BITRATE:9", "#EXTVLCOPT:y", "#EXT-X-GAP");
    const tags = fc.array(fc.array(line, { maxLength: 3 }), { minLength: 1, maxLength: 12 });
    const times = fc.array(fc.nat(80), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tags, times, (tags, times) => {
        const segments = tags.map((lines, index) => ({ uri: `c${index}.ts`, duration: 6, tags: lines }));
        const text = writePlaylist({ segments, isEnded: true });
        const stitched = stitchVod(
          text,
          CONTENT,
          times.map((time) => at(time, 5, 1)),
        ).text.split("\n");
        let next = 0;
        for (const line of text.split("\n")) {
          next = stitched.indexOf(line, next) + 1;
          expect(next).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("renditions with other bit rates, but the same segments, are cut at the same places", () => {
    const arbitrary = fc.array(
      fc.tuple(fc.double({ min: 0, max: 70, noNaN: true }), fc.double({ min: 1, max: 9, noNaN: true })),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(arbitrary, (breaks) => {
        const pods = breaks.map(([time, duration], index) => ({
          ...pod(`b${index}`, { adId: "x", renditions: [1e5, 1e6].map((b) => adRendition("x", [duration], b)) }),
          time,
        }));
        const [low, high] = [5e5, 5e6].map((bandwidthBps) => stitchVod(vod(12, 6), { ...CONTENT, bandwidthBps }, pods));
        expect(low?.breaks).toEqual(high?.breaks);
      }),
    );
  });
});

/** The IVs that a segment is decrypted with, key by key: explicit, or its media sequence number (RFC 8216 §5.2). */
function effectiveIvs(
  segment: ReturnType<typeof parseMediaPlaylist>["segments"][number],
  mediaSequence: number,
): readonly string[] {
  return segment.keys.map(({ value, format, hasImplicitIv }) => {
    const explicit = /IV=0x([0-9a-f]+)/i.exec(value)?.[1] ?? "none";
    return `${format} ${hasImplicitIv ? mediaSequence.toString(16).padStart(32, "0") : explicit}`;
  });
}
