/** Whose source it is in video.js: VHS's, hls.js's, the browser's own, another one; and what is left of the plugin behind it. */
import { expect, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, CONTENT_SOURCE, FILM_DURATION } from "./catalog.ts";
import { expectRuns, playPast, seekTo } from "./page.ts";
import { startWorld, type World } from "./world.ts";
import { addVideoJs, openVideoJs, PATIENT } from "./videojs-page.ts";

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

test("hls.js as source handler: the same plugin, with breaks that come late", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
  await openVideoJs(page, world, { engine: "hls.js", options: { adTagUrl, ...PATIENT } });
  await playPast(page, 0.2);
  await page.waitForFunction(() => window.videoJsPlayers?.[0]?.plugin?.breaks[0]?.state === "placed");
  await seekTo(page, 7.3);
  await recordFrames(page);
  await playPast(page, 12.7);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: 199 },
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 200 },
  ]);
});

const IN_MARKUP = [
  ["a master playlist in the page's markup gets its ads too, and is asked for once", "master.m3u8", 1],
  ["a media playlist in the page's markup gets its ads too, and is asked for anew", "180.m3u8", 2],
] as const;

for (const [title, file, times] of selectCells(IN_MARKUP, IN_MARKUP.slice(0, 1))) {
  test(title, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/pre", [{ at: "start", id: "pre", ads: ["a"] }]);
    const before = world.requests.length;
    const content = new URL(file, world.contentUrl("ts"));
    await openVideoJs(page, world, { content, isInMarkup: true, options: { adTagUrl, ...PATIENT } });
    await playPast(page, 4.7);
    await expectRuns(page, [
      { source: ADS.a.source, from: 0, to: 99 },
      { source: CONTENT_SOURCE, from: 0 },
    ]);
    const asked = world.requests.slice(before).filter(({ path }) => path === `/media/ts/${file}`);
    expect(asked.length).toBe(times);
  });
}

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

test("a player that has its playlists already plays on without ads, and an error says so; its next source has them", async ({
  page,
}) => {
  const adTagUrl = world.answerVast("/ads/pre", "a");
  const options = { zoneUrl: world.zoneUrl, adTagUrl, ...PATIENT };
  await openVideoJs(page, world, { hasPlugin: false });
  await playPast(page, 0.5);
  await page.evaluate((late) => window.videoJsPlayers?.[0]?.player.interlude(late), options);
  const told = await page.waitForFunction(
    () => window.videoJsPlayers?.[0]?.events.find(({ name }) => name === "error")?.event["message"],
  );
  expect(await told.jsonValue()).toContain("expected interlude() before the source is set");
  const before = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  await playPast(page, before + 0.3);

  // a media playlist, without a master
  const media = new URL("180.m3u8", world.contentUrl("ts")).href;
  await page.evaluate((url) => window.setVideoJsSource?.(url), media);
  await recordFrames(page);
  await page.waitForFunction(() => document.querySelector("video")?.currentTime === 0);
  await playPast(page, 4.7);
  const runs = groupRuns(await shownFrames(page)).slice(-2);
  expect(runs.map(({ source }) => source)).toEqual([ADS.a.source, CONTENT_SOURCE]);
  expect(runs[0]?.frames[0]?.frame).toBeLessThan(8);
  expect(runs[0]?.frames.at(-1)?.frame).toBeGreaterThan(99 - 8);
  expect(runs[1]?.frames[0]?.frame).toBeLessThan(8);
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

test("a player that is reset in the middle of an ad ends the break, and nobody has rewound", async ({ page }) => {
  const before = world.beacons("a").length;
  const adTagUrl = world.answerVast("/ads/pre", "a");
  await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
  await page.waitForFunction(() =>
    window.videoJsPlayers?.[0]?.events.some(({ name, event }) => name === "adprogress" && Number(event["time"]) > 1),
  );
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const player = window.videoJsPlayers?.[0]?.player;
        player?.on("playerreset", () => resolve());
        player?.reset();
      }),
  );
  const next = { zoneUrl: world.zoneUrl, adTagUrl: world.answerVast("/ads/next", "b"), ...PATIENT };
  await page.evaluate(({ url, options }) => window.setVideoJsSource?.(url, options), {
    url: world.contentUrl("ts"),
    options: next,
  });
  await page.evaluate(() => document.querySelector("video")?.play());
  await expect.poll(() => world.beacons("b").map(({ event }) => event)).toContain("start");
  const told = await page.evaluate(() => window.videoJsPlayers?.[0]?.events.map(({ name }) => name));
  const breaks = told?.filter((name) => name.startsWith("adbreak"));
  expect(breaks).toEqual(["adbreakstart", "adbreakcomplete", "adbreakstart"]);
  const sent = world
    .beacons("a")
    .slice(before)
    .map(({ event }) => event);
  expect(sent).toContain("start");
  expect(sent.filter((event) => event === "rewind" || event === "resume")).toEqual([]);
});

test("disposing of the plugin in the middle of an ad leaves a player as if it had never been there", async ({
  page,
}) => {
  await page.addInitScript(countListeners);
  const adTagUrl = world.answerVast("/ads/pre", "a");
  await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
  await page.waitForFunction(() => window.videoJsPlayers?.[0]?.events.some(({ name }) => name === "adprogress"));
  await page.evaluate(() => window.videoJsPlayers?.[0]?.plugin?.dispose());
  const sent = world.beacons().length;
  await playPast(page, 3);
  await page.locator("video").evaluate((video: HTMLVideoElement) => video.pause());
  expect(world.beacons().length).toBe(sent);
  expect(await page.evaluate(() => window.videoJsPlayers?.[0]?.player.usingPlugin("interlude"))).toBe(false);
  expect(await page.locator(".video-js").getAttribute("class")).not.toContain("vjs-ad-playing");
  const left = await page.evaluate(() => window.heldListeners?.());

  await openVideoJs(page, world, { hasPlugin: false });
  // until video.js hides its controls
  await playPast(page, 3);
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
