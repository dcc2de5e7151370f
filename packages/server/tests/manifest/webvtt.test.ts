import { type MediaPlaylist, parseMediaPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createSigner } from "../../src/manifest/signature.ts";
import {
  createSubtitleClipper,
  readClip,
  WEBVTT_PURPOSE,
  type WebVttClip,
} from "../../src/manifest/subtitles/webvtt.ts";

const signer = createSigner("secret", WEBVTT_PURPOSE);
const baseUrl = new URL("https://manifest.example/");
const SESSION = "0b2f6b1e-8a51-4a0c-9a42-3b1f6f9d8c11";

interface Listed {
  readonly tags?: readonly string[];
  readonly isLive?: boolean;
  readonly first?: number;
}

/** Segments of the given durations, `https://cdn.example/{name}{media sequence number}`; `tags` stand before the one with their index. */
function playlist(
  name: string,
  durations: readonly number[],
  { tags = [], isLive = false, first = 0 }: Listed = {},
): MediaPlaylist {
  const segments = durations.map((duration, index) => {
    const own = tags[index] ? `${tags[index]}\n` : "";
    return `${own}#EXTINF:${duration},\nhttps://cdn.example/${name}${first + index}\n`;
  });
  const head = `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:30\n#EXT-X-MEDIA-SEQUENCE:${first}\n`;
  return parseMediaPlaylist(`${head}${segments.join("")}${isLive ? "" : "#EXT-X-ENDLIST\n"}`);
}

/** What the clipper says of a part of a subtitle segment, read back from the address. */
function clip(
  subtitles: MediaPlaylist,
  media: MediaPlaylist | undefined,
  part: { readonly name: string; readonly from?: number; readonly to?: number },
): WebVttClip | undefined {
  const clipper = createSubtitleClipper({ sessionId: SESSION, signer, baseUrl, subtitles, media });
  const address = new URL(
    clipper({ uri: `https://cdn.example/${part.name}`, duration: 6, from: part.from, to: part.to }),
  );
  const read = readClip(address.pathname + address.search, signer);
  expect(read?.sessionId ?? SESSION).toBe(SESSION);
  return read?.clip;
}

const SIXES = [6, 6, 6];

describe("createSubtitleClipper", () => {
  test("the address says which part, where the segment stands, and which media segment tells its time", () => {
    const media = playlist("v", [2, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(clip(playlist("s", SIXES), media, { name: "s1", from: 2.0004 })).toEqual({
      url: "https://cdn.example/s1",
      from: 2,
      to: undefined,
      duration: 6,
      programmeTime: 6,
      reference: { url: "https://cdn.example/v4", start: 0, mapUrl: undefined, offset: -2 },
    });
  });

  test("both sides of a break are cut by the same time stamp", () => {
    const media = playlist("v", [2.02, 1.98, 2.02, 1.98, 2]);
    const [before, after] = [{ to: 4 }, { from: 4 }].map((part) =>
      clip(playlist("s", SIXES), media, { name: "s0", ...part }),
    );
    expect(before?.reference).toEqual({ url: "https://cdn.example/v2", start: 0, mapUrl: undefined, offset: -4 });
    expect(after?.reference).toEqual(before?.reference);
  });

  test("where the media's clock jumps at the break the side before is cut by the segment before", () => {
    const media = playlist("v", SIXES, { tags: ["", "#EXT-X-DISCONTINUITY"] });
    expect(clip(playlist("s", SIXES), media, { name: "s0", to: 6 })?.reference?.url).toBe("https://cdn.example/v0");
    expect(clip(playlist("s", SIXES), media, { name: "s1", from: 0 })?.reference?.url).toBe("https://cdn.example/v1");
  });

  test("a window may reach over the segment's edges, for a cue that several segments hold", () => {
    expect(clip(playlist("s", SIXES), playlist("v", SIXES), { name: "s0", to: 12 })).toMatchObject({
      to: 12,
      reference: { url: "https://cdn.example/v2", offset: -12 },
    });
    expect(clip(playlist("s", SIXES), playlist("v", SIXES), { name: "s2", from: -6 })).toMatchObject({
      from: -6,
      reference: { url: "https://cdn.example/v1", offset: 6 },
    });
  });

  test("the map and the byte range of fMP4 go with its segment", () => {
    const tags = ['#EXT-X-MAP:URI="https://cdn.example/init"\n#EXT-X-BYTERANGE:500@700'];
    expect(clip(playlist("s", SIXES), playlist("v", [18], { tags }), { name: "s1", from: 0 })?.reference).toEqual({
      url: "https://cdn.example/v0",
      start: 700,
      mapUrl: "https://cdn.example/init",
      offset: 6,
    });
  });

  test("segments of AES-128 tell no time, those of SAMPLE-AES do", () => {
    const encrypted = (method: string): MediaPlaylist =>
      playlist("v", SIXES, { tags: [`#EXT-X-KEY:METHOD=${method},URI="https://cdn.example/key"`] });
    expect(clip(playlist("s", SIXES), encrypted("AES-128"), { name: "s0", to: 6 })?.reference).toBeUndefined();
    expect(clip(playlist("s", SIXES), encrypted("SAMPLE-AES"), { name: "s0", to: 6 })?.reference).toBeDefined();
    expect(clip(playlist("s", SIXES), undefined, { name: "s0", to: 6 })).toMatchObject({ programmeTime: 0 });
  });

  describe("live", () => {
    const dated = (time: string): readonly string[] => [`#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:${time}Z`];
    const isLive = true;

    test("dates tie subtitles and media together, whatever their numbers", () => {
      const subtitles = playlist("s", SIXES, { isLive, first: 7, tags: dated("12.000") });
      const media = playlist("v", [2, 2, 2, 2, 2, 2, 2], { isLive, first: 400, tags: dated("10.000") });
      expect(clip(subtitles, media, { name: "s7", from: 2 })).toMatchObject({
        programmeTime: undefined,
        reference: { url: "https://cdn.example/v402", offset: -2 },
      });
    });

    test("without dates the numbers do, where the segments are equally long", () => {
      const media = playlist("v", SIXES, { isLive, first: 6 });
      const same = playlist("s", SIXES, { isLive, first: 7 });
      expect(clip(same, media, { name: "s7", from: 0 })?.reference).toMatchObject({
        url: "https://cdn.example/v7",
        offset: 0,
      });
      const other = playlist("s", [4, 4], { isLive, first: 7 });
      expect(clip(other, media, { name: "s7", from: 0 })?.reference).toBeUndefined();
    });
  });

  test.each([
    ["encrypted", '#EXT-X-KEY:METHOD=AES-128,URI="https://cdn.example/key"'],
    ["in fMP4", '#EXT-X-MAP:URI="https://cdn.example/init"'],
    ["part of a file", "#EXT-X-BYTERANGE:500@0"],
  ])("a segment that is %s keeps its address", (_name, tag) => {
    const subtitles = playlist("s", SIXES, { tags: [tag] });
    const clipper = createSubtitleClipper({ sessionId: SESSION, signer, baseUrl, subtitles, media: undefined });
    const uri = "https://cdn.example/s0";
    expect(clipper({ uri, duration: 6, from: 0, to: 3 })).toBe(uri);
  });

  test("a segment that is not cut, not http, or not in the playlist keeps its address", () => {
    const subtitles = parseMediaPlaylist(
      "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\ndata:text/vtt,WEBVTT\n#EXTINF:6,\nhttps://a.example/1\n",
    );
    const clipper = createSubtitleClipper({ sessionId: SESSION, signer, baseUrl, subtitles, media: undefined });
    for (const uri of ["data:text/vtt,WEBVTT", "https://other.example/", "file:///etc/passwd"]) {
      expect(clipper({ uri, duration: 6, from: 0, to: 3 })).toBe(uri);
    }
    const uri = "https://a.example/1";
    expect(clipper({ uri, duration: 6, from: undefined, to: undefined })).toBe(uri);
    expect(clipper({ uri, duration: 6, from: 0, to: undefined })).not.toBe(uri);
  });

  test("says the same of the same part in every refresh of a live playlist that still lists both segments", () => {
    const isLive = true;
    const addresses = [0, 1].map((slid) => {
      const subtitles = playlist("s", SIXES, { isLive, first: slid });
      const media = playlist("v", SIXES, { isLive, first: slid });
      const clipper = createSubtitleClipper({ sessionId: SESSION, signer, baseUrl, subtitles, media });
      return clipper({ uri: "https://cdn.example/s2", duration: 6, from: 0, to: undefined });
    });
    expect(addresses[0]).toBe(addresses[1]);
  });
});

describe("readClip", () => {
  const subtitles = playlist("s", SIXES);
  const clipper = createSubtitleClipper({
    sessionId: SESSION,
    signer,
    baseUrl,
    subtitles,
    media: playlist("v", SIXES),
  });
  const { pathname, search } = new URL(clipper({ uri: "https://cdn.example/s1", duration: 6, from: 0, to: undefined }));
  const address = pathname + search;

  test.each([
    ["another session", address.replace(SESSION, "11111111-8a51-4a0c-9a42-3b1f6f9d8c11")],
    [
      "another segment",
      address.replace(/[\w-]+\.vtt/, `${Buffer.from("http://169.254.169.254/").toString("base64url")}.vtt`),
    ],
    ["another cut", address.replace("from=0", "from=1")],
    [
      "another media segment",
      address.replace(/media=[\w-]+/, `media=${Buffer.from("http://10.0.0.1/").toString("base64url")}`),
    ],
    ["a further parameter", address.replace("&sig=", "&to=3&sig=")],
    ["a parameter behind the signature", `${address}&from=2`],
    ["no signature", address.replace(/&sig=.*/, "")],
    ["an empty signature", address.replace(/&sig=.*/, "&sig=")],
    ["a cut signature", address.slice(0, -1)],
    ["a second question mark", address.replace("?", "?a?")],
  ])("refuses %s", (_name, changed) => {
    expect(readClip(address, signer)).toBeDefined();
    expect(readClip(changed, signer)).toBeUndefined();
  });

  test("refuses what was signed for another purpose, or with another secret", () => {
    expect(readClip(address, createSigner("secret", "segment link"))).toBeUndefined();
    expect(readClip(address, createSigner("other", WEBVTT_PURPOSE))).toBeUndefined();
  });
});
