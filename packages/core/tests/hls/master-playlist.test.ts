import { readFileSync } from "node:fs";
import { isMasterPlaylist, parseMasterPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";

const master = readFileSync(new URL("fixtures/4.3.4-master.m3u8", import.meta.url), "utf8");

describe("parseMasterPlaylist", () => {
  test("variants come with their bandwidth, codecs, picture size and groups", () => {
    expect(parseMasterPlaylist(master).variants).toEqual([
      {
        uri: "v720.m3u8",
        bandwidthBps: 2_500_000,
        averageBandwidthBps: 2_000_000,
        codecs: ["avc1.64001f", "mp4a.40.2"],
        resolution: { width: 1280, height: 720 },
        frameRate: 25,
        audio: "aac",
        subtitles: "subs",
      },
      {
        uri: "v360.m3u8",
        bandwidthBps: 800_000,
        averageBandwidthBps: undefined,
        codecs: [],
        resolution: undefined,
        frameRate: undefined,
        audio: undefined,
        subtitles: undefined,
      },
    ]);
  });

  test("renditions come with their group, language and address", () => {
    const [audio, subtitles] = parseMasterPlaylist(master).renditions;
    expect(audio).toMatchObject({
      type: "AUDIO",
      groupId: "aac",
      name: "English, stereo",
      language: "en",
      isDefault: true,
    });
    expect(subtitles).toMatchObject({ type: "SUBTITLES", uri: "subs/de.m3u8", isDefault: false, channels: undefined });
  });

  test("CRLF changes nothing", () => {
    expect(parseMasterPlaylist(master.replaceAll("\n", "\r\n"))).toEqual(parseMasterPlaylist(master));
  });

  test.each([
    ["<html>", 'master playlist, line 1: expected #EXTM3U, got "<html>"'],
    ["#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", 'line 2: expected a URI after EXT-X-STREAM-INF, got "the end"'],
  ])("a malformed one is refused with its line: %j", (text, message) => {
    expect(() => parseMasterPlaylist(text)).toThrow(message);
  });
});

test("a playlist that names variants is a master playlist, one with segments is none", () => {
  expect(isMasterPlaylist(master)).toBe(true);
  expect(isMasterPlaylist("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n")).toBe(false);
});
