/** Breaks as interstitials: what is declared, as another parser reads it, and where the plugin counts them. */
import { parse, types } from "hls-parser";
import { describe, expect, test } from "vitest";
import type { BreakEntry } from "../../src/ads/break-entry.ts";
import { createHlsAds } from "../../src/ads/hls-ads.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import { readFacts } from "../../src/content/content.ts";
import { declareBreaks, describePieces, readBreakIndex } from "../../src/content/interstitials.ts";
import type { ReadyAd } from "../../src/insertion.ts";
import { formatVod } from "../fake-web.ts";

/** Five segments of 4 s. */
const FMP4 = formatVod(5)
  .replace("#EXT-X-VERSION:3", "#EXT-X-VERSION:7")
  .replace("#EXTINF", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF');
const DATED = FMP4.replace("#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:2026-05-01T10:00:00.000+02:00\n#EXTINF");

function readyAd(url: string, duration: number): ReadyAd {
  const [ad] = createHlsAds([new URL(url)]);
  const [creative] = ad?.creatives ?? [];
  if (!ad || !creative) throw new Error("expected an ad with a creative, got none");
  return { ad, creative, mediaUrl: url, renditions: [], duration };
}

/** A break with its ads; `replaces` in seconds of content. */
function ready(time: number | "end", ads: readonly ReadyAd[], replaces?: number): BreakEntry {
  const planned = planAlone(`at-${time}`, time === "end" ? time : { seconds: time }, { kind: "none" });
  return {
    planned: { ...planned, replaces },
    time,
    status: "placed",
    reason: undefined,
    ads,
    refused: new Set(),
  };
}

const A = readyAd('https://ads.example/a.m3u8?q="x",y&z=1', 6);
const B = readyAd("https://ads.example/b.m3u8", 3.5);

function declare(
  text: string,
  entries: readonly BreakEntry[],
  kind: "main" | "audio" = "main",
): ReturnType<typeof declareBreaks> {
  const content = { url: new URL("https://s.example/v.m3u8"), bandwidthBps: undefined, kind };
  return declareBreaks({ text, content, trackKey: "v" }, entries, entries, readFacts(text));
}

/** The only interstitial of a playlist, and the date of its first segment. */
function readInterstitial(text: string): {
  readonly date: string | undefined;
  readonly range: types.DateRange | undefined;
} {
  const playlist = parse(text);
  if (!(playlist instanceof types.MediaPlaylist)) throw new Error("expected a media playlist, got a master");
  const [first] = playlist.segments;
  return { date: first?.programDateTime?.toISOString(), range: first?.dateRange ?? undefined };
}

const PREFIX = "data:application/json,";
function readAssets(range: types.DateRange | undefined): unknown {
  const list = range?.attributes["X-ASSET-LIST"];
  if (typeof list !== "string" || !list.startsWith(PREFIX)) throw new Error("expected a list by data:, got another");
  return JSON.parse(decodeURIComponent(list.slice(PREFIX.length)));
}

describe("declareBreaks", () => {
  test("a break is an interstitial at the segment boundary nearest to it, with its ads in an asset list", () => {
    const { date, range } = readInterstitial(declare(FMP4, [ready(9, [A, B])]).text);
    expect(date).toBe("2000-01-01T00:00:00.000Z");
    expect(range).toMatchObject({ id: "interlude-0", classId: "com.apple.hls.interstitial" });
    expect(range?.start?.toISOString()).toBe("2000-01-01T00:00:08.000Z");
    expect(readAssets(range)).toEqual({
      ASSETS: [
        { URI: A.mediaUrl, DURATION: 6 },
        { URI: B.mediaUrl, DURATION: 3.5 },
      ],
    });
  });

  test("content that has dates keeps them, and the break is dated by them", () => {
    const { text } = declare(DATED, [ready(8, [A])]);
    expect(text.match(/PROGRAM-DATE-TIME/g)).toHaveLength(1);
    expect(readInterstitial(text).range?.start?.toISOString()).toBe("2026-05-01T08:00:08.000Z");
  });

  test("a pre-roll plays once before all else, a post-roll behind all, and nothing else has a cue", () => {
    const cueOf = (time: number | "end"): unknown => /CUE="([^"]*)"/.exec(declare(FMP4, [ready(time, [A])]).text)?.[1];
    expect([cueOf(0), cueOf(8), cueOf("end")]).toEqual(["PRE,ONCE", undefined, "POST"]);
    const { range } = readInterstitial(declare(FMP4, [ready("end", [A])]).text);
    expect(range?.start?.toISOString()).toBe("2000-01-01T00:00:20.000Z");
  });

  test("content goes on where it was left, or behind what gives way to the break", () => {
    const offsetOf = (replaces?: number): unknown =>
      /X-RESUME-OFFSET=([\d.]+)/.exec(declare(FMP4, [ready(8, [A], replaces)]).text)?.[1];
    expect([offsetOf(), offsetOf(7)]).toEqual(["0.000", "8.000"]);
  });

  test("playlists of sound, and content without breaks, stay as they came", () => {
    expect(declare(FMP4, [ready(8, [A])], "audio").text).toBe(FMP4);
    const refused = ready(8, [A]);
    refused.refused.add(A);
    for (const entries of [[], [ready(8, [])], [refused]]) expect(declare(FMP4, entries).text).toBe(FMP4);
  });

  test("a break is counted as if it were in the playlist, those before it included", () => {
    const { breaks } = declare(FMP4, [ready(8, [A, B], 4), ready(0, [B]), ready("end", [A])]);
    expect(
      breaks.map(({ breakId, contentTime, startTime, duration }) => [breakId, contentTime, startTime, duration]),
    ).toEqual([
      ["at-0", 0, 0, 3.5],
      ["at-8", 8, 11.5, 9.5],
      ["at-end", 20, 29, 6],
    ]);
    expect(breaks.map(({ replaced }) => replaced)).toEqual([undefined, 4, undefined]);
  });

  test("interstitials are named by their break, and no other is taken for one", () => {
    const { text } = declare(FMP4, [ready(0, []), ready(8, [A])]);
    const { range } = readInterstitial(text);
    expect(readBreakIndex(String(range?.id))).toBe(1);
    expect(["interlude-", "x-interlude-1", "interlude-1a", ""].map(readBreakIndex)).toEqual(Array(4).fill(undefined));
  });
});

describe("describePieces", () => {
  test("content and ads take turns, numbered as the breaks say", () => {
    const { breaks } = declare(FMP4, [ready(0, [B]), ready(8, [A, B])]);
    const pieces = describePieces(breaks);
    expect(pieces.map(({ start, end }) => [start, end])).toEqual([
      [0, 0],
      [0, 3.5],
      [3.5, 11.5],
      [11.5, 17.5],
      [17.5, 21],
      [21, Infinity],
    ]);
    for (const { startTime, ads } of breaks.flatMap((placed) =>
      placed.ads.map((ad) => ({ startTime: ad.startTime, ads: ad })),
    ))
      expect(pieces[ads.firstMediaSequence]?.start).toBe(startTime);
  });

  test("without a break there is nothing but content", () => {
    expect(describePieces([])).toEqual([{ sn: 0, start: 0, end: Infinity }]);
  });
});
