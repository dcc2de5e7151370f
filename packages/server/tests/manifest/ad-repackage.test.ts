import { type CreativeState, creativeKey } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createTrace } from "../../src/manifest/trace.ts";
import { copyPath, LIVE_6, master, reasons, type Routes, SOUND, TS_6, type World, world } from "./ad-pod-world.ts";
import { hls, inLine, mediaPlaylist, mp4, wrapper } from "./ad-world.ts";

describe("an MP4 creative", () => {
  const CREATIVE = "https://video.example/spot.mp4?v=1";

  test("whose copy is on the CDN is inserted from there, without a word to CRS", async () => {
    const { resolve, cdn, orders } = await world({
      [copyPath(CREATIVE)]: master([["/v1/720p.m3u8", 2_000_000]]),
      "/v1/720p.m3u8": mediaPlaylist([6, 4]),
    });
    const pod = await resolve(inLine({ id: "a", media: mp4(CREATIVE) }));
    expect(pod.ads).toMatchObject([{ isRepackaged: true, playlistUrl: `${cdn.origin}${copyPath(CREATIVE)}` }]);
    expect(orders).toEqual([]);
    expect(cdn.urls()).toEqual([copyPath(CREATIVE), "/v1/720p.m3u8"]);
  });

  test("whose copy is on the CDN is still asked for where timed metadata is wanted, since the copy may have none", async () => {
    const { resolve, orders } = await world({
      [copyPath(CREATIVE)]: master([["/v1/720p.m3u8", 2_000_000]]),
      "/v1/720p.m3u8": mediaPlaylist([6, 4]),
    });
    const ad = inLine({ id: "a", media: mp4(CREATIVE) });
    const pods = [await resolve(ad, { id3: true }), await resolve(ad, { id3: true })];
    expect(pods.flatMap(({ ads }) => ads)).toHaveLength(2);
    expect(orders).toMatchObject([{ creativeUrl: CREATIVE, targetDuration: 6, id3: true }]);
  });

  test("that is new is logged, CRS is asked for it, and the break goes on without it", async () => {
    const { resolve, orders, logged } = await world({ "/ad.m3u8": mediaPlaylist([5, 5]) });
    const trace = createTrace();
    const pod = await resolve(
      wrapper("w", "http://127.0.0.1:1/") +
        inLine({ id: "a", sequence: 1, media: mp4(CREATIVE) }) +
        inLine({ id: "b", sequence: 2, media: hls("CDN/ad.m3u8") }),
      { id3: true },
      trace,
    );
    expect(orders).toEqual([
      {
        zone: "1",
        creativeUrl: CREATIVE,
        packaging: "hls",
        targetDuration: 6,
        adSystem: "Sys",
        adId: "a",
        creativeId: "cr-a",
        id3: true,
      },
    ]);
    expect(reasons(pod)).toEqual(["ads-timeout", "new-creative"]);
    expect(pod.ads.map(({ adId }) => adId)).toEqual(["b"]);
    expect(logged).toEqual([expect.objectContaining({ creativeUrl: CREATIVE, reason: "new-creative" })]);
    const record = trace.records.find(({ type }) => type === "TRACE_TRANSCODING_REQUESTED");
    expect(record?.fields).toEqual(["VAST:Sys:a:cr-a", CREATIVE, "video/mp4", "ID3", 6]);
  });

  test.each([
    ["queued", "repackage-in-progress"],
    ["transcoding", "repackage-in-progress"],
    ["ready", "repackage-in-progress"],
    ["failed", "repackage-failed"],
    ["blocked", "creative-blocked"],
  ] as const)("that CRS knows as %s is skipped as %s", async (before: CreativeState, reason) => {
    const { resolve } = await world({}, async (order) => ({ key: creativeKey(order.zone, order.creativeUrl), before }));
    expect(reasons(await resolve(inLine({ id: "a", media: mp4(CREATIVE) })))).toEqual([reason]);
  });

  test.each([
    ["the block list is against it", "creative-blocked", "creative-blocked"],
    ["the queue is full", "queue-full", "repackage-unavailable"],
    ["the database is away", "ECONNREFUSED", "repackage-unavailable"],
    ["CRS does not take the URL", "url-malformed", "repackage-refused"],
  ])("is skipped as what it is where %s", async (_name, code, reason) => {
    const { resolve } = await world({}, () => Promise.reject(Object.assign(new Error("no"), { code })));
    expect(reasons(await resolve(inLine({ id: "a", media: mp4(CREATIVE) })))).toEqual([reason]);
  });

  test("is skipped where repackaging is off, and where CRS computes another key", async () => {
    const off = await world({}, "off");
    expect(reasons(await off.resolve(inLine({ id: "a", media: mp4(CREATIVE) })))).toEqual(["repackage-unavailable"]);
    const other = await world({}, async () => ({ key: "another", before: "absent" }));
    expect(reasons(await other.resolve(inLine({ id: "a", media: mp4(CREATIVE) })))).toEqual(["key-mismatch"]);
  });

  test("is looked for on the CDN that ptcdn names; one that the zone does not have costs the ads", async () => {
    const { resolve, cdn } = await world({});
    await resolve(inLine({ id: "a", media: mp4(CREATIVE) }), { cdn: "other" });
    expect(cdn.urls()).toEqual([copyPath(CREATIVE, TS_6, "other")]);
    const unknown = await resolve(inLine({ id: "a", media: mp4(CREATIVE) }), { cdn: "nowhere" });
    expect(reasons(unknown)).toEqual(["cdn-error"]);
  });

  test("on a CDN that answers 500 is a fault of the CDN", async () => {
    const { resolve } = await world({
      [copyPath(CREATIVE)]: (_request, response) => void response.writeHead(500).end(),
    });
    expect(reasons(await resolve(inLine({ id: "a", media: mp4(CREATIVE) })))).toEqual(["cdn-error"]);
  });

  test("that a hundred viewers miss at once is one probe, one order and one line in the log", async () => {
    const { resolve, cdn, orders, logged } = await world({});
    const pods = await Promise.all(
      Array.from({ length: 100 }, () => resolve(inLine({ id: "a", media: mp4(CREATIVE) }))),
    );
    expect(cdn.urls()).toEqual([copyPath(CREATIVE)]);
    expect(orders).toHaveLength(1);
    expect(logged).toHaveLength(1);
    expect(new Set(pods.flatMap(reasons))).toEqual(new Set(["new-creative"]));
  });

  test("for content below two seconds has no copy that fits", async () => {
    const { resolve, orders } = await world({});
    const pod = await resolve(inLine({ id: "a", media: mp4(CREATIVE) }), { splice: { ...LIVE_6, targetDuration: 1 } });
    expect(reasons(pod)).toEqual(["target-duration-exceeded"]);
    expect(orders).toEqual([]);
  });

  test("with nothing to transcode says so in the trace", async () => {
    const { resolve } = await world({});
    const trace = createTrace();
    const pod = await resolve(
      inLine({ id: "a;b:c", media: '<MediaFile type="image/gif">https://x.example/a.gif</MediaFile>' }),
      {},
      trace,
    );
    expect(reasons(pod)).toEqual(["unsupported-media-file"]);
    expect(trace.records[0]).toEqual({
      type: "TRACE_TRANSCODING_NO_MEDIA_TO_TRANSCODE",
      fields: ["VAST:Sys:a%3Bb%3Ac:cr-a%3Bb%3Ac"],
    });
  });
});

describe("HLS that does not fit the content", () => {
  async function longAd(routes: Routes): Promise<World & { readonly creative: string }> {
    const found = await world({
      "/ad.m3u8": master([["ten.m3u8", 1000]]),
      "/ten.m3u8": mediaPlaylist([10]),
      ...routes,
    });
    return { ...found, creative: `${found.cdn.origin}/ad.m3u8` };
  }

  test("live, by longer segments, is re-cut: CRS is asked once, and the ad is skipped meanwhile", async () => {
    const { resolve, orders, creative, cdn } = await longAd({});
    const ad = inLine({ id: "a", media: hls("CDN/ad.m3u8") });
    const pods = [await resolve(ad), await resolve(ad)];
    expect(pods.map(reasons)).toEqual([["target-duration-exceeded"], ["target-duration-exceeded"]]);
    expect(pods[0]?.skipped[0]?.message).toContain("new-creative");
    expect(orders).toMatchObject([{ creativeUrl: creative, packaging: "hls", targetDuration: 6 }]);
    expect(cdn.urls()).toEqual(["/ad.m3u8", "/ten.m3u8", copyPath(creative)]);
  });

  test("is replaced by its repackaged copy where the CDN has one", async () => {
    const routes: Record<string, string> = { "/ad.m3u8": mediaPlaylist([10]), "/six.m3u8": mediaPlaylist([6, 4]) };
    const { resolve, cdn, orders } = await world(routes);
    routes[copyPath(`${cdn.origin}/ad.m3u8`)] = master([["/six.m3u8", 1000]]);
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }));
    expect(pod.ads).toMatchObject([{ isRepackaged: true, renditions: [{ url: `${cdn.origin}/six.m3u8` }] }]);
    expect(orders).toEqual([]);
  });

  test("is used as far as it can be while it is re-cut", async () => {
    const { resolve, orders } = await world({
      "/ad.m3u8": master([
        ["ten.m3u8", 1000],
        ["five.m3u8", 2000],
      ]),
      "/ten.m3u8": mediaPlaylist([10]),
      "/five.m3u8": mediaPlaylist([5, 5]),
    });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }));
    expect(pod.ads).toMatchObject([{ isRepackaged: false, renditions: [{ bandwidthBps: 2000 }] }]);
    expect(orders).toHaveLength(1);
  });

  test("in VOD, by longer segments, fits", async () => {
    const { resolve, orders } = await longAd({});
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }), { splice: { ...LIVE_6, isLive: false } });
    expect(pod.ads).toHaveLength(1);
    expect(orders).toEqual([]);
  });

  test.each([
    ["muxed fMP4 in TS", "hls", master([["v.m3u8", 1]]), { map: true }],
    ["muxed fMP4 in CMAF", "cmaf", master([["v.m3u8", 1]]), { map: true }],
    ["one fMP4 playlist in CMAF", "cmaf", undefined, { map: true }],
    ["TS in CMAF", "cmaf", master([["v.m3u8", 1]]), { map: false }],
    ["TS with sound of its own in muxed TS", "hls", master([["v.m3u8", 1]], SOUND), { map: false }],
    [
      "CMAF whose sound cannot be loaded in CMAF",
      "cmaf",
      master([["v.m3u8", 1]], SOUND.replace("sound", "gone")),
      { map: true },
    ],
  ] as const)("%s goes to CRS, and is skipped as no-variant-match", async (_name, packaging, text, options) => {
    const media = mediaPlaylist([5, 5], options);
    const { resolve, orders } = await world({ "/ad.m3u8": text ?? media, "/v.m3u8": media, "/sound.m3u8": media });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }), { splice: { ...LIVE_6, packaging } });
    expect(reasons(pod)).toEqual(["no-variant-match"]);
    expect(orders).toMatchObject([{ packaging }]);
  });

  test("loses its muxed variants in CMAF where it has others", async () => {
    const media = mediaPlaylist([5, 5], { map: true });
    const muxed = "#EXT-X-STREAM-INF:BANDWIDTH=9\nmuxed.m3u8\n";
    const { resolve } = await world({
      "/ad.m3u8": master([["v.m3u8", 1000]], SOUND) + muxed,
      "/v.m3u8": media,
      "/muxed.m3u8": media,
      "/sound.m3u8": media,
    });
    const splice = { ...LIVE_6, packaging: "cmaf" } as const;
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }), { splice });
    expect(pod.ads[0]?.renditions.map(({ bandwidthBps }) => bandwidthBps)).toEqual([1000, 0]);
  });

  test("is no demuxed CMAF in demuxed CMAF, which goes in with its sound", async () => {
    const media = mediaPlaylist([5, 5], { map: true });
    const { resolve, orders, cdn } = await world({
      "/ad.m3u8": master([["v.m3u8", 1000]], SOUND),
      "/v.m3u8": media,
      "/sound.m3u8": media,
    });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }), {
      splice: { ...LIVE_6, packaging: "cmaf" },
    });
    expect(pod.ads[0]?.renditions).toEqual([
      { bandwidthBps: 1000, url: `${cdn.origin}/v.m3u8`, kind: "main" },
      { bandwidthBps: 0, url: `${cdn.origin}/sound.m3u8`, kind: "audio" },
    ]);
    expect(orders).toEqual([]);
  });
});
