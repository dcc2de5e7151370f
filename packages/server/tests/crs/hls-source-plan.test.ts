import { parseMasterPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { fence } from "../../src/crs/ffmpeg-args.ts";
import { joinCommand } from "../../src/crs/hls-source-join-args.ts";
import { planSegments } from "../../src/crs/hls-source-playlist.ts";
import { sniffSegment } from "../../src/crs/hls-source-segment.ts";
import { selectVariant, type SelectedVariant } from "../../src/crs/hls-source-variant.ts";

/** Variants are named by their place: 0, 1, … */
const select = (variants: readonly string[], renditions: readonly string[] = []): SelectedVariant => {
  const lines = [
    ...renditions.map((one) => `#EXT-X-MEDIA:TYPE=AUDIO,${one}`),
    ...variants.map((one, index) => `#EXT-X-STREAM-INF:${one}\n${index}`),
  ];
  return selectVariant(parseMasterPlaylist(`#EXTM3U\n${lines.join("\n")}\n`), { maxPixels: 1920 * 1080 });
};

describe("the variant that a creative is read from", () => {
  test.each([
    ["the highest bandwidth", ["BANDWIDTH=1", "BANDWIDTH=3", "BANDWIDTH=2"], "1"],
    ["not above the largest picture", ["BANDWIDTH=9,RESOLUTION=3840x2160", "BANDWIDTH=1,RESOLUTION=1920x1080"], "1"],
    ["not of sound alone", ['BANDWIDTH=9,CODECS="mp4a.40.2"', 'BANDWIDTH=1,CODECS="avc1.4d401e,mp4a.40.2"'], "1"],
    ["not of a codec that is not read", ['BANDWIDTH=9,CODECS="dvh1.05.06"', 'BANDWIDTH=1,CODECS="hvc1.2.4.L93"'], "1"],
    ["of equal bandwidth, the larger picture", ["BANDWIDTH=1,RESOLUTION=2x2", "BANDWIDTH=1,RESOLUTION=4x4"], "1"],
    ["of equal ones, H.264", ['BANDWIDTH=1,CODECS="hvc1.1.6"', 'BANDWIDTH=1,CODECS="avc1.4d401e"'], "1"],
    ["of equal ones, the first", ["BANDWIDTH=1", "BANDWIDTH=1"], "0"],
  ])("%s", (_title, variants, video) => {
    expect(select(variants)).toEqual({ video });
  });

  test("its sound is the default of its group, else the first, and may be inside", () => {
    const renditions = [
      'GROUP-ID="a",NAME="1",URI="a1"',
      'GROUP-ID="a",NAME="2",URI="a2",DEFAULT=YES',
      'GROUP-ID="b",NAME="1",URI="b1"',
      'GROUP-ID="b",NAME="2",URI="b2"',
      'GROUP-ID="c",NAME="1",DEFAULT=YES',
      'GROUP-ID="c",NAME="2",URI="c2"',
    ];
    const soundOf = (group: string) => select([`BANDWIDTH=1,AUDIO="${group}"`], renditions).audio;
    expect(["a", "b", "c", "unknown"].map(soundOf)).toEqual(["a2", "b1", undefined, undefined]);
  });

  test("none that can be read is said with what was offered", () => {
    expect(() => select(['BANDWIDTH=1,CODECS="dvh1.05.06",RESOLUTION=16x16'])).toThrow(/got dvh1.05.06 16x16/);
    expect(() => select([])).toThrow(/got none/);
  });
});

const BASE = new URL("https://ads.example/a/index.m3u8");
const plan = (lines: string) => {
  const text = `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:7\n${lines.trim()}\n#EXT-X-ENDLIST\n`;
  return planSegments(text.replaceAll(/\n +/g, "\n"), BASE, { maxDuration: 300 });
};

describe("the plan of a media playlist", () => {
  test("byte ranges follow on each other; a map is planned once for each part that needs it", () => {
    const planned = plan(`
      #EXT-X-MAP:URI="m.mp4",BYTERANGE="100@0"
      #EXTINF:1,
      #EXT-X-BYTERANGE:10@100
      m.mp4
      #EXTINF:1,
      #EXT-X-BYTERANGE:20
      m.mp4
      #EXT-X-MAP:URI="m.mp4",BYTERANGE="100@0"
      #EXTINF:1,
      #EXT-X-BYTERANGE:30
      m.mp4
      #EXT-X-DISCONTINUITY
      #EXTINF:1,
      #EXT-X-BYTERANGE:40
      m.mp4`);
    const shown = planned.map(({ range, startsPart }) => `${range?.length}@${range?.offset} ${startsPart}`);
    expect(shown).toEqual(["100@0 true", "10@100 false", "20@110 false", "30@130 false", "100@0 true", "40@160 false"]);
    expect(planned[0]?.url.href).toBe("https://ads.example/a/m.mp4");
  });

  test("an IV is what the tag says, else the media sequence number of the segment", () => {
    const planned = plan(`
      #EXTINF:1,
      clear.ts
      #EXT-X-KEY:METHOD=AES-128,URI="k"
      #EXTINF:1,
      8.ts
      #EXTINF:1,
      9.ts
      #EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xABC
      #EXTINF:1,
      10.ts
      #EXT-X-KEY:METHOD=NONE
      #EXTINF:1,
      11.ts`);
    const number = (digits: string): string => digits.padStart(32, "0");
    const ivs = [undefined, number("8"), number("9"), number("abc"), undefined];
    expect(planned.map(({ key }) => key?.iv.toString("hex"))).toEqual(ivs);
    expect(planned[1]?.key?.url.href).toBe("https://ads.example/a/k");
  });

  test("a key for players with rights management beside the plain one is no obstacle", () => {
    const planned = plan(`
      #EXT-X-KEY:METHOD=AES-128,URI="k"
      #EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"
      #EXTINF:1,
      a.ts`);
    expect(planned[0]?.key?.url.href).toBe("https://ads.example/a/k");
  });

  test("a map under a key needs an IV of its own", () => {
    const lines = '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXT-X-MAP:URI="m.mp4"\n#EXTINF:1,\na.m4s';
    expect(() => plan(lines)).toThrow(/expected an IV for the key of an initialisation section/);
  });
});

describe("what a segment is", () => {
  const sniff = (text: string) => sniffSegment(Buffer.from(text, "latin1"))?.format;
  const packet = `G${"\0".repeat(187)}`;

  test.each([
    ["two packets of a transport stream", packet.repeat(2), "mpegts"],
    ["one packet", packet, "mpegts"],
    ["a G, and 188 bytes later another letter", `${packet}x`, undefined],
    ["a G alone", "GIF89a", undefined],
    ["a fragment", "\0\0\0\u0018styp", "mov"],
    ["its index", "\0\0\0\u0018sidx", "mov"],
    ["AAC", "\u00ff\u00f1\u0050", "aac"],
    ["MP3", "\u00ff\u00fb\u0050", undefined],
    ["AAC behind an ID3 tag", "ID3\u0004\0\0\0\0\0\u0002xx\u00ff\u00f1", "aac"],
    ["MP3 behind an ID3 tag", "ID3\u0004\0\0\0\0\0\u0002xx\u00ff\u00fb", undefined],
    ["an ID3 tag alone", "ID3\u0004\0\0\0\0\0\u0002xx", undefined],
    ["subtitles", "WEBVTT\n\n", undefined],
    ["nothing", "", undefined],
  ])("%s", (_title, text, format) => {
    expect(sniff(text)).toBe(format);
  });
});

test("parts are joined with the decoders that what was fetched is read with, and no others", () => {
  const decoders = (options: readonly string[] = []): string | undefined =>
    options[options.indexOf("-codec_whitelist") + 1];
  const join = joinCommand("parts.ffconcat", "joined.mov", { maxStreams: 8 });
  expect(decoders(join.inputs[0]?.options)).toBe(decoders(fence("mov", 8)));
});
