/** A creative that has no copy yet: decisions are held while CRS makes the first layer that can be played, and no longer. */
import { creativeKey, type CreativeState, masterPath, type Package } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createCopyWatch, type CreativeNews } from "../../src/manifest/ads/copy-watch.ts";
import { copyPath, LIVE_6, master, reasons, type Routes, TS_6, type World, world } from "./ad-pod-world.ts";
import { hls, inLine, mediaPlaylist, mp4 } from "./ad-world.ts";
import {
  type AdSpec,
  addHlsAd,
  type Flow,
  flowWorld,
  listSegments,
  liveWindow,
  vast,
  vodContent,
} from "./flow-world.ts";
import { type Repackaging, repackaging } from "./repackaging.ts";

const CREATIVE = "https://video.example/spot.mp4?v=1";
const KEY = creativeKey("1", CREATIVE);
const COLD = inLine({ id: "cold", sequence: 1, media: mp4(CREATIVE) });
const NEVER = new Promise<void>(() => undefined);

function news(state: CreativeState, cuts: readonly Package[] = [], cdns = ["main"], key = KEY): CreativeNews {
  return { zone: "1", key, state, packages: cuts.map((cut) => ({ ...cut, cdns })) };
}

interface Waiting extends World {
  readonly crs: Repackaging;
  /** Puts the copy on the CDN, and has CRS say so. */
  readonly publish: (cut?: Package) => void;
}

async function waiting(before?: CreativeNews): Promise<Waiting> {
  const copy = master([["/v1/720p.m3u8", 2_000_000]]);
  const onCdn = new Map<string, string>();
  const answer =
    (path: string): Routes[string] =>
    (_request, response) => {
      response.writeHead(onCdn.has(path) ? 200 : 404).end(onCdn.get(path));
    };
  const paths = [TS_6, { ...TS_6, targetDuration: 0 } as const].map((cut) => copyPath(CREATIVE, cut));
  const crs = repackaging(before);
  const found = await world(
    {
      ...Object.fromEntries(paths.map((path) => [path, answer(path)])),
      "/v1/720p.m3u8": mediaPlaylist([6, 4]),
      "/ad.m3u8": mediaPlaylist([5, 5]),
    },
    undefined,
    crs,
  );
  const publish = (cut = TS_6): void => {
    onCdn.set(copyPath(CREATIVE, cut), copy);
    crs.tell(news("transcoding", [cut]));
  };
  return { ...found, crs, publish };
}

describe("a creative that CRS has just been asked for", () => {
  test("is inserted from its first playable layer, one look at the CDN before it and one after", async () => {
    const { resolve, publish, crs, cdn } = await waiting();
    const resolved = resolve(COLD, { over: NEVER });
    await crs.awaited();
    publish();
    expect((await resolved).ads).toMatchObject([{ adId: "cold", playlistUrl: `${cdn.origin}${copyPath(CREATIVE)}` }]);
    expect(cdn.urls()).toEqual([copyPath(CREATIVE), copyPath(CREATIVE), "/v1/720p.m3u8"]);
    expect(crs.listeners.size, "nobody listens when nobody waits").toBe(0);
  });

  test("that a hundred viewers wait for is looked at once, by one listener", async () => {
    const { resolve, publish, crs, cdn, orders } = await waiting();
    const resolved = Array.from({ length: 100 }, () => resolve(COLD, { over: NEVER }));
    await crs.awaited();
    expect(crs.listeners.size).toBe(1);
    // answers of the ad server come one after another
    const pods = resolved.map(async (pod) => (await pod).ads.length);
    publish();
    expect(new Set(await Promise.all(pods))).toEqual(new Set([1]));
    expect(orders).toHaveLength(1);
    expect(cdn.urls().filter((url) => url === copyPath(CREATIVE)).length).toBeLessThanOrEqual(3);
  });

  test("is heard of by a viewer who comes while others are being told", async () => {
    const crs = repackaging();
    const watch = createCopyWatch(crs);
    const wanted = { zone: "1", key: KEY, cdn: "main", packages: [TS_6] };
    const first = watch.wait(wanted, NEVER);
    crs.tell(news("transcoding", [TS_6]));
    expect(await Promise.all([first, watch.wait(wanted, NEVER)])).toEqual([TS_6, TS_6]);
  });

  test("that was published between the probe and the wait is inserted without any more news", async () => {
    const { resolve, publish, crs } = await waiting(news("ready", [TS_6]));
    publish();
    const probed = await resolve(COLD, { over: NEVER });
    expect(probed.ads).toHaveLength(1);
    expect(crs.listeners.size).toBe(0);
  });

  test("in VOD plays from a remux with the source's own GOPs as well", async () => {
    const { resolve, publish, crs, cdn } = await waiting();
    const resolved = resolve(COLD, { over: NEVER, splice: { ...LIVE_6, isLive: false } });
    await crs.awaited();
    const remux = { packaging: "hls", targetDuration: 0 } as const;
    publish(remux);
    const [ad] = (await resolved).ads;
    expect(ad?.playlistUrl).toBe(`${cdn.origin}${copyPath(CREATIVE, remux)}`);
  });

  test("tells with its impression that it was waited for; an ad that was no first encounter tells nothing", async () => {
    const { resolve, publish, crs } = await waiting();
    const told = (ad: string): string =>
      ad.replace(/(imp\/\w+)/, "$1?reason=[INTERLUDE_ENCOUNTER]&amp;cb=[CACHEBUSTING]");
    const warm = inLine({ id: "warm", sequence: 2, media: hls("CDN/ad.m3u8") });
    const resolved = resolve(told(COLD) + told(warm), { over: NEVER });
    await crs.awaited();
    publish();
    const { ads } = await resolved;
    expect(ads.map(({ encounter }) => encounter)).toEqual(["wait", undefined]);
    expect(ads.map(({ trackers: [impression] }) => impression?.url)).toEqual([
      "https://t.example/imp/cold?reason=wait&cb=[CACHEBUSTING]",
      "https://t.example/imp/warm?reason=&cb=[CACHEBUSTING]",
    ]);
  });

  test("is not saved by a copy that came in time and does not fit: the ad is left out", async () => {
    const { resolve, publish, crs } = await waiting();
    const resolved = resolve(COLD.replace("<Duration>00:00:10", "<Duration>00:00:30"), { over: NEVER });
    await crs.awaited();
    publish();
    expect((await resolved).skipped).toMatchObject([{ reason: "duration-mismatch", encounter: "wait" }]);
  });

  test.each([
    ["failed", "repackage-failed"],
    ["blocked", "creative-blocked"],
  ] as const)("is skipped at once when CRS calls it %s", async (state, reason) => {
    const { resolve, crs } = await waiting();
    const resolved = resolve(COLD, { over: NEVER });
    await crs.awaited();
    crs.tell(news("transcoding"));
    crs.tell(news(state));
    expect(reasons(await resolved)).toEqual([reason]);
    expect(crs.listeners.size).toBe(0);
  });

  test("that is not there in time costs itself, and no other ad of its break", async () => {
    const { resolve, crs } = await waiting();
    let end = (): void => undefined;
    const over = new Promise<void>((resolveOver) => {
      end = resolveOver;
    });
    const resolved = resolve(COLD + inLine({ id: "b", sequence: 2, media: hls("CDN/ad.m3u8") }), { over });
    await crs.awaited();
    crs.tell(news("transcoding", [TS_6], ["other"]));
    end();
    const pod = await resolved;
    expect(pod.ads.map(({ adId }) => adId)).toEqual(["b"]);
    expect(pod.skipped).toMatchObject([
      { reason: "new-creative", message: expect.stringContaining("not there in time") },
    ]);
    expect(crs.listeners.size).toBe(0);
  });

  test("is not waited for where a stand-in can be played", async () => {
    const { resolve, crs } = await waiting();
    const standIn = inLine({ id: "stand-in", media: hls("CDN/ad.m3u8") });
    const pod = await resolve(COLD + standIn, { over: NEVER });
    expect(pod.ads.map(({ adId }) => adId)).toEqual(["stand-in"]);
    expect(crs.looks).toEqual([]);
  });

  test("is not waited for where its ad has another creative", async () => {
    const { resolve, crs } = await waiting();
    const creative = `<Creative><Linear><Duration>00:00:10</Duration><MediaFiles>${hls("CDN/ad.m3u8")}</MediaFiles></Linear></Creative>`;
    const pod = await resolve(inLine({ id: "two", media: mp4(CREATIVE), more: creative }), { over: NEVER });
    expect(pod.ads).toMatchObject([{ adId: "two", isRepackaged: false }]);
    expect(crs.looks).toEqual([]);
  });

  test("that was waited for is told so also where another creative of its ad had failed before", async () => {
    const { resolve, publish, crs } = await waiting();
    const creative = `<Creative><Linear><Duration>00:00:30</Duration><MediaFiles>${mp4(CREATIVE)}</MediaFiles></Linear></Creative>`;
    const resolved = resolve(inLine({ id: "two", media: hls("CDN/none.m3u8"), more: creative }), { over: NEVER });
    await crs.awaited();
    publish();
    expect((await resolved).skipped).toMatchObject([{ adId: "two", reason: "media-unavailable", encounter: "wait" }]);
  });

  test("that the CDN does not give although CRS has published it is a fault of the CDN", async () => {
    const { resolve, crs } = await waiting();
    const resolved = resolve(COLD, { over: NEVER });
    await crs.awaited();
    crs.tell(news("ready", [TS_6]));
    expect((await resolved).skipped).toMatchObject([
      { reason: "cdn-error", message: expect.stringContaining(masterPath("1", KEY, TS_6)) },
    ]);
  });

  test("is left out at once where the policy says so, and where the break has no time", async () => {
    const { resolve, crs } = await waiting();
    const pods = [await resolve(COLD, { over: NEVER, firstEncounter: ["skip", "wait"] }), await resolve(COLD)];
    expect(pods.map(reasons)).toEqual([["new-creative"], ["new-creative"]]);
    expect(crs.looks).toEqual([]);
  });
});

describe("the whole manifest server", () => {
  const SPOT: AdSpec = { id: "spot", duration: 4, type: "mp4" };

  async function coldWorld(
    budgetMs: number,
    targetDuration: 2 | 6 = 2,
  ): Promise<Flow & { readonly crs: Repackaging; readonly publish: () => void }> {
    const crs = repackaging();
    const flow = await flowWorld((origin) => ({ adTagUrl: `${origin}/vast`, startBudgetMs: budgetMs }), {
      copies: crs,
    });
    const { origin } = flow.origin;
    flow.pages.set("/vast", vast(origin, [SPOT]));
    for (const name of ["low", "high"]) flow.pages.set(`/content/${name}.m3u8`, vodContent(4));
    const key = creativeKey("1", `${origin}/ads/spot.mp4`);
    const cut = { packaging: "hls", targetDuration } as const;
    const publish = (): void => {
      const folder = "/copies/spot";
      addHlsAd(flow.pages, SPOT, folder);
      const text = flow.pages.get(`${folder}/master.m3u8`);
      const absolute = String(text).replaceAll(/^(low|high)/gm, `${folder}/$1`);
      flow.pages.set(`/cdn/${masterPath("1", key, cut)}`, absolute);
      crs.tell(news("transcoding", [cut], ["main"], key));
    };
    return { ...flow, crs, publish };
  }

  test("VOD: the first viewer's playlist waits for the copy, and has the ad; one wait is counted", async () => {
    const { open, get, crs, publish, metrics } = await coldWorld(60_000);
    const media = await open("live=false");
    const shown = get(media.get("500") ?? "");
    await crs.awaited();
    publish();
    expect(listSegments((await shown).text)).toEqual("low-spot-0 low-spot-1 c0 c1 c2 c3".split(" "));
    expect(await metrics()).toContain('interlude_first_encounters_total{step="wait",outcome="played"} 1\n');
  });

  test("VOD: a copy that does not come in time costs the viewer no more than the budget, and no content", async () => {
    const { open, get, metrics } = await coldWorld(400);
    const media = await open("live=false");
    expect(listSegments((await get(media.get("500") ?? "")).text)).toEqual("c0 c1 c2 c3".split(" "));
    const told = await metrics();
    expect(told).toContain('interlude_skipped_ads_total{reason="new-creative"} 1\n');
    expect(told).toContain('interlude_first_encounters_total{step="wait",outcome="skipped"} 1\n');
  });

  test("ptencounter=skip: nobody waits", async () => {
    const { open, get, crs } = await coldWorld(60_000);
    const media = await open("live=false&ptencounter=skip");
    expect(listSegments((await get(media.get("500") ?? "")).text)).toEqual("c0 c1 c2 c3".split(" "));
    expect(crs.looks).toEqual([]);
  });

  test("live: the avail is held back while its copy is made, and shown by the next refresh", async () => {
    const { open, get, crs, publish, pages, clock } = await coldWorld(60_000, 6);
    const cues = { 106: "#EXT-X-CUE-OUT:ID=7,DURATION=4", 108: "#EXT-X-CUE-IN:ID=7" } as const;
    const show = (first: number): void => {
      // what is known of the content's playlist is old after half a target duration
      clock.now += 4000;
      const window = liveWindow(first, 6, cues, "low").replace("TARGETDURATION:2", "TARGETDURATION:6");
      pages.set("/content/low.m3u8", window);
    };
    show(100);
    const media = await open("live=true");
    const address = media.get("500") ?? "";
    await get(address);
    show(102);
    const held = get(address);
    await crs.awaited();
    expect(listSegments((await held).text)).toEqual("low102 low103 low104 low105".split(" "));
    publish();
    show(103);
    const shown = listSegments((await get(address)).text);
    expect(shown).toEqual("low103 low104 low105 low-spot-0 low-spot-1 low108".split(" "));
  });
});
