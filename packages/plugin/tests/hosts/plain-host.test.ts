/** The host-free entry in a page that is none: what a player would fetch is handed over by hand. */
import { describe, expect, test, vi } from "vitest";
import { createPlainInsertion, type PlainAdInsertion } from "../../src/hosts/plain-host.ts";
import type { AdInsertionOptions } from "../../src/options.ts";
import { createFakeWeb, type FakeWeb, formatMaster, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";

const AD = `${HOST}/ads/one.m3u8`;
const PAGE = `${HOST}/content/`;

function createWeb(): FakeWeb {
  return createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/vast": { text: formatVast({ id: "one", type: "application/x-mpegURL", url: AD }) },
    "/ads/one.m3u8": { text: formatMaster({ 100_000: "one-100.m3u8", 900_000: "one-900.m3u8" }) },
    "/ads/one-100.m3u8": { text: formatVod(2, 4, "low") },
    "/ads/one-900.m3u8": { text: formatVod(2, 4, "high") },
  });
}

function start(web: FakeWeb, options: Partial<AdInsertionOptions> = {}): PlainAdInsertion {
  const breaks = [{ time: 8, adTagUrl: "/vast" }];
  return createPlainInsertion({ zoneUrl: "/v1/zones/1.json", breaks, ...options }, web.createPorts);
}

const MASTER = [
  "#EXTM3U",
  '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",URI="en.m3u8"',
  '#EXT-X-STREAM-INF:BANDWIDTH=200000,SUBTITLES="s"',
  "low.m3u8",
  '#EXT-X-STREAM-INF:BANDWIDTH=1000000,SUBTITLES="s"',
  "high.m3u8",
  "",
].join("\n");

/** Addresses of the segments, without the folder. */
const listSegments = (text: string): readonly string[] =>
  text.split("\n").flatMap((line) => /([^/]+\.(?:ts|vtt))$/.exec(line)?.[1] ?? []);

describe("stitch", () => {
  test("each variant gets the ad's rendition for its bandwidth, which the master playlist tells", async () => {
    const ads = start(createWeb());
    ads.readMaster(MASTER, `${PAGE}master.m3u8`);
    const low = await ads.stitch({ text: formatVod(4), url: `${PAGE}low.m3u8` });
    const high = await ads.stitch({ text: formatVod(4), url: `${PAGE}high.m3u8` });
    ads.destroy();
    const spliced = (ad: string): readonly string[] =>
      ["content-0", "content-1", `${ad}-0`, `${ad}-1`, "content-2", "content-3"].map((name) => `${name}.ts`);
    expect(listSegments(low)).toEqual(spliced("low"));
    expect(listSegments(high)).toEqual(spliced("high"));
  });

  test("a master playlist is read and handed back as it came", async () => {
    const ads = start(createWeb());
    expect(await ads.stitch({ text: MASTER, url: `${PAGE}master.m3u8` })).toBe(MASTER);
    const low = await ads.stitch({ text: formatVod(4), url: `${PAGE}low.m3u8` });
    ads.destroy();
    expect(listSegments(low)).toContain("low-0.ts");
  });

  test("subtitles get no media of an ad", async () => {
    const ads = start(createWeb());
    ads.readMaster(MASTER, `${PAGE}master.m3u8`);
    await ads.stitch({ text: formatVod(4), url: `${PAGE}low.m3u8` });
    const text = await ads.stitch({ text: formatVod(4).replaceAll(".ts", ".vtt"), url: `${PAGE}en.m3u8` });
    ads.destroy();
    expect(text).toContain("content-3.vtt");
    expect(text).not.toMatch(/(low|high)-\d\.ts/);
  });

  test("what the player says of a playlist counts before what the master says", async () => {
    const ads = start(createWeb());
    ads.readMaster(MASTER, `${PAGE}master.m3u8`);
    const text = await ads.stitch({ text: formatVod(4), url: `${PAGE}low.m3u8`, bandwidthBps: 2_000_000 });
    ads.destroy();
    expect(listSegments(text)).toContain("high-0.ts");
  });

  test("a text that is no playlist comes back, and the error event tells", async () => {
    const ads = start(createWeb());
    const codes: string[] = [];
    ads.on("error", ({ code }) => codes.push(code));
    const text = "<html>#EXTINF:</html>";
    expect(await ads.stitch({ text, url: `${PAGE}low.m3u8` })).toBe(text);
    ads.destroy();
    expect(codes).toEqual(["playlist-malformed"]);
  });

  test("a wrong address costs no content", async () => {
    const ads = start(createWeb());
    const text = formatVod(4);
    expect(await ads.stitch({ text, url: "http://" })).toBe(text);
    ads.destroy();
  });

  test("after destroy playlists come back as they came", async () => {
    const ads = start(createWeb());
    ads.destroy();
    const text = formatVod(4);
    expect(await ads.stitch({ text, url: `${PAGE}low.m3u8` })).toBe(text);
  });
});

describe("times", () => {
  test("content time leaves the ad out, by what the stitched playlist lists", async () => {
    const ads = start(createWeb());
    await ads.stitch({ text: formatVod(4), url: `${PAGE}low.m3u8` });
    const [placed] = ads.breaks;
    expect(placed).toMatchObject({ state: "placed", startTime: 8, duration: 8, contentTime: 8 });
    expect([4, 8, 12, 16, 20].map(ads.toContentTime)).toEqual([4, 8, 8, 8, 12]);
    expect(ads.toStreamTime(10)).toBe(18);
    ads.destroy();
  });
});

describe("live", () => {
  const ORIGIN = Date.parse("2026-01-01T00:00:00Z");
  /** RFC 8216 §6.2.2: six segments of a sliding window, dated; an avail of two segments begins at number 6, and is announced before. */
  const formatWindow = (first: number): string => {
    const lines = Array.from({ length: 7 }, (_, index) => {
      const number = first + index;
      const date = new Date(ORIGIN + number * 4000).toISOString();
      const cue = number === 6 ? "#EXT-X-CUE-OUT:8\n" : number === 8 ? "#EXT-X-CUE-IN\n" : "";
      return cue + (index < 6 ? `#EXT-X-PROGRAM-DATE-TIME:${date}\n#EXTINF:4.000000,\ncontent-${number}.ts\n` : "");
    });
    return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${lines.join("")}`;
  };

  test("a window that has moved on lies where its numbers put it on the player's timeline", async () => {
    const ads = start(createWeb(), { breaks: [], adTagUrl: "/vast", live: true });
    ads.watch(null, 100);
    const url = `${PAGE}live.m3u8`;
    await ads.stitch({ text: formatWindow(0), url });
    const isPlaced = async (): Promise<boolean> => {
      await ads.stitch({ text: formatWindow(1), url });
      return ads.breaks.some(({ state }) => state === "placed");
    };
    await vi.waitUntil(isPlaced, { timeout: 60_000 });
    const text = await ads.stitch({ text: formatWindow(3), url });
    expect(listSegments(text)).toEqual(expect.arrayContaining(["high-0.ts", "high-1.ts"]));
    // number 0 was at 100 s
    expect(ads.breaks[0]).toMatchObject({ state: "placed", startTime: 124, duration: 8 });
    // and may turn out to have been elsewhere
    ads.watch(null, 1000);
    expect(ads.breaks[0]).toMatchObject({ startTime: 1024 });
    ads.destroy();
  });
});
