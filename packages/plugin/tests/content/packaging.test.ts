import { parseMasterPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { readFacts } from "../../src/content/content.ts";
import { asSound, selectPackaging } from "../../src/content/packaging.ts";
import { formatVod } from "../fake-web.ts";

const TS = formatVod(3);
const FMP4 = TS.replace("#EXTINF", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF');
const SOUND = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="en",URI="en.m3u8"\n';
const BOTH = 'CODECS="avc1.4d401e,mp4a.40.2"';

function select(variant: string, text: string, media = ""): unknown {
  const master = parseMasterPlaylist(`#EXTM3U\n${media}#EXT-X-STREAM-INF:BANDWIDTH=900000,${variant}\nv.m3u8\n`);
  const { splice, hasSoundApart, isMuxedFragments } = selectPackaging(master, readFacts(text));
  return { packaging: splice.packaging, isAudioOnly: splice.isAudioOnly, hasSoundApart, isMuxedFragments };
}

describe("selectPackaging", () => {
  const plain = { packaging: "hls", isAudioOnly: false, hasSoundApart: false, isMuxedFragments: false };

  test("TS takes TS, whether its sound is apart or not", () => {
    expect(select(BOTH, TS)).toEqual(plain);
    expect(select(`${BOTH},AUDIO="s"`, TS, SOUND)).toEqual({ ...plain, hasSoundApart: true });
  });

  test("fMP4 with its sound apart takes CMAF", () => {
    expect(select(`${BOTH},AUDIO="s"`, FMP4, SOUND)).toEqual({ ...plain, packaging: "cmaf", hasSoundApart: true });
  });

  test("fMP4 with sound and pictures in one takes nothing in line, nor does one that does not say", () => {
    const muxed = { ...plain, packaging: "cmaf", isMuxedFragments: true };
    expect(select(BOTH, FMP4)).toEqual(muxed);
    expect(select("RESOLUTION=640x360", FMP4)).toEqual(muxed);
    expect(selectPackaging(undefined, readFacts(FMP4)).isMuxedFragments).toBe(true);
  });

  test("fMP4 whose main sound is in the variants is muxed, although other languages are apart", () => {
    const own = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="fr"\n';
    expect(select(`${BOTH},AUDIO="s"`, FMP4, own + SOUND)).toMatchObject({ isMuxedFragments: true });
  });

  test("sound alone takes sound alone, in its own packaging", () => {
    expect(select('CODECS="mp4a.40.2"', TS)).toEqual({ ...plain, isAudioOnly: true });
    expect(select('CODECS="mp4a.40.2"', FMP4)).toEqual({ ...plain, packaging: "cmaf", isAudioOnly: true });
  });
});

describe("asSound", () => {
  test("the playlist of a variant without pictures takes ads as a playlist of sound does", () => {
    const master = parseMasterPlaylist(
      `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,${BOTH}\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=80000,CODECS="mp4a.40.2"\na.m3u8\n`,
    );
    const kinds = [900_000, 80_000, undefined].map((bandwidthBps) => {
      const content = { url: new URL("https://s.example/x.m3u8"), bandwidthBps, kind: "main" } as const;
      return asSound({ text: TS, content, trackKey: "x" }, master).content.kind;
    });
    expect(kinds).toEqual(["main", "audio", "main"]);
  });
});
