/** An ad server that the manifest server asks without a relay: fill and render rates of its zone. */
import { describe, expect, test } from "vitest";
import { type AdCalls, createAdCalls } from "../../src/manifest/ads/ad-call.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import type { NotedEvent } from "../../src/noted-event.ts";
import { parseXml } from "../../src/xml.ts";
import type { Loopback } from "../http/loopback.ts";
import { answering, inLine, manifestFetch, SILENT, testCall, testSession, vast, wrapper } from "./ad-world.ts";

const TIMES = { pre: "start", mid: "00:00:20" } as const;
const breakOf = (id: keyof typeof TIMES, source: string): string =>
  `<vmap:AdBreak timeOffset="${TIMES[id]}" breakType="linear" breakId="${id}"><vmap:AdSource>${source}</vmap:AdSource></vmap:AdBreak>`;
const vmap = (breaks: string): string =>
  `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${breaks}</vmap:VMAP>`;
const inMap = (ads: string): string => `<vmap:VASTAdData>${vast(ads)}</vmap:VASTAdData>`;
const tagInMap = (url: string): string => `<vmap:AdTagURI><![CDATA[${url}]]></vmap:AdTagURI>`;

function callsOn(
  servers: readonly Loopback[],
  own?: Loopback,
): { readonly calls: AdCalls; readonly noted: NotedEvent[] } {
  const noted: NotedEvent[] = [];
  const calls = createAdCalls({
    fetch: manifestFetch(servers),
    now: Date.now,
    readXml: parseXml,
    zoneManifest: () => undefined,
    log: SILENT,
    report: {
      note: (event) => noted.push(event),
      isOwnTag: ({ origin }, base) => origin === own?.origin || origin === base.origin,
      isOwnImpression: (url) => url.startsWith("https://own.example/"),
      trackingUrl: (event, { zone, session, breakId, position, ad, creative }, base) =>
        `${base.href}track/${event}?${[zone, session, breakId, position, ad, creative].map(encodeURIComponent).join("/")}`,
    },
  });
  return { calls, noted };
}

const { id: session, zone } = testSession();
const place = { zone, session, breakId: "avail-1" };
const POD = vast(inLine({ id: "a", sequence: 1 }) + inLine({ id: "", sequence: 2 }));

describe("an answer of an ad server that is no part of this server", () => {
  test("is noted as one request, with each of its ads", async () => {
    const ads = await answering({ "/tag": POD });
    const { calls, noted } = callsOn([ads]);
    await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(noted).toEqual([
      { event: "adRequest", ...place, adsOffered: 2 },
      { event: "adOffered", ...place, position: 1, ad: "a", creative: "cr-a" },
      { event: "adOffered", ...place, position: 2, ad: "#2", creative: "cr-" },
    ]);
  });

  test.each([
    ["no ad", "/empty"],
    ["nothing that is VAST", "/html"],
    ["an error", "/none"],
  ])("that is %s is a request that was not filled", async (_name, path) => {
    const ads = await answering({ "/empty": vast(""), "/html": "<html></html>" });
    const { calls, noted } = callsOn([ads]);
    await calls.callBreak(testCall(ads.origin + path), createTrace());
    expect(noted).toEqual([{ event: "adRequest", ...place, adsOffered: 0 }]);
  });

  test("has this server's tracking beside the ad server's own, so that impressions of it are in the report", async () => {
    const ads = await answering({ "/tag": vast(inLine({ id: "a" })) });
    const { calls } = callsOn([ads]);
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    const [ad] = result.ads;
    const own = (event: string): string => `http://server.test/track/${event}?1/${session}/avail-1/1/a/cr-a`;
    expect(ad?.impressions).toEqual(["https://t.example/imp/a", own("impression")]);
    expect(ad?.errors).toEqual(["https://t.example/error?c=[ERRORCODE]", own("error")]);
    const told = ad?.creatives[0]?.trackers.map(({ event, url }) => [event, url]);
    const funnel = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
    expect(told).toEqual([
      ["start", "https://t.example/start"],
      ["mute", "https://t.example/mute"],
      ...funnel.map((event) => [event, own(event)]),
    ]);
  });

  test("names of whatever length, half a character at their end, cost no ad", async () => {
    const long = `${"x".repeat(499)}\u{1f600}`;
    const ads = await answering({ "/tag": vast(inLine({ id: long })) });
    const { calls, noted } = callsOn([ads]);
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads).toHaveLength(1);
    expect(noted[1]).toMatchObject({ ad: `${"x".repeat(499)}\ufffd` });
  });

  test("names with control characters are told without them: the receiver takes the beacons of such an ad", async () => {
    const ads = await answering({ "/tag": vast(inLine({ id: "a&#9;b\u0085" })) });
    const { calls, noted } = callsOn([ads]);
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(noted[1]).toMatchObject({ ad: "a\ufffdb\ufffd", creative: "cr-a\ufffdb\ufffd" });
    const name = encodeURIComponent("a\ufffdb\ufffd");
    expect(result.ads[0]?.impressions[1]).toMatch(new RegExp(`/${name}/cr-${name}$`));
  });

  test("of a map is one request for each of its breaks", async () => {
    const ads = await answering({
      "/tag": vmap(breakOf("pre", inMap(inLine({ id: "p" }))) + breakOf("mid", inMap(""))),
    });
    const { calls, noted } = callsOn([ads]);
    await calls.callMap(testCall(`${ads.origin}/tag`, { breakId: "vod" }), createTrace());
    expect(noted).toEqual([
      { event: "adRequest", ...place, breakId: "pre", adsOffered: 1 },
      { event: "adOffered", ...place, breakId: "pre", position: 1, ad: "p", creative: "cr-p" },
      { event: "adRequest", ...place, breakId: "mid", adsOffered: 0 },
    ]);
  });
});

describe("an answer that this server's own tags have told of", () => {
  test("is not noted again, and its tracking is left as it is", async () => {
    const own = await answering({
      "/ads/vast": vast(inLine({ id: "a" })),
      "/ads/vmap": vmap(breakOf("pre", inMap(inLine({ id: "p" })))),
    });
    const { calls, noted } = callsOn([own], own);
    const { result } = await calls.callBreak(testCall(`${own.origin}/ads/vast`), createTrace());
    const [{ result: mapped } = { result }] = await calls.callMap(testCall(`${own.origin}/ads/vmap`), createTrace());
    expect(noted).toEqual([]);
    expect(result.ads[0]?.impressions).toEqual(["https://t.example/imp/a"]);
    expect(mapped.ads[0]?.impressions).toEqual(["https://t.example/imp/p"]);
  });

  test("nor where somebody else's wrapper, or one break of somebody else's map, led to it", async () => {
    const own = await answering({ "/ads/vast": vast(inLine({ id: "a" })) });
    const ads = await answering({
      "/wrapped": vast(wrapper("w", `${own.origin}/ads/vast`)),
      "/map": vmap(breakOf("pre", tagInMap(`${own.origin}/ads/vast`)) + breakOf("mid", inMap(inLine({ id: "m" })))),
    });
    const { calls, noted } = callsOn([ads, own], own);
    const { result } = await calls.callBreak(testCall(`${ads.origin}/wrapped`), createTrace());
    expect([result.ads.length, noted]).toEqual([1, []]);
    await calls.callMap(testCall(`${ads.origin}/map`), createTrace());
    expect(noted.map(({ event, breakId }) => [event, breakId])).toEqual([
      ["adRequest", "mid"],
      ["adOffered", "mid"],
    ]);
  });

  test("nor where this server does not know the name by which the client, or its own tag, has reached it", async () => {
    const told = "<Impression>https://own.example/imp</Impression></InLine>";
    const own = await answering({ "/ads/vast": POD, "/proxied": vast(inLine({ id: "a" }).replace("</InLine>", told)) });
    const { calls, noted } = callsOn([own]);
    await calls.callBreak(testCall("/ads/vast", { baseUrl: new URL("/", own.origin) }), createTrace());
    const { result } = await calls.callBreak(testCall(`${own.origin}/proxied`), createTrace());
    expect(noted).toEqual([]);
    expect(result.ads[0]?.impressions).toEqual(["https://t.example/imp/a", "https://own.example/imp"]);
  });

  test("but where such a tag refused to answer, nobody has told of it", async () => {
    const own = await answering({});
    const { calls, noted } = callsOn([own], own);
    await calls.callBreak(testCall(`${own.origin}/ads/vast`), createTrace());
    expect(noted).toEqual([{ event: "adRequest", ...place, adsOffered: 0 }]);
  });
});
