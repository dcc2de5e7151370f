import { readdirSync, readFileSync } from "node:fs";
import { AdError, formatMediaPlaylist, listAvails, parseMediaPlaylist } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readByHlsParser } from "./playlists.ts";

const folder = new URL("fixtures/", import.meta.url);
const fixture = (name: string): string => readFileSync(new URL(name, folder), "utf8");
const mediaFixtures = readdirSync(folder).filter((name) => name.endsWith(".m3u8") && !name.includes("master"));

describe("parseMediaPlaylist", () => {
  test.each(mediaFixtures)("%s printed after parsing is the same text", (name) => {
    expect(formatMediaPlaylist(parseMediaPlaylist(fixture(name)))).toBe(fixture(name));
  });

  test("any text comes back as it was, or is refused as malformed with its line", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "#EXTINF:4,",
        "#EXTINF:x",
        "c.ts",
        "#EXT-X-KEY:METHOD=AES-128,URI=k",
        "#EXT-X-DISCONTINUITY",
        "# note",
        "",
        "#EXT-X-ENDLIST",
        "#EXT-X-TARGETDURATION:4",
        "#EXT-X-BYTERANGE:9",
        "#EXT-X-MAP:",
        "\r",
        "#EXT-X-CUE-OUT",
      ),
    );
    const text = fc
      .tuple(fc.array(line), fc.constantFrom("\n", "\r\n", "\n\n"), fc.boolean())
      .map(([lines, end, isPlaylist]) =>
        [...(isPlaylist ? ["#EXTM3U", "#EXT-X-TARGETDURATION:6"] : []), ...lines].join(end),
      );
    fc.assert(
      fc.property(text, (text) => {
        let printed = text;
        let message = "line 1: expected";
        try {
          printed = formatMediaPlaylist(parseMediaPlaylist(text));
        } catch (error) {
          message = error instanceof AdError && error.code === "playlist-malformed" ? error.message : String(error);
        }
        expect(printed).toBe(text);
        expect(message).toMatch(/line \d+: expected/);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["<html>", 'media playlist, line 1: expected #EXTM3U, got "<html>"'],
    ["#EXTM3U\n#EXTINF:4,\na.ts\n", 'media playlist, line 1: expected an EXT-X-TARGETDURATION in the list, got "none"'],
    [
      "#EXTM3U\n#EXT-X-TARGETDURATION:4\na.ts\n",
      'media playlist, line 3: expected #EXTINF before a segment, got "a.ts"',
    ],
    [
      "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:-1,",
      'media playlist, line 3: expected a duration in seconds, got "-1,"',
    ],
    ["#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:Infinity,", "line 3: expected a duration"],
    ["#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999", "line 2: expected a whole number"],
  ])("a malformed playlist is refused with the line: %j", (text, message) => {
    expect(() => parseMediaPlaylist(text)).toThrow(message);
  });

  test("lines that end with CRLF and a byte order mark change nothing of what is read", () => {
    const [plain, crlf] = [parseMediaPlaylist(fixture("4.1-lines.m3u8")), parseMediaPlaylist(fixture("4.1-crlf.m3u8"))];
    const anywhere = { start: 0, end: 0 };
    expect(crlf.segments.map((segment) => ({ ...segment, ...anywhere }))).toEqual(
      plain.segments.map((segment) => ({ ...segment, ...anywhere })),
    );
    expect(plain.segments.map(({ uri, duration }) => [uri, duration])).toEqual([
      ["c0.ts", 6],
      ["c1.ts?x=1#2", 5.5],
    ]);
    expect(crlf.hasEndList).toBe(true);
    expect(parseMediaPlaylist(fixture("4.1-byte-order-mark.m3u8")).segments).toHaveLength(1);
  });

  test("durations are read as any reader of numbers reads them", () => {
    const duration = fc.oneof(
      fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value.toFixed(9)),
      fc.tuple(fc.nat(99), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}`),
      fc.nat(999).map(String),
      fc.constantFrom("1e2", " 6", "+6", "6.", ".5", "0000006.006", "6.0 ", "5.005,title"),
    );
    fc.assert(
      fc.property(duration, (text) => {
        const playlist = parseMediaPlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:${text},\na.ts\n`);
        expect(playlist.segments[0]?.duration).toBe(Number.parseFloat(text));
      }),
    );
  });

  test("a sub-range without an offset follows the one before it", () => {
    const ranges = parseMediaPlaylist(fixture("4.3.2.2-byterange.m3u8")).segments.map(({ byteRange }) => byteRange);
    expect(ranges).toEqual([
      { length: 1000, offset: 0 },
      { length: 500, offset: 1000 },
      { length: 700, offset: 1500 },
    ]);
  });

  test("keys are in force per KEYFORMAT, and METHOD=NONE ends them all", () => {
    const { segments } = parseMediaPlaylist(fixture("4.3.2.4-key.m3u8"));
    const counts = segments.map(({ keys }) => keys.map((key) => [key.format, key.hasImplicitIv]));
    const fairplay = ["com.apple.streamingkeydelivery", false];
    expect(counts).toEqual([
      [],
      [["identity", true]],
      [["identity", true]],
      [["identity", true], fairplay],
      [fairplay, ["identity", false]],
      [],
    ]);
  });

  test.each(mediaFixtures.filter((name) => !name.includes("mark")))(
    "hls-parser finds the same segments in %s",
    (name) => {
      const ours = parseMediaPlaylist(fixture(name));
      const theirs = readByHlsParser(fixture(name));
      expect(ours.segments.map(({ uri, duration }) => ({ uri, duration }))).toEqual(
        theirs.map(({ uri, duration }) => ({ uri, duration })),
      );
      expect(ours.segments.map((_, index) => ours.mediaSequence + index)).toEqual(theirs.map((s) => s.mediaSequence));
    },
  );

  const megabyte = (write: (index: number) => string): string => {
    const lines = Array.from({ length: 100_000 }, (_, index) => write(index));
    return `#EXTM3U\n#EXT-X-TARGETDURATION:1\n${lines.join("")}`;
  };

  test.each([
    ["segments", (n: number) => `#EXTINF:1,\ns${n}.ts\n`],
    ["discontinuities without a segment", () => "#EXT-X-DISCONTINUITY\n"],
    ["cues without a segment", (n: number) => `#EXT-X-DATERANGE:ID="${n}",SCTE35-OUT=0x1\n#EXT-X-CUE-OUT:3\n`],
    ["cues with segments", (n: number) => `#EXT-X-CUE-OUT\n#EXTINF:1,\ns${n}.ts\n`],
  ])("a megabyte of %s does not hang", (_, write) => {
    const text = megabyte(write);
    expect(formatMediaPlaylist(parseMediaPlaylist(text))).toBe(text);
    expect(listAvails(text).length).toBeLessThanOrEqual(1000);
  });

  test("a key that would have to be written again on too many segments is refused", () => {
    const key = `#EXT-X-KEY:METHOD=AES-128,URI="k",X="${"x".repeat(20_000)}"\n`;
    const segments = "#EXTINF:1,\ns.ts\n".repeat(1000);
    expect(() => parseMediaPlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${key}${segments}`)).toThrow("of keys");
  });

  test("keys of more than 16 formats in force are refused", () => {
    const text = megabyte((index) => `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k",KEYFORMAT="${index}"\n`);
    expect(() => parseMediaPlaylist(text)).toThrow("at most 16");
  });
});
