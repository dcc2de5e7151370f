import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { createAdPlaylists } from "../../src/manifest/ads/ad-playlists.ts";
import type { DecidedAd } from "../../src/manifest/breaks/decision.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { answering, manifestFetch, mediaPlaylist } from "./ad-world.ts";

function decidedAd(urls: readonly string[]): DecidedAd {
  return {
    adId: "a",
    adSystem: "S",
    title: "",
    creativeId: "c",
    sequence: 1,
    duration: 6,
    playlistUrl: urls[0] ?? "",
    isRepackaged: true,
    renditions: urls.map((url, index) => ({
      url,
      bandwidthBps: (index + 1) * 1000,
      kind: index === 0 ? "main" : "audio",
    })),
    trackers: [],
    errors: ["https://t.example/e"],
    clickThrough: undefined,
    clickTrackers: [],
    companions: [],
    wrapperAdIds: [],
  };
}

describe("the playlists of an ad", () => {
  test("are fetched once and are the same object for every session", async () => {
    const cdn = await answering({ "/a.m3u8": mediaPlaylist([2, 2]), "/b.m3u8": mediaPlaylist([4]) });
    const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => 0 });
    const traces = Array.from({ length: 50 }, createTrace);
    const urls = [`${cdn.origin}/a.m3u8`, `${cdn.origin}/b.m3u8`];
    const ads = await Promise.all(traces.map((trace) => playlists.load(decidedAd(urls), trace)));
    const late = createTrace();
    ads.push(await playlists.load(decidedAd(urls), late));
    expect(cdn.urls().toSorted()).toEqual(["/a.m3u8", "/b.m3u8"]);
    const found = ads.map((ad) => ("renditions" in ad ? ad.renditions[0]?.playlist : undefined));
    expect(found[0]?.segments).toHaveLength(2);
    expect(new Set(found).size).toBe(1);
    expect(ads[0]).toMatchObject({ adId: "a", renditions: [{ kind: "main", bandwidthBps: 1000 }, { kind: "audio" }] });
    expect(traces[0]).toMatchObject({ adManifestHits: 0, adManifestMisses: 2 });
    expect(late).toMatchObject({ adManifestHits: 2, adManifestMisses: 0, adManifestMs: 0, adManifestSumMs: 0 });
  });

  test("count in the trace as a sum, and as the time in which any was under way", async () => {
    const open: (() => void)[] = [];
    const route = (_request: unknown, response: ServerResponse): void => {
      open.push(() => void response.end(mediaPlaylist([2])));
      if (open.length === 2) setTimeout(() => open.forEach((answer) => answer()), 100);
    };
    const cdn = await answering({ "/a": route, "/b": route });
    const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => 0 });
    const trace = createTrace();
    await playlists.load(decidedAd([`${cdn.origin}/a`, `${cdn.origin}/b`]), trace);
    expect(trace.adManifestMs).toBeGreaterThanOrEqual(95);
    expect(trace.adManifestSumMs).toBeGreaterThanOrEqual(trace.adManifestMs + 95);
  });

  test("that cannot be loaded are left out", async () => {
    const cdn = await answering({ "/a.m3u8": mediaPlaylist([2]) });
    const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => 0 });
    const ad = await playlists.load(decidedAd([`${cdn.origin}/gone`, `${cdn.origin}/a.m3u8`]), createTrace());
    expect(ad).toMatchObject({ renditions: [{ bandwidthBps: 2000 }] });
  });

  test.each([
    ["404", (response: ServerResponse) => response.writeHead(404).end(), "media-unavailable"],
    ["a page", (response: ServerResponse) => response.end("<html>"), "media-unavailable"],
    [
      "a live playlist",
      (response: ServerResponse) => response.end(mediaPlaylist([2], { end: false })),
      "media-unavailable",
    ],
    ["no segments", (response: ServerResponse) => response.end(mediaPlaylist([])), "media-unavailable"],
    [
      "I-frames",
      (response: ServerResponse) =>
        response.end(mediaPlaylist([2]).replace("#EXTINF", "#EXT-X-I-FRAMES-ONLY\n#EXTINF")),
      "media-unavailable",
    ],
    [
      "20 MB",
      (response: ServerResponse) => response.end(mediaPlaylist([2]) + "#".repeat(20_000_000)),
      "media-unavailable",
    ],
    ["nothing at all", () => undefined, "media-timeout"],
  ] as const)(
    "which are %s cost the ad and nothing else, for two seconds without asking again",
    async (_name, answer, reason) => {
      const cdn = await answering({ "/a.m3u8": (_request, response) => void answer(response) });
      let now = 0;
      // Only who waits in vain may be cut short: on a busy machine an answer takes its time.
      const timeoutMs = reason === "media-timeout" ? 200 : 30_000;
      const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => now, timeoutMs });
      const ad = decidedAd([`${cdn.origin}/a.m3u8`]);
      expect(await playlists.load(ad, createTrace())).toMatchObject({
        adId: "a",
        reason,
        errors: ["https://t.example/e"],
      });
      now = 1999;
      expect(await playlists.load(ad, createTrace())).toMatchObject({ reason });
      expect(cdn.requests).toHaveLength(1);
      now = 2000;
      await playlists.load(ad, createTrace());
      expect(cdn.requests).toHaveLength(2);
    },
  );

  test("take no more room than they are given; those that were not used longest go first", async () => {
    const cdn = await answering({ "/a": mediaPlaylist([2]), "/b": mediaPlaylist([2]), "/c": mediaPlaylist([2]) });
    const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => 0, maxBytes: 1200 });
    for (const path of ["a", "b", "a", "c", "a", "b"])
      await playlists.load(decidedAd([`${cdn.origin}/${path}`]), createTrace());
    expect(cdn.urls()).toEqual(["/a", "/b", "/c", "/b"]);
  });

  test("are fetched where a rule says, and their segments stay where they were", async () => {
    const cdn = await answering({ "/moved/a.m3u8": mediaPlaylist([2]) });
    const playlists = createAdPlaylists({ fetch: manifestFetch([cdn]), now: () => 0 });
    const rewrite = (url: string): string => url.replace("https://ads.example/", `${cdn.origin}/moved/`);
    const ad = await playlists.load(decidedAd(["https://ads.example/a.m3u8"]), createTrace(), rewrite);
    expect("renditions" in ad && ad.renditions[0]?.url.href).toBe("https://ads.example/a.m3u8");
  });

  test("whose address is none are left out", async () => {
    const playlists = createAdPlaylists({ fetch: manifestFetch([]), now: () => 0 });
    expect(await playlists.load(decidedAd(["nonsense"]), createTrace())).toMatchObject({ reason: "media-unavailable" });
  });
});
