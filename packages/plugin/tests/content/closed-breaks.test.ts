/** DESIGN §4 step 5: a break whose time is over is decided with the ads that are ready, and an ad that is waited for costs no other. */
import { creativeKey } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startViewing, type Viewing } from "../fake-viewing.ts";
import {
  type Answer,
  createFakeWeb,
  type FakeWeb,
  formatVast,
  formatVmap,
  formatVod,
  HOST,
  type VastAd,
  ZONE,
} from "../fake-web.ts";

const CONTENT = formatVod(15);
const never = new Promise<never>(() => undefined);
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const hls = (id: string, sequence?: number): VastAd => ({
  id,
  ...(sequence === undefined ? {} : { sequence }),
  type: "application/x-mpegURL",
  url: `${HOST}/ad/${id}.m3u8`,
});
const cold = (id: string, sequence?: number): VastAd => ({ id, ...(sequence === undefined ? {} : { sequence }) });

interface Watched {
  readonly web: FakeWeb;
  readonly viewing: Viewing;
  /** Whose ads the playlist of the content shows, in order. */
  readonly shown: (text: string | undefined) => readonly string[];
  readonly reasons: () => readonly (readonly [adId: string | undefined, reason: string])[];
}

/** HLS of each ad is there, unless it is said otherwise; a copy of what is not HLS never is. */
function watch(
  ads: readonly VastAd[],
  more: Readonly<Record<string, Answer>>,
  options: Parameters<typeof startViewing>[1] = {},
  player: Parameters<typeof startViewing>[2] = {},
): Watched {
  const playlists = ads.map(({ id }) => [`/ad/${id}.m3u8`, { text: formatVod(2, 4, id) }] as const);
  const vast = formatVast(...ads);
  const key = creativeKey("1", `${HOST}/creatives/cold.mp4`);
  const web = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vast": { text: vast },
    "/ads/vmap": { text: formatVmap([{ at: "00:00:20", id: "mid", vast }]) },
    "/ads/repackage": {
      status: 202,
      text: JSON.stringify({ key, state: "absent", statusUrl: "/ads/repackage/ticket" }),
    },
    "/ads/repackage/ticket": { until: never },
    ...Object.fromEntries(playlists),
    ...more,
  });
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", firstEncounter: ["wait"], ...options }, player);
  const shown = (text = ""): readonly string[] => [
    ...new Set(Array.from(text.matchAll(/^.*?(\w+)-\d+\.ts$/gm), ([, name = ""]) => name)),
  ];
  return { web, viewing, shown, reasons: () => viewing.skips.map(({ adId, reason }) => [adId, reason]) };
}

/** What the player got for its playlist within so many milliseconds; undefined: nothing yet. */
async function playFor(viewing: Viewing, ms: number): Promise<string | undefined> {
  for (let turn = 0; turn < 3; turn++) {
    await vi.advanceTimersByTimeAsync(0);
    await vi.dynamicImportSettled();
  }
  let given: string | undefined;
  void viewing.play(CONTENT).then((text) => {
    given = text;
  });
  await vi.advanceTimersByTimeAsync(ms);
  return given;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a pre-roll of which one ad does not come", () => {
  test("is played with the others when the start budget is up", async () => {
    const ads = [hls("one", 1), hls("two", 2)];
    const { viewing, shown, reasons } = watch(ads, { "/ad/two.m3u8": { until: never } });
    expect(shown(await playFor(viewing, 1490))).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(viewing.session.entries().map(({ status }) => status)).toEqual(["placed"]);
    expect(reasons()).toEqual([["two", "ads-timeout"]]);
    expect(shown(await viewing.play(CONTENT))).toEqual(["one", "content"]);
  });

  test("is left out as a whole where none has come, as ads-timeout", async () => {
    const { viewing, reasons } = watch([hls("one", 1)], { "/ad/one.m3u8": { until: never } });
    expect(await playFor(viewing, 1510)).toBe(CONTENT);
    expect(reasons()).toEqual([[undefined, "ads-timeout"]]);
  });

  test("what comes after that is not told again", async () => {
    const ads = [hls("one", 1), hls("two", 2)];
    const { viewing, reasons } = watch(ads, { "/ad/two.m3u8": { until: after(1800), status: 404 } });
    await playFor(viewing, 4000);
    expect(reasons()).toEqual([["two", "ads-timeout"]]);
  });
});

describe("beside an ad that is waited for", () => {
  test("its stand-in is made ready, and plays in its place when the wait is over", async () => {
    const ads = [hls("one", 1), cold("cold", 2), hls("spare")];
    const { viewing, shown, reasons } = watch(ads, {
      "/ad/spare.m3u8": { until: after(400), text: formatVod(2, 4, "spare") },
    });
    expect(shown(await playFor(viewing, 2500))).toEqual(["one", "spare", "content"]);
    expect(reasons()).toEqual([["cold", "repackage-in-progress"]]);
  });

  test("a stand-in that comes after the wait still has the break's time", async () => {
    const ads = [hls("one", 1), cold("cold", 2), hls("spare")];
    const { viewing, shown } = watch(ads, { "/ad/spare.m3u8": { until: after(2420), text: formatVod(2, 4, "spare") } });
    expect(shown(await playFor(viewing, 2600))).toEqual(["one", "spare", "content"]);
  });

  test("a stand-in that has no copy either is not asked for until its turn comes, and the one after it is made ready", async () => {
    const ads = [cold("cold", 1), cold("spare"), hls("last")];
    const failed = { until: after(500), text: JSON.stringify({ state: "failed", progress: 0 }) };
    const { web, viewing, shown } = watch(ads, { "/ads/repackage/ticket": failed });
    await playFor(viewing, 100);
    expect(web.bodies).toHaveLength(1);
    expect(web.requests).toContain("GET /ad/last.m3u8");
    await vi.advanceTimersByTimeAsync(600);
    expect(web.bodies).toHaveLength(2);
    expect(shown(await viewing.play(CONTENT))).toEqual(["last", "content"]);
  });

  test("a stand-in whose turn has come and that is still under way at the close is told as late", async () => {
    const ads = [hls("one", 1), cold("cold", 2), hls("spare")];
    const { viewing, shown, reasons } = watch(ads, {
      "/ads/repackage/ticket": { until: after(500), text: JSON.stringify({ state: "failed", progress: 0 }) },
      "/ad/spare.m3u8": { until: never },
    });
    expect(shown(await playFor(viewing, 2600))).toEqual(["one", "content"]);
    expect(reasons()).toEqual([
      ["cold", "repackage-failed"],
      ["spare", "ads-timeout"],
    ]);
  });
});

test("a mid-roll to which the viewer has come near is bound with the ads that are ready", async () => {
  const ads = [hls("one", 1), hls("two", 2)];
  const { viewing, reasons } = watch(
    ads,
    { "/ad/two.m3u8": { until: never } },
    { adTagUrl: "/ads/vmap", lookAhead: 41 },
  );
  await playFor(viewing, 100);
  viewing.session.advance(14);
  await vi.advanceTimersByTimeAsync(10);
  expect(viewing.session.vod()?.undecided()).toEqual([{ contentTime: 20, isReady: false }]);
  viewing.session.advance(17);
  await vi.advanceTimersByTimeAsync(10);
  expect(viewing.session.vod()?.undecided()).toEqual([{ contentTime: 20, isReady: true }]);
  expect(reasons()).toEqual([["two", "ads-timeout"]]);
});

test("a live avail that cannot be held back any longer shows the ads that are ready", async () => {
  const live = (first: number): string => {
    const segments = Array.from({ length: 9 }, (_, index) => {
      const sn = first + index;
      const cue = sn === 8 ? "#EXT-X-CUE-OUT:16.000\n" : sn === 12 ? "#EXT-X-CUE-IN\n" : "";
      return `${cue}#EXTINF:4.000000,\nlive-${sn}.ts\n`;
    });
    return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${segments.join("")}`;
  };
  const ads = [hls("one", 1), hls("two", 2)];
  const { viewing, shown, reasons } = watch(ads, { "/ad/two.m3u8": { until: never } }, { live: true });
  for (const first of [0, 1]) {
    await viewing.play(live(first));
    await vi.advanceTimersByTimeAsync(4000);
  }
  expect(shown(await viewing.play(live(2)))).toEqual(["live", "one"]);
  expect(reasons()).toEqual([["two", "ads-timeout"]]);
});
