import {
  listAdCandidates,
  type LoadedCandidate,
  parseMasterPlaylist,
  parseMediaPlaylist,
  selectFitting,
} from "@interlude/core";
import { describe, expect, test } from "vitest";

const BASE = new URL("https://ads.example/a/master.m3u8");
const SOUND = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="en",DEFAULT=YES,URI="en.m3u8"\n';
const variant = (bandwidth: number, attributes: string, uri: string): string =>
  `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},${attributes}\n${uri}\n`;

function loaded(kind: "main" | "audio", hasMap: boolean, duration = 4, hasOwnSound = hasMap): LoadedCandidate {
  const map = hasMap ? '#EXT-X-MAP:URI="i.mp4"\n' : "";
  const playlist = parseMediaPlaylist(
    `#EXTM3U\n#EXT-X-TARGETDURATION:${duration}\n${map}#EXTINF:${duration},\ns\n#EXT-X-ENDLIST\n`,
  );
  return { bandwidthBps: 1, url: "https://ads.example/x.m3u8", kind, hasOwnSound, playlist };
}

describe("listAdCandidates", () => {
  test("variants without pictures and playlists of sound are sound", () => {
    const text = `#EXTM3U\n${SOUND}${variant(9, 'RESOLUTION=640x360,AUDIO="s"', "v.m3u8")}${variant(1, 'CODECS="mp4a.40.2"', "a.m3u8")}`;
    const found = listAdCandidates(parseMasterPlaylist(text), BASE);
    expect(found.map(({ url, kind, hasOwnSound }) => [new URL(url).pathname, kind, hasOwnSound])).toEqual([
      ["/a/v.m3u8", "main", true],
      ["/a/a.m3u8", "audio", false],
      ["/a/en.m3u8", "audio", false],
    ]);
  });
});

describe("selectFitting", () => {
  const needs = { packaging: "hls", targetDuration: 4, isLive: true } as const;

  test("content of sound alone takes sound alone, never pictures", () => {
    const [pictures, sound] = [loaded("main", false), loaded("audio", false)];
    expect(selectFitting([pictures, sound], { ...needs, isAudioOnly: true }).renditions).toEqual([sound]);
    expect(selectFitting([pictures], { ...needs, isAudioOnly: true })).toMatchObject({
      renditions: [],
      misfit: "no-variant-match",
    });
  });

  test("CMAF without a sound of its own does not fit", () => {
    const cmaf = { ...needs, packaging: "cmaf" } as const;
    expect(selectFitting([loaded("main", true)], cmaf).misfit).toBe("no-variant-match");
    expect(selectFitting([loaded("main", true), loaded("audio", true)], cmaf).misfit).toBeUndefined();
  });

  test("segments longer than a live target duration do not fit, in VOD they do", () => {
    expect(selectFitting([loaded("main", false, 6)], needs).misfit).toBe("target-duration-exceeded");
    expect(selectFitting([loaded("main", false, 6)], { ...needs, isLive: false }).misfit).toBeUndefined();
  });
});
