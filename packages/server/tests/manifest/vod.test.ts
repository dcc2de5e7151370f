/** VOD: who says where the breaks are, what replaces what, what is late. The whole manifest server over a real origin. */
import { describe, expect, test } from "vitest";
import { creativeKey, masterPath } from "@interlude/core";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { type AdSpec, addHlsAd, type Flow, flowWorld, listSegments, vast, vmap, vodContent } from "./flow-world.ts";

const LOW = "/content/low.m3u8";
const HIGH = "/content/high.m3u8";
const ONE: AdSpec = { id: "one", duration: 4 };
const TWO: AdSpec = { id: "two", duration: 2 };

async function vodWorld(
  tags: Readonly<Record<number, string>> = {},
  count = 10,
  zone: Partial<ZoneManifest> = {},
): Promise<Flow> {
  const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/map`, availTagUrl: `${origin}/avail`, ...zone }));
  world.pages.set(LOW, vodContent(count, tags));
  world.pages.set(HIGH, vodContent(count, tags));
  for (const ad of [ONE, TWO]) addHlsAd(world.pages, ad);
  world.pages.set("/avail", vast(world.origin.origin, [ONE]));
  return world;
}

async function segmentsOf(world: Flow, url: string | undefined): Promise<string> {
  return listSegments((await world.get(url ?? "")).text).join(" ");
}

const callsTo = (world: Flow, path: string): readonly URL[] =>
  world.asked.filter((asked) => asked.startsWith(path)).map((asked) => new URL(asked, world.origin.origin));

describe("the ad server's map", () => {
  test("VMAP places pre-, mid- and post-roll; every rendition shows the same, and the ad server is asked once", async () => {
    const world = await vodWorld();
    const { origin } = world.origin;
    const breaks = [
      { id: "pre", at: "start", vast: vast(origin, [TWO]) },
      { id: "mid", at: "00:00:09.000", vast: vast(origin, [ONE, TWO]) },
      { id: "post", at: "end", vast: vast(origin, [TWO]) },
    ];
    world.pages.set("/map", vmap(breaks));
    const media = await world.open("live=false");
    const shown = "two-0 c0 c1 c2 c3 c4 one-0 one-1 two-0 c5 c6 c7 c8 c9 two-0";
    const [low, high] = await Promise.all(["500", "2000"].map((slot) => segmentsOf(world, media.get(slot))));
    expect(low).toBe(shown.replaceAll(/(one|two)/g, "low-$1"));
    expect(high).toBe(shown.replaceAll(/(one|two)/g, "high-$1"));
    expect(callsTo(world, "/map")).toHaveLength(1);
  });

  test("the map is one request to the ad server in the metrics, and sidecars and segments are counted as such", async () => {
    const world = await vodWorld();
    const { origin } = world.origin;
    const breaks = ["start", "00:00:04.000"].map((at) => ({ id: at, at, vast: vast(origin, [TWO]) }));
    world.pages.set("/map", vmap(breaks));
    const address = (await world.open("live=false&pttrackingmode=sstm")).get("500") ?? "";
    const [link = ""] = (await world.get(address)).text.match(/^\/auditude\/segment\/.*/m) ?? [];
    for (const url of [link, `${link}x`, `${address}&pttrackingposition=1`]) await world.get(url);
    const metrics = await world.metrics();
    expect(metrics).toContain('interlude_ad_server_requests_total{outcome="filled"} 1\n');
    for (const labels of [
      'kind="vod",outcome="sidecar"',
      'kind="segment",outcome="redirect"',
      'kind="segment",outcome="error"',
    ])
      expect(metrics).toContain(`interlude_manifest_requests_total{${labels}} 1\n`);
  });

  test("an ad server that is late counts as such also where the fallback has ads", async () => {
    const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/map`, fallbackTagUrl: `${origin}/fallback` }));
    world.pages.set(LOW, vodContent(3));
    world.pages.set("/map", () => undefined);
    world.pages.set("/fallback", vast(world.origin.origin, [TWO]));
    addHlsAd(world.pages, TWO);
    expect(await segmentsOf(world, (await world.open("live=false&ptadtimeout=50")).get("500"))).toMatch(/^low-two-0 /);
    expect(await world.metrics()).toMatch(/^interlude_ad_server_timeouts_total 1$/m);
  });

  test("a break that two instances show the same viewer is counted once, planned and observed", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [TWO]));
    const peer = await flowWorld((origin) => ({ adTagUrl: `${origin}/map` }), { peer: world });
    const media = await world.open("live=false");
    expect(await segmentsOf(world, media.get("500"))).toMatch(/^low-two-0 c0 /);
    expect(await segmentsOf(peer, media.get("2000"))).toMatch(/^high-two-0 c0 /);
    const metrics = (await world.metrics()) + (await peer.metrics());
    for (const name of ["interlude_avail_filled_seconds_total", "interlude_avail_filled_observed_seconds_total"])
      expect(metrics.match(new RegExp(`^${name}.*$`, "gm"))).toEqual([`${name}{kind="vod"} 2`]);
  });

  test("a VAST is the pre-roll", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [TWO]));
    const media = await world.open("live=false");
    expect(await segmentsOf(world, media.get("500"))).toMatch(/^low-two-0 c0 /);
  });

  test("ios-mobileweb gets no pre-roll in it, from a timeline neither", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [TWO]));
    const opened = await world.open("live=false&ptplayer=ios-mobileweb");
    expect(await segmentsOf(world, opened.get("500"))).toMatch(/^c0 /);
    const timed = await world.open(
      "live=false&ptplayer=ios-mobileweb&ptmulticall=true&pttimeline=B,60,2,p;C,4,1;B,60,2,m",
    );
    expect(await segmentsOf(world, timed.get("500"))).toMatch(/^c0 c1 low-one-0 low-one-1 c2 /);
  });

  test("an ad server that is slower than the start budget costs the ads, never the content", async () => {
    const world = await vodWorld();
    world.pages.set("/map", () => undefined);
    const media = await world.open("live=false&ptadtimeout=200");
    expect(await segmentsOf(world, media.get("500"))).toBe("c0 c1 c2 c3 c4 c5 c6 c7 c8 c9");
    expect(await world.metrics()).toMatch(/interlude_skipped_ads_total\{reason="ads-timeout"\} 1/);
  });

  test("an ad playlist that is not there costs its ad alone", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [ONE, TWO]));
    world.pages.delete("/ads/one/low.m3u8");
    world.pages.delete("/ads/one/high.m3u8");
    const media = await world.open("live=false");
    expect(await segmentsOf(world, media.get("500"))).toMatch(/^low-two-0 c0 /);
  });

  test("an origin's playlist that cannot be spliced is passed through, its addresses absolute", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [ONE]));
    world.pages.set(
      LOW,
      `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nc0.ts\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-ENDLIST\n`,
    );
    const media = await world.open("live=true");
    const { status, text } = await world.get(media.get("500") ?? "");
    expect(status).toBe(200);
    expect(text).toContain(`${world.origin.origin}/content/c0.ts`);
  });
});

describe("rules for what is written", () => {
  test("cdn_ rules that the client names move the segments of ads, and are not for where ads are fetched", async () => {
    const find = "^http://[^/]+/ads/";
    const world = await flowWorld((origin) => ({
      adTagUrl: `${origin}/map`,
      rewriteRules: [{ name: "cdn_own", find, replace: "https://own.example/ads/" }],
    }));
    world.pages.set(LOW, vodContent(3));
    world.pages.set("/map", vast(world.origin.origin, [TWO]));
    addHlsAd(world.pages, TWO);
    const addressesFor = async (query: string): Promise<readonly string[] | null> => {
      const media = await world.open(`live=false&${query}`);
      return (await world.get(media.get("500") ?? "")).text.match(/^[^#].*/gm);
    };
    const { origin } = world.origin;
    expect((await addressesFor(""))?.[0]).toBe(`${origin}/ads/two/low-two-0.ts`);
    expect(await addressesFor("ptprotoswitch=cdn_own")).toEqual([
      "https://own.example/ads/two/low-two-0.ts",
      `${origin}/content/c0.ts`,
      `${origin}/content/c1.ts`,
      `${origin}/content/c2.ts`,
    ]);
    const [link = ""] = (await addressesFor("ptprotoswitch=cdn_own&pttrackingmode=sstm")) ?? [];
    expect((await world.get(link)).headers.get("location")).toBe("https://own.example/ads/two/low-two-0.ts");
  });
});

describe("cues in VOD content", () => {
  const cues = {
    2: "#EXT-X-CUE-OUT:ID=a,DURATION=4",
    4: "#EXT-X-CUE-IN:ID=a",
    6: "#EXT-X-CUE-OUT:ID=b,DURATION=4",
    8: "#EXT-X-CUE-IN:ID=b",
  };

  test("one ad call is made for all avails, its breaks go to them in order", async () => {
    const world = await vodWorld(cues);
    const { origin } = world.origin;
    const breaks = [ONE, TWO].map((ad, index) => ({
      id: `x${index}`,
      at: `00:00:0${1 + index}.000`,
      vast: vast(origin, [ad]),
    }));
    world.pages.set("/map", vmap(breaks));
    const media = await world.open("live=false");
    expect(await segmentsOf(world, media.get("500"))).toBe(
      "c0 c1 low-one-0 low-one-1 c2 c3 c4 c5 low-two-0 c6 c7 c8 c9",
    );
    expect(callsTo(world, "/map").map((url) => url.searchParams.get("tl"))).toEqual(["l,4,30,m;l,4,30,m"]);
  });

  test.each([
    ["their ids", "b", "a", "00:00:01.000", "00:00:02.000"],
    ["their numbers", "x", "y", "#2", "#1"],
  ])("breaks of that call go to avails by %s, in whatever order they come", async (_by, first, second, at, later) => {
    const world = await vodWorld(cues);
    const { origin } = world.origin;
    const breaks = [
      { id: first, at, vast: vast(origin, [TWO]) },
      { id: second, at: later, vast: vast(origin, [ONE]) },
    ];
    world.pages.set("/map", vmap(breaks));
    const media = await world.open("live=false");
    expect(await segmentsOf(world, media.get("500"))).toBe(
      "c0 c1 low-one-0 low-one-1 c2 c3 c4 c5 low-two-0 c6 c7 c8 c9",
    );
  });

  test("with ptmulticall each avail has its own, and they are made side by side", async () => {
    const world = await vodWorld(cues);
    const waiting: (() => void)[] = [];
    world.pages.set("/avail", (_request, response) => {
      waiting.push(() => response.end(vast(world.origin.origin, [ONE])));
      if (waiting.length === 2) for (const answer of waiting) answer();
    });
    const media = await world.open("live=false&ptmulticall=true");
    expect(await segmentsOf(world, media.get("500"))).toBe(
      "c0 c1 low-one-0 low-one-1 c2 c3 c4 c5 low-one-0 low-one-1 c6 c7 c8 c9",
    );
    expect(callsTo(world, "/avail").map((url) => url.searchParams.get("break"))).toEqual(["a", "b"]);
  });

  test("enableC3=false puts the ads in place of the avails", async () => {
    const world = await vodWorld(cues);
    const media = await world.open("live=false&ptmulticall=true&enableC3=false");
    expect(await segmentsOf(world, media.get("500"))).toBe("c0 c1 low-one-0 low-one-1 c4 c5 low-one-0 low-one-1 c8 c9");
  });

  test("attributes of EXT-X-ASSET reach the ad server by macros, a CAID as a decimal number", async () => {
    const world = await vodWorld({ 2: "#EXT-X-ASSET:CAID=0x75BCD15,GENRE=news\n#EXT-X-CUE-OUT:ID=a,DURATION=4" });
    const tagged = await flowWorld((origin) => ({
      adTagUrl: `${origin}/map`,
      availTagUrl: `${origin}/avail?c=[#CAID]&g=[#GENRE]`,
    }));
    for (const [path, page] of world.pages) tagged.pages.set(path, page);
    const media = await tagged.open("live=false&ptmulticall=true");
    await tagged.get(media.get("500") ?? "");
    const [call] = callsTo(tagged, "/avail");
    expect([call?.searchParams.get("c"), call?.searchParams.get("g")]).toEqual(["123456789", "news"]);
  });
});

describe("pttimeline", () => {
  test("places its breaks at the boundaries nearest to its chapters, each no longer and with no more ads than it says", async () => {
    const world = await vodWorld();
    const { origin } = world.origin;
    world.pages.set("/avail", vast(origin, [ONE, TWO, ONE]));
    const media = await world.open("live=false&ptmulticall=true&pttimeline=B,2,1,p;C,7,1;B,6,2,m;C,300,1;");
    expect(await segmentsOf(world, media.get("500"))).toBe(
      "low-two-0 c0 c1 c2 c3 low-one-0 low-one-1 low-two-0 c4 c5 c6 c7 c8 c9",
    );
  });

  test("one that cannot be read leaves the content without ads", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [ONE]));
    const media = await world.open("live=false&pttimeline=B,x,1,p");
    expect(await segmentsOf(world, media.get("500"))).toBe("c0 c1 c2 c3 c4 c5 c6 c7 c8 c9");
  });

  test("replaces the source's avails in order: 0 seconds takes the avail's length, 0 ads takes it out", async () => {
    const world = await vodWorld({
      2: "#EXT-X-CUE-OUT:ID=a,DURATION=4",
      4: "#EXT-X-CUE-IN:ID=a",
      6: "#EXT-X-CUE-OUT:ID=b,DURATION=4",
      8: "#EXT-X-CUE-IN:ID=b",
    });
    const timeline = "C,0,1;B,0,9,m;C,0,1;B,0,0,m;C,0,1";
    const media = await world.open(`live=false&ptmulticall=true&enableC3=false&pttimeline=${timeline}`);
    expect(await segmentsOf(world, media.get("500"))).toBe("c0 c1 low-one-0 low-one-1 c4 c5 c8 c9");
  });
});

describe("just-in-time repackaging initiated by the manifest server", () => {
  const spot: AdSpec = { id: "film", duration: 4, type: "mp4" };

  test("a miss is skipped and CRS is asked; once the copy is on the CDN it is inserted", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [spot, TWO]));
    const first = await world.open("live=false");
    expect(await segmentsOf(world, first.get("500"))).toMatch(/^low-two-0 c0 /);
    const creativeUrl = `${world.origin.origin}/ads/film.mp4`;
    expect(world.orders).toEqual([
      expect.objectContaining({ zone: "1", creativeUrl, packaging: "hls", targetDuration: 2, adId: "film" }),
    ]);

    const path = masterPath("1", creativeKey("1", creativeUrl), { packaging: "hls", targetDuration: 2 });
    const folder = `/cdn/${path.replace(/\/[^/]+$/, "")}`;
    addHlsAd(world.pages, spot, folder);
    const master = world.pages.get(`${folder}/master.m3u8`) ?? "";
    world.pages.set(`/cdn/${path}`, master);
    expect(await segmentsOf(world, first.get("500")), "a session keeps what was decided").toMatch(/^low-two-0 c0 /);
    const probed = world.asked.length;
    world.clock.now += 10_000;
    expect(await segmentsOf(world, (await world.open("live=false")).get("500"))).toMatch(
      /^low-film-0 low-film-1 low-two-0 c0 /,
    );
    expect(world.asked.slice(probed).some((asked) => asked.startsWith(`/cdn/${path}`))).toBe(true);
  });

  test("an ad that is HLS is no probe", async () => {
    const world = await vodWorld();
    world.pages.set("/map", vast(world.origin.origin, [TWO]));
    expect(await segmentsOf(world, (await world.open("live=false")).get("500"))).toMatch(/^low-two-0 /);
    expect(await world.metrics()).not.toContain("interlude_probe_total{");
  });

  test("a hundred viewers of one new creative cause one probe of the CDN and one order", async () => {
    // time for a hundred ad responses at once, wherever this runs
    const world = await vodWorld({}, 10, { adTimeoutMs: 60_000, startBudgetMs: 60_000 });
    world.pages.set("/map", vast(world.origin.origin, [spot]));
    const viewers = await Promise.all(Array.from({ length: 100 }, () => world.open("live=false")));
    await Promise.all(viewers.map((media) => segmentsOf(world, media.get("500"))));
    expect(world.orders).toHaveLength(1);
    const probes = world.asked.filter((asked) => asked.startsWith("/cdn/"));
    expect(new Set(probes).size).toBe(probes.length);
    const metrics = await world.metrics();
    expect(metrics).toContain(`interlude_probe_total{result="miss",cached="false"} ${probes.length}\n`);
    expect(metrics).toContain(`interlude_probe_total{result="miss",cached="true"} ${99 * probes.length}\n`);
  });
});
