/** Ads in video.js 8, over VHS and over hls.js as its source handler: what was on screen, what was told, and what is left of it. */
import { expect, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { ADS, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE, SEGMENT } from "./plugin-catalog.ts";
import { selectCells } from "./matrix.ts";
import { expectRuns, playPast, seekTo } from "./plugin-page.ts";
import { startWorld, type World } from "./plugin-world.ts";
import { addVideoJs, openVideoJs } from "./videojs-page.ts";

/** What a busy machine needs to decide all breaks before the first playlist. */
const PATIENT = { startBudgetMs: 20_000, zoneTimeoutMs: 20_000, probeTimeoutMs: 20_000, adTimeoutMs: 20_000 } as const;

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

test("VHS: pre-, mid- and post-roll are on screen whole, and each beacon is sent once", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [
    { at: "start", id: "pre", ads: ["a"] },
    { at: "00:00:08", id: "mid", ads: ["b"] },
    { at: "end", id: "post", ads: ["c"] },
  ]);
  await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
  await playPast(page, 6);
  await expectRuns(page, [
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  await seekTo(page, 10.5);
  await recordFrames(page);
  await playPast(page, 20);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: 199 },
    { source: ADS.b.source, from: 0, to: 149 },
    { source: CONTENT_SOURCE, from: 200 },
  ]);
  await seekTo(page, FILM_DURATION + 10 - 1.5);
  await recordFrames(page);
  await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, { timeout: 30_000 });
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: FILM_DURATION * FRAME_RATE - 1 },
    { source: ADS.c.source, from: 0, to: 99 },
  ]);
  const sent = world.beacons().map(({ owner, event }) => `${owner} ${event}`);
  const ad = (name: string): readonly string[] =>
    ["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"].map(
      (event) => `${name} ${event}`,
    );
  const all = ["pre", "mid", "post"].flatMap((name, index) => [
    `${name} breakStart`,
    ...ad(["a", "b", "c"][index] ?? ""),
    `${name} breakEnd`,
  ]);
  expect(sent.filter((one) => !one.endsWith("creativeView"))).toEqual(all);
  // the names of contrib-ads, per break
  const heard = await page.evaluate(() => window.videoJsPlayers?.[0]?.heard);
  const perBreak = ["adstart", "ads-pod-started", "ads-ad-started", "ads-ad-ended", "ads-pod-ended", "adend"];
  expect(heard).toEqual([...perBreak, ...perBreak, ...perBreak]);
});

const CONTENTS = [
  ["cmaf", "demuxed CMAF"],
  ["ts-alt-audio", "TS with alternate audio"],
  ["aes", "AES-128"],
  ["ts-and-audio-only", "TS with a variant of sound alone"],
] as const;

for (const [content, what] of selectCells(CONTENTS, CONTENTS.slice(0, 1))) {
  test(`VHS, ${what}: a mid-roll is on screen whole, and the film goes on`, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
    await openVideoJs(page, world, { content, options: { adTagUrl, ...PATIENT } });
    await playPast(page, 0.2);
    await seekTo(page, 6.5);
    await recordFrames(page);
    await playPast(page, 13.5);
    await expectRuns(page, [
      { source: CONTENT_SOURCE, to: 199 },
      { source: ADS.a.source, from: 0, to: 99 },
      { source: CONTENT_SOURCE, from: 200 },
    ]);
  });
}

test("VHS: subtitles stay in step with the film behind an ad, and show nothing in it", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
  await openVideoJs(page, world, { content: "subtitles", options: { adTagUrl, ...PATIENT } });
  await playPast(page, 0.2);
  await page.evaluate(() => {
    for (const track of Array.from(window.videoJsPlayers?.[0]?.player.textTracks() ?? []))
      if (track.kind === "subtitles") track.mode = "showing";
  });
  await seekTo(page, 6.5);
  const read = (): Promise<Readonly<Record<string, number>>> =>
    page.evaluate(() => {
      const tracks = Array.from(window.videoJsPlayers?.[0]?.player.textTracks() ?? []);
      const track = tracks.find(({ kind }) => kind === "subtitles");
      return Object.fromEntries(Array.from(track?.cues ?? []).map(({ text, startTime }) => [text, startTime]));
    });
  await expect.poll(read, { timeout: 30_000 }).toHaveProperty(["second 10"]);
  const cues = await read();
  expect([cues["second 7"], cues["second 8"], cues["second 10"]]).toEqual(
    [7, 12, 14].map((at) => expect.closeTo(at, 0)),
  );
  expect(Object.values(cues).filter((at) => at >= 8.5 && at < 11.5)).toEqual([]);
});

const BROKEN = [
  { name: "are gone", fault: "404", path: /ads\/a\/hls\/\d+_00001\.ts$/, shown: [ADS.a.source, ADS.c.source] },
  { name: "never come", fault: "hang", path: /ads\/a\/hls\/.*\.ts$/, shown: [ADS.c.source] },
  { name: "are no media", fault: "garbage", path: /ads\/a\/hls\/\d+_00001\.ts$/, shown: [ADS.a.source, ADS.c.source] },
  { name: "are gone from the first on", fault: "404", path: /ads\/a\/hls\/.*\.ts$/, shown: [ADS.c.source] },
] as const;

for (const { name, fault, path, shown } of selectCells(BROKEN, BROKEN.slice(0, 2))) {
  test(`VHS: an ad whose segments ${name} costs neither the next ad nor the film`, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:08", id: "mid", ads: ["a", "c"] }]);
    const heal = world.fail(path, fault);
    await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
    await playPast(page, 0.2);
    await seekTo(page, 6.5);
    await recordFrames(page);
    await playPast(page, 17);
    heal();
    const runs = groupRuns(await shownFrames(page));
    expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE, ...shown, CONTENT_SOURCE]);
    const last = (at: number): number => runs.at(at)?.frames.at(-1)?.frame ?? Number.NaN;
    expect(last(0)).toBeGreaterThan(199 - 15);
    expect(last(-2)).toBeGreaterThan(99 - 8);
    expect(runs.at(-1)?.frames[0]?.frame).toBeLessThan(200 + 8);
    const skipped = await page.evaluate(() =>
      window.videoJsPlayers?.[0]?.events.filter((one) => one.name === "adskip"),
    );
    expect(skipped?.map(({ event }) => [event["adId"], event["reason"]])).toEqual([["a", "media-unavailable"]]);
    expect(await page.evaluate(() => window.videoJsPlayers?.[0]?.errors)).toEqual([]);
  });
}

test("VHS, live: an avail's cue becomes its ads, and the channel goes on", async ({ page }) => {
  const adTagUrl = world.answerVast("/ads/avail", "a");
  world.list("live", 8);
  world.setCues([{ first: 10, count: 2 }]);
  world.run("live");
  await openVideoJs(page, world, { content: "live", options: { adTagUrl, live: true, ...PATIENT } });
  await page.waitForFunction(
    () => window.videoJsPlayers?.[0]?.events.some(({ name }) => name === "adbreakcomplete"),
    undefined,
    { timeout: 40_000 },
  );
  await page.waitForFunction(() => (window.interludeFrames?.at(-1)?.mediaTime ?? 0) > 0);
  const [before, ad, after] = groupRuns(await shownFrames(page));
  expect([before?.source, ad?.source, after?.source]).toEqual([CONTENT_SOURCE, ADS.a.source, CONTENT_SOURCE]);
  const ends = (run: typeof ad): readonly (number | undefined)[] => [run?.frames[0]?.frame, run?.frames.at(-1)?.frame];
  expect(before?.frames.at(-1)?.frame).toBeGreaterThan(10 * SEGMENT * FRAME_RATE - 8);
  expect(ends(ad)).toEqual([expect.closeTo(0, -1), expect.closeTo(99, -1)]);
  expect(after?.frames[0]?.frame).toBeGreaterThanOrEqual(12 * SEGMENT * FRAME_RATE);
});

test("hls.js as source handler: the same plugin, with breaks that come late", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
  await openVideoJs(page, world, { engine: "hls.js", options: { adTagUrl, ...PATIENT } });
  await playPast(page, 0.2);
  await page.waitForFunction(() => window.videoJsPlayers?.[0]?.plugin?.breaks[0]?.state === "placed");
  await seekTo(page, 6.5);
  await recordFrames(page);
  await playPast(page, 13);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: 199 },
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 200 },
  ]);
});

test("a source in the page's markup gets its ads too, and is asked for once", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/pre", [{ at: "start", id: "pre", ads: ["a"] }]);
  const before = world.requests.length;
  await openVideoJs(page, world, { isInMarkup: true, options: { adTagUrl, ...PATIENT } });
  await playPast(page, 5);
  await expectRuns(page, [
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  const masters = world.requests.slice(before).filter(({ path }) => path === "/media/ts/master.m3u8");
  expect(masters.length).toBe(1);
});

test("two players on one page have their own ads, and another source has a session of its own", async ({ page }) => {
  const [one, other] = [world.answerVast("/ads/one", "a"), world.answerVast("/ads/other", "b")];
  await openVideoJs(page, world, { options: { adTagUrl: one, session: "one", ...PATIENT } });
  await addVideoJs(page, world, { options: { adTagUrl: other, session: "other", ...PATIENT } });
  const started = (index: number, count: number): Promise<readonly unknown[]> =>
    page
      .waitForFunction(
        (wanted) => {
          const events = window.videoJsPlayers?.[wanted.index]?.events ?? [];
          const ads = events.filter(({ name }) => name === "adstart").map(({ event }) => event["adId"]);
          return ads.length >= wanted.count ? ads : undefined;
        },
        { index, count },
        { timeout: 40_000 },
      )
      .then(async (ads) => (await ads.jsonValue()) ?? []);
  expect(await started(0, 1)).toEqual(["a"]);
  expect(await started(1, 1)).toEqual(["b"]);

  const next = { zoneUrl: world.zoneUrl, adTagUrl: world.answerVast("/ads/next", "c"), session: "next", ...PATIENT };
  await page.evaluate(({ url, options }) => window.setVideoJsSource?.(url, options), {
    url: world.contentUrl("cmaf"),
    options: next,
  });
  expect(await started(0, 2)).toEqual(["a", "c"]);
  const told = await page.evaluate(() => window.videoJsPlayers?.[0]?.events.map(({ name }) => name));
  const breaks = told?.filter((name) => name.startsWith("adbreak"));
  // the break that the first source was in has ended with it
  expect(breaks).toEqual(["adbreakstart", "adbreakcomplete", "adbreakstart"]);
  expect(await page.evaluate(() => window.videoJsPlayers?.[0]?.plugin?.state.session)).toBe("next");
});

test("where the browser plays HLS itself the film plays without ads, and an error says what to set", async ({
  page,
  browserName,
}) => {
  test.skip(browserName === "firefox", "Firefox has no HLS of its own");
  const adTagUrl = world.answerVast("/ads/pre", "a");
  await openVideoJs(page, world, { engine: "native", options: { adTagUrl, ...PATIENT } });
  await playPast(page, 1);
  expect(await page.locator("video").evaluate((video: HTMLVideoElement) => video.duration)).toBeCloseTo(
    FILM_DURATION,
    0,
  );
  const told = await page.evaluate(() => window.videoJsPlayers?.[0]?.events.filter(({ name }) => name === "error"));
  expect(told?.map(({ event }) => event["message"])).toEqual([expect.stringContaining("overrideNative: true")]);
  expect(await page.evaluate(() => window.videoJsPlayers?.[0]?.errors)).toEqual([]);
});

test("disposing of the plugin in the middle of an ad leaves a player as if it had never been there", async ({
  page,
}) => {
  await page.addInitScript(countListeners);
  const adTagUrl = world.answerVast("/ads/pre", "b");
  await openVideoJs(page, world, { engine: "vhs", options: { adTagUrl, ...PATIENT } });
  await page.waitForFunction(() => window.videoJsPlayers?.[0]?.events.some(({ name }) => name === "adprogress"));
  await page.evaluate(() => window.videoJsPlayers?.[0]?.plugin?.dispose());
  const sent = world.beacons().length;
  await playPast(page, 7);
  await page.locator("video").evaluate((video: HTMLVideoElement) => video.pause());
  expect(world.beacons().length).toBe(sent);
  expect(await page.evaluate(() => window.videoJsPlayers?.[0]?.player.usingPlugin("interlude"))).toBe(false);
  expect(await page.locator(".video-js").getAttribute("class")).not.toContain("vjs-ad-playing");
  const left = await page.evaluate(() => window.heldListeners?.());

  await openVideoJs(page, world, { hasPlugin: false });
  await playPast(page, 7);
  await page.locator("video").evaluate((video: HTMLVideoElement) => video.pause());
  expect(left).toEqual(await page.evaluate(() => window.heldListeners?.()));
});

declare global {
  interface Window {
    /** Types of the listeners on media elements, players, document and window, and how many intervals run. */
    heldListeners?: () => Readonly<Record<string, number>>;
  }
}

/** Runs in the page before all else. */
function countListeners(): void {
  const held = new Map<EventTarget, Map<string, Set<unknown>>>();
  const intervals = new Set<number>();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (this: EventTarget, type: string, listener, options): void {
    const types = held.get(this) ?? new Map<string, Set<unknown>>();
    held.set(this, types.set(type, (types.get(type) ?? new Set()).add(listener)));
    addEventListener.call(this, type, listener, options);
    const signal = typeof options === "object" ? options.signal : undefined;
    signal?.addEventListener("abort", () => held.get(this)?.get(type)?.delete(listener));
  };
  EventTarget.prototype.removeEventListener = function (this: EventTarget, type: string, listener, options): void {
    held.get(this)?.get(type)?.delete(listener);
    removeEventListener.call(this, type, listener, options);
  };
  const { setInterval, clearInterval } = window;
  const start = (run: TimerHandler, ms?: number): number => {
    const id = setInterval(run, ms);
    intervals.add(id);
    return id;
  };
  const stop = (id?: number): void => {
    if (id !== undefined) intervals.delete(id);
    clearInterval(id);
  };
  Object.assign(window, { setInterval: start, clearInterval: stop });
  window.heldListeners = () => {
    const counts: Record<string, number> = { intervals: intervals.size };
    for (const [target, types] of held) {
      const isPlayer = target instanceof HTMLElement && target.classList.contains("video-js");
      const isWatched = isPlayer || target instanceof HTMLMediaElement || target === document || target === window;
      if (!isWatched) continue;
      for (const [type, { size }] of types) {
        const name = `${target.constructor.name} ${type}`;
        if (size > 0) counts[name] = (counts[name] ?? 0) + size;
      }
    }
    return counts;
  };
}
