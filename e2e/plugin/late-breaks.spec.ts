/**
 * Breaks that are decided while hls.js plays: right before it starts, behind a seek that goes over them, before a place that was loaded
 * already; in live content for a viewer who begins behind the edge.
 *
 * @see DESIGN §6; primetime.md §4.6, §4.8
 */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE, SEGMENT } from "./catalog.ts";
import { contentTime, errors, events, openPlayer, playPast, seekTo, waitForEvent } from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

const { a, c } = ADS;
/** Little is loaded ahead of the viewer, so that far breaks are not resolved yet. */
const SHORT_BUFFER = { maxBufferLength: 4, maxMaxBufferLength: 4, startPosition: 0 };

/** What was on screen, film after film, less single frames. */
async function shownSources(page: Page): Promise<readonly number[]> {
  const runs = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
  return runs.map(({ source }) => source).filter((source, index, all) => source !== all[index - 1]);
}

const SOUND_APART = ["cmaf", "ts-alt-audio"] as const;
for (const kind of selectCells(SOUND_APART, SOUND_APART)) {
  test(`${kind}: playback that starts a second before a break goes on into the ad`, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
    // the break is decided after the playlists are handed over, and before the film is there
    const decided = page.waitForResponse(/\/media\/ads\/a\/.*\d+\.m3u8/);
    await page.route(/\/media\/(cmaf|ts-alt-audio)\/.*\.(m4s|ts|aac)$/, async (route) => {
      await decided;
      await route.continue();
    });
    await openPlayer(page, world, { content: kind, options: { adTagUrl }, hlsConfig: { startPosition: 7 } });
    await playPast(page, 8 + a.duration + 1);
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
  });
}

test("playback that starts a second before a break that is never decided goes on without it", async ({ page }) => {
  const adTagUrl = world.answer("/ads/never", { until: new Promise<never>(() => undefined) });
  const breaks = [{ id: "never", time: 8, adTagUrl }];
  await openPlayer(page, world, { content: "cmaf", options: { breaks }, hlsConfig: { startPosition: 7 } });
  await playPast(page, 10);
  expect(await shownSources(page)).toEqual([CONTENT_SOURCE]);
});

const LOADED = ["ts", "cmaf"] as const;
for (const kind of selectCells(LOADED, LOADED.slice(0, 1))) {
  test(`${kind}: a break that is decided once the film is loaded beyond it is played, and the film goes on where it was`, async ({
    page,
  }) => {
    const loaded = Promise.withResolvers<void>();
    const vast = world.vast("a");
    const adTagUrl = world.answer("/ads/late", { body: vast, type: "application/xml", until: loaded.promise });
    const options = { breaks: [{ id: "late", time: 8, adTagUrl }], startBudgetMs: 300, adTimeoutMs: 20_000 };
    await openPlayer(page, world, { content: kind, options });
    await page.waitForFunction(() => {
      const { buffered } = document.querySelector("video") ?? {};
      return buffered !== undefined && buffered.length > 0 && buffered.end(buffered.length - 1) > 14;
    });
    loaded.resolve();
    await playPast(page, 8 + a.duration + 2);
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
    const [before, , after] = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
    const lost = (after?.frames[0]?.frame ?? 0) - (before?.frames.at(-1)?.frame ?? 0);
    expect(Math.abs(lost - 1)).toBeLessThanOrEqual(2);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
  });
}

/** The tag of an ad server that answers when it is told to. */
function answerLate(path: string, ad: "a" | "c", until: Promise<unknown>): string {
  return world.answer(path, { body: world.vast(ad), type: "application/xml", until });
}

test("breaks that are decided in front of the first of them, behind a pre-roll, are all played, up to the post-roll", async ({
  page,
}) => {
  const seen = Promise.withResolvers<void>();
  // the post-roll is ready first, and waits for the mid-roll, so that both are bound at once
  const postReady = page.waitForResponse(/\/media\/ads\/c\/.*\d+\.m3u8/);
  const breaks = [
    { id: "post", time: "end" as const, adTagUrl: answerLate("/ads/post", "c", seen.promise) },
    { id: "mid", time: 8, adTagUrl: answerLate("/ads/mid", "a", postReady) },
    { id: "pre", time: "start" as const, adTagUrl: world.answerVast("/ads/pre", "a") },
  ];
  await openPlayer(page, world, { options: { breaks, lookAhead: false, startBudgetMs: 4000, adTimeoutMs: 30_000 } });
  await playPast(page, a.duration + 0.5);
  seen.resolve();
  await playPast(page, a.duration + 8 + a.duration + 1);
  await seekTo(page, a.duration + a.duration + 22);
  await waitForEvent(page, "adbreakcomplete", { breakId: "post" });
  expect(await shownSources(page)).toEqual([a.source, CONTENT_SOURCE, a.source, CONTENT_SOURCE, c.source]);
});

test("after an ad that was not there, a break that is decided later is played", async ({ page }) => {
  const decided = Promise.withResolvers<void>();
  world.fail(/\/ads\/c\/.*\.ts$/, "404");
  const breaks = [
    { id: "gone", time: 8, adTagUrl: world.answerVast("/ads/gone", "c") },
    { id: "later", time: 20, adTagUrl: answerLate("/ads/later", "a", decided.promise) },
  ];
  await openPlayer(page, world, { options: { breaks, lookAhead: false, adTimeoutMs: 60_000 } });
  await waitForEvent(page, "adskip", { breakId: "gone", reason: "media-unavailable" });
  await playPast(page, 1);
  await seekTo(page, 15);
  decided.resolve();
  await playPast(page, 20 + a.duration + 1);
  expect(await shownSources(page)).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
});

/** Breaks of the page's own list, each with an ad server of its own. */
function listBreaks(
  times: Readonly<Record<number, "a" | "c">>,
): readonly { id: string; time: number; adTagUrl: string }[] {
  return Object.entries(times).map(([time, ad]) => ({
    id: `at-${time}`,
    time: Number(time),
    adTagUrl: world.answerVast(`/ads/at-${time}`, ad),
  }));
}

test("a seek over breaks that nobody has asked for yet plays the nearest, and goes on where the viewer wanted", async ({
  page,
}) => {
  const breaks = listBreaks({ 12: "c", 16: "a" });
  await openPlayer(page, world, { options: { breaks, lookAhead: 0 }, hlsConfig: SHORT_BUFFER });
  await playPast(page, 0.5);
  await seekTo(page, 20);
  await waitForEvent(page, "seekadjusted", { reason: "snap-back" });
  await waitForEvent(page, "seekadjusted", { reason: "return" });
  await page.waitForFunction(() => (window.interludePlayers?.[0]?.insertion?.contentTime ?? 0) > 20.5);
  expect(await shownSources(page)).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
  const film = groupRuns(await shownFrames(page)).findLast(({ source }) => source === CONTENT_SOURCE);
  expect(Math.abs((film?.frames[0]?.frame ?? 0) - 20 * FRAME_RATE)).toBeLessThan(FRAME_RATE / 2);
  expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
});

test("a seek over a break that is not decided within the start budget goes on without it", async ({ page }) => {
  const adTagUrl = world.answer("/ads/never", { until: new Promise<never>(() => undefined) });
  const breaks = [{ id: "never", time: 16, adTagUrl }];
  await openPlayer(page, world, { options: { breaks, lookAhead: 0, startBudgetMs: 300 }, hlsConfig: SHORT_BUFFER });
  await playPast(page, 0.5);
  await seekTo(page, 20);
  await playPast(page, 21);
  expect((await events(page)).filter(({ name }) => name === "seekadjusted")).toEqual([]);
});

test("after a seek ahead and back, a break before the place that was loaded is played", async ({ page }) => {
  const breaks = listBreaks({ 12: "c", 16: "a" });
  await openPlayer(page, world, {
    options: { breaks, lookAhead: 0, snapBack: false },
    hlsConfig: SHORT_BUFFER,
  });
  await playPast(page, 0.5);
  await seekTo(page, 20);
  await playPast(page, 20.5);
  await seekTo(page, 8);
  await playPast(page, 12 + c.duration + 1);
  expect((await shownSources(page)).slice(-3)).toEqual([CONTENT_SOURCE, c.source, CONTENT_SOURCE]);
  expect(await contentTime(page)).toBeGreaterThan(12);
});

/** Segments that are listed when the viewer comes; the avail begins with the fourth. */
const LISTED = 8;
const AVAIL = 4;

test("live: an avail that is listed when the viewer comes is filled where he begins before it", async ({ page }) => {
  world.setCues([{ first: AVAIL, count: a.duration / SEGMENT }]);
  world.list("live", LISTED + 0.9);
  const options = { adTagUrl: world.answerVast("/ads/vast", "a"), live: true };
  await openPlayer(page, world, { content: "live", options, hlsConfig: { startPosition: 2 } });
  await playPast(page, 2.5);
  world.run("live");
  await playPast(page, AVAIL * SEGMENT + a.duration + 1);
  expect(await shownSources(page)).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
});

for (const kind of selectCells(SOUND_APART, SOUND_APART)) {
  test(`${kind} in hls.light, which plays no sound apart: the film plays on, and the break is told as skipped`, async ({
    page,
  }) => {
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
    await openPlayer(page, world, {
      host: "hls.light",
      content: kind,
      options: { adTagUrl },
      hlsConfig: { startPosition: 5 },
    });
    await waitForEvent(page, "adskip", { breakId: "mid", reason: "no-variant-match" });
    await playPast(page, 10);
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE]);
  });
}
