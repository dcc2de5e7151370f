import { describe, expect, test } from "vitest";
import { createTrace } from "../../src/manifest/trace.ts";
import { master, reasons, type Routes, world } from "./ad-pod-world.ts";
import { hls, inLine, mediaPlaylist, mp4 } from "./ad-world.ts";

describe("an HLS creative", () => {
  test("is spliced as it is, with its renditions, trackers, clicks and companions", async () => {
    const companion = `<Creative><CompanionAds><Companion id="k" width="300" height="250"><StaticResource creativeType="image/png">https://c.example/x.png</StaticResource>
      <TrackingEvents><Tracking event="creativeView">https://c.example/view</Tracking></TrackingEvents><CompanionClickTracking>https://c.example/click</CompanionClickTracking></Companion></CompanionAds></Creative>`;
    const { resolve, cdn, orders } = await world({
      "/ad.m3u8": master([
        ["low.m3u8", 300_000],
        ["high.m3u8", 900_000],
      ]),
      "/low.m3u8": mediaPlaylist([6, 4]),
      "/high.m3u8": mediaPlaylist([6, 4.04]),
    });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8"), more: companion }));
    expect(pod.skipped).toEqual([]);
    expect(pod.ads).toEqual([
      {
        adId: "a",
        adSystem: "Sys",
        title: "T",
        creativeId: "cr-a",
        sequence: 1,
        duration: 10.04,
        playlistUrl: `${cdn.origin}/ad.m3u8`,
        isRepackaged: false,
        renditions: [
          { bandwidthBps: 300_000, url: `${cdn.origin}/low.m3u8`, kind: "main" },
          { bandwidthBps: 900_000, url: `${cdn.origin}/high.m3u8`, kind: "main" },
        ],
        trackers: [
          { event: "impression", url: "https://t.example/imp/a", time: 0 },
          { event: "start", url: "https://t.example/start", time: 0 },
          { event: "mute", url: "https://t.example/mute", time: undefined },
        ],
        errors: ["https://t.example/error?c=[ERRORCODE]"],
        clickThrough: "https://shop.example/",
        clickTrackers: ["https://t.example/click"],
        companions: [
          {
            id: "k",
            width: 300,
            height: 250,
            resourceType: "static",
            mimeType: "image/png",
            resource: "https://c.example/x.png",
            clickThrough: undefined,
            trackers: [
              { event: "creativeView", url: "https://c.example/view", time: undefined },
              { event: "clickTracking", url: "https://c.example/click", time: undefined },
            ],
          },
        ],
        wrapperAdIds: [],
      },
    ]);
    expect(orders).toEqual([]);
  });

  test("has its renditions where a redirect of its master led", async () => {
    const { resolve, cdn } = await world({
      "/ad.m3u8": (_request, response) => void response.writeHead(302, { location: "/edge/7/ad.m3u8" }).end(),
      "/edge/7/ad.m3u8": master([["v.m3u8", 1]]),
      "/edge/7/v.m3u8": mediaPlaylist([5, 5]),
    });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }));
    expect(pod.ads[0]?.renditions).toMatchObject([{ url: `${cdn.origin}/edge/7/v.m3u8` }]);
  });

  test("is fetched where a rule says, and keeps its own addresses", async () => {
    const { resolve, cdn } = await world({
      "/moved/ad.m3u8": master([["v.m3u8", 1]]),
      "/moved/v.m3u8": mediaPlaylist([5, 5]),
    });
    const rewrite = (url: string): string => url.replace("https://ads.example/", `${cdn.origin}/moved/`);
    const pod = await resolve(inLine({ id: "a", media: hls("https://ads.example/ad.m3u8") }), { rewrite });
    expect(pod.ads).toMatchObject([
      { playlistUrl: "https://ads.example/ad.m3u8", renditions: [{ url: "https://ads.example/v.m3u8" }] },
    ]);
  });

  test("that is one media playlist is fetched once", async () => {
    const { resolve, cdn } = await world({ "/ad.m3u8": mediaPlaylist([5, 5]) });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }));
    expect(pod.ads[0]).toMatchObject({ renditions: [{ bandwidthBps: 0, kind: "main" }], duration: 10 });
    expect(cdn.urls()).toEqual(["/ad.m3u8"]);
  });

  test("loses the renditions that cannot be loaded, and no more", async () => {
    const { resolve, cdn } = await world({
      "/ad.m3u8": master([
        ["gone.m3u8", 1],
        ["live.m3u8", 2],
        ["good.m3u8", 3],
        ["javascript:alert(1)", 4],
      ]),
      "/live.m3u8": mediaPlaylist([5, 5], { end: false }),
      "/good.m3u8": mediaPlaylist([5, 5]),
    });
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8") }));
    expect(pod.ads[0]?.renditions).toEqual([{ bandwidthBps: 3, url: `${cdn.origin}/good.m3u8`, kind: "main" }]);
  });

  test.each([
    ["that is not there", {}],
    ["whose renditions are not there", { "/ad.m3u8": master([["gone.m3u8", 1]]) }],
    ["without variants", { "/ad.m3u8": '#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"\n' }],
    ["that is a page", { "/ad.m3u8": "<html>" }],
    ["that is live", { "/ad.m3u8": mediaPlaylist([5, 5], { end: false }) }],
  ])("%s is media-unavailable, and costs no other ad", async (_name, routes: Routes) => {
    const { resolve } = await world({ ...routes, "/good.m3u8": mediaPlaylist([5, 5]) });
    const pod = await resolve(
      inLine({ id: "bad", sequence: 1, media: hls("CDN/ad.m3u8") }) +
        inLine({ id: "good", sequence: 2, media: hls("CDN/good.m3u8") }),
    );
    expect(reasons(pod)).toEqual(["media-unavailable"]);
    expect(pod.skipped[0]).toMatchObject({
      adId: "bad",
      adSystem: "Sys",
      creativeId: "cr-bad",
      errors: ["https://t.example/error?c=[ERRORCODE]"],
    });
    expect(pod.ads.map(({ adId, sequence }) => [adId, sequence])).toEqual([["good", 2]]);
  });

  test("whose media is more than a second and a tenth off what VAST declares is skipped", async () => {
    const { resolve } = await world({ "/ad.m3u8": mediaPlaylist([6, 5]), "/long.m3u8": mediaPlaylist([6, 6]) });
    const near = await resolve(inLine({ id: "a", media: hls("CDN/ad.m3u8"), duration: "00:00:10" }));
    const far = await resolve(inLine({ id: "a", media: hls("CDN/long.m3u8"), duration: "00:00:10" }));
    expect(near.ads).toHaveLength(1);
    expect(reasons(far)).toEqual(["duration-mismatch"]);
  });
});

describe("a pod", () => {
  test("keeps its order, and stand-ins take the places of ads that cannot be played, each once", async () => {
    const { resolve } = await world({
      "/1.m3u8": mediaPlaylist([5, 5]),
      "/2.m3u8": mediaPlaylist([5, 5]),
      "/3.m3u8": mediaPlaylist([5, 5]),
    });
    const pod = await resolve(
      inLine({ id: "last", sequence: 4, media: hls("CDN/1.m3u8") }) +
        inLine({ id: "lost-1", sequence: 1, media: hls("CDN/gone-1") }) +
        inLine({ id: "stand-in-bad", media: hls("CDN/gone-2") }) +
        inLine({ id: "stand-in-1", media: hls("CDN/2.m3u8") }) +
        inLine({ id: "lost-2", sequence: 2, media: hls("CDN/gone-3") }) +
        inLine({ id: "lost-3", sequence: 3, media: hls("CDN/gone-4") }) +
        inLine({ id: "stand-in-2", media: hls("CDN/3.m3u8") }),
    );
    expect(pod.ads.map(({ adId, sequence }) => [adId, sequence])).toEqual([
      ["stand-in-1", 1],
      ["stand-in-2", 2],
      ["last", 4],
    ]);
    expect(pod.skipped.map(({ adId }) => adId).toSorted()).toEqual(["lost-1", "lost-2", "lost-3", "stand-in-bad"]);
  });

  test("without sequences is its first ad; the others stand by", async () => {
    const { resolve } = await world({ "/1.m3u8": mediaPlaylist([5, 5]), "/2.m3u8": mediaPlaylist([5, 5]) });
    const pod = await resolve(
      inLine({ id: "a", media: hls("CDN/1.m3u8") }) + inLine({ id: "b", media: hls("CDN/2.m3u8") }),
    );
    expect(pod.ads.map(({ adId }) => adId)).toEqual(["a"]);
  });

  test("takes the first creative of an ad that can be played", async () => {
    const { resolve } = await world({ "/2.m3u8": mediaPlaylist([5, 5]) });
    const second = `<Creative id="second"><Linear><Duration>00:00:10</Duration><MediaFiles>${hls("CDN/2.m3u8")}</MediaFiles></Linear></Creative>`;
    const pod = await resolve(inLine({ id: "a", media: hls("CDN/gone"), more: second }));
    expect(pod.ads).toMatchObject([{ adId: "a", creativeId: "second" }]);
    expect(pod.skipped).toEqual([]);
  });

  test("leaves a record of every ad that was looked at, and of every one that is inserted", async () => {
    const { resolve, cdn } = await world({ "/1.m3u8": mediaPlaylist([5, 5]) });
    const trace = createTrace();
    await resolve(
      inLine({ id: "a", sequence: 1, media: hls("CDN/1.m3u8") }) +
        inLine({ id: "b", sequence: 2, media: mp4("https://v.example/x.mp4") }),
      {},
      trace,
    );
    const url = `${cdn.origin}/1.m3u8`;
    const records = trace.records.map(({ type, fields }) => [type, ...fields.toSpliced(10, 1)]);
    expect(records.filter(([type]) => type !== "TRACE_TRANSCODING_REQUESTED").toSorted()).toEqual([
      [
        "TRACE_AD_INSERT",
        "OK",
        "avail-1",
        "DIRECT",
        10,
        url,
        url,
        "Sys",
        "VAST:Sys:a:cr-a",
        "cr-a",
        undefined,
        undefined,
      ],
      [
        "TRACE_AD_RESOLVE",
        "OK",
        "avail-1",
        "DIRECT",
        10,
        url,
        url,
        "Sys",
        "VAST:Sys:a:cr-a",
        "cr-a",
        undefined,
        undefined,
      ],
      [
        "TRACE_AD_RESOLVE",
        "SKIPPED",
        "avail-1",
        "DIRECT",
        10,
        "https://v.example/x.mp4",
        undefined,
        "Sys",
        "VAST:Sys:b:cr-b",
        "cr-b",
        undefined,
        "new-creative",
      ],
    ]);
  });

  test("that the ad server could not give is its failures", async () => {
    const { resolve } = await world({});
    const pod = await resolve("");
    expect(pod).toMatchObject({ ads: [], skipped: [{ adId: undefined, reason: "no-ads" }] });
  });
});
