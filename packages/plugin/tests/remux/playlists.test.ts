import { parseMediaPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { planRemux } from "../../src/remux/plan.ts";
import { writePlaylist } from "../../src/remux/playlists.ts";
import { buildMovie, constantRate } from "./movies.ts";

const movie = buildMovie({ times: constantRate(90), keys: [0, 30, 60], timescale: 30 }, { count: 150 });
const needs = { targetDuration: undefined };

describe("writePlaylist", () => {
  test("MPEG-TS: version 3, with the pictures' lead", () => {
    expect(writePlaylist(planRemux(movie, { ...needs, packaging: "hls" }), "main").split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      "#EXT-X-TARGETDURATION:2",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXT-X-INTERLUDE-PICTURES:LEAD=0.052067,ELASTIC=YES",
      "#EXTINF:1.000000,",
      "0.ts",
      "#EXTINF:2.000000,",
      "1.ts",
      "#EXT-X-ENDLIST",
      "",
    ]);
  });

  test("fragmented MP4: pictures and sound apart, equally long, each with its initialisation segment", () => {
    const plan = planRemux(movie, { ...needs, packaging: "cmaf" });
    for (const [kind, letter] of [
      ["video", "v"],
      ["audio", "a"],
    ] as const) {
      const playlist = parseMediaPlaylist(writePlaylist(plan, kind));
      expect(playlist).toMatchObject({ version: 6, targetDuration: 2, hasEndList: true, hasMap: true });
      expect(playlist.segments.map(({ uri, duration, map }) => [uri, duration, map?.value])).toEqual([
        [`${letter}0.m4s`, 1, `URI="${letter}.mp4"`],
        [`${letter}1.m4s`, 2, `URI="${letter}.mp4"`],
      ]);
      expect(playlist.text).not.toContain("INTERLUDE");
    }
  });

  test("a creative shorter than half a second has a target duration of one", () => {
    const short = buildMovie({ times: constantRate(10) });
    const playlist = parseMediaPlaylist(writePlaylist(planRemux(short, { ...needs, packaging: "hls" }), "main"));
    expect(playlist).toMatchObject({ targetDuration: 1, segments: [{ duration: 0.4 }] });
  });
});
