/**
 * What a viewer can do around breaks, by what was on screen: the table of situations and defaults, the selector, the resume position.
 *
 * @see primetime.md §4.6
 */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE } from "./catalog.ts";
import { errors, events, openPlayer, type PlayerOptions, playPast, waitForEvent } from "./page.ts";
import type { HostName } from "./player-events.ts";
import { startWorld, type World } from "./world.ts";

/** What a busy machine needs; with everything decided at the start, a seek meets the breaks where they are. */
const PATIENT = {
  startBudgetMs: 20_000,
  zoneTimeoutMs: 20_000,
  probeTimeoutMs: 20_000,
  adTimeoutMs: 20_000,
  lookAhead: false,
} as const;

/** Two mid-rolls: film 0-8, ad a 8-12, film 12-20, ad c 20-24, film 24-32 seconds of stream time. */
const MIDS = [
  { at: "00:00:08", id: "one", ads: ["a"] },
  { at: "00:00:16", id: "two", ads: ["c"] },
] as const;
const AD_FRAMES = 4 * FRAME_RATE;
/** Frames that a machine under load does not compose where something begins or ends. */
const SLACK = 6;
/** Frames of a break that is passed over: none on a machine that has time. */
const FLASH = 1;
/** VHS lays a break of content with B-frames up to 0.12 s before the place that it tells, so that its first frames come before the edge. */
const VHS_FLASH = 4;

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

async function open(page: Page, wanted: PlayerOptions & { readonly host: HostName }): Promise<void> {
  await openPlayer(page, world, {
    ...wanted,
    options: wanted.options === "none" ? "none" : { ...PATIENT, ...wanted.options },
  });
  await page.waitForFunction(() => {
    const breaks = window.interludePlayers?.[0]?.insertion?.breaks ?? [];
    return breaks.length > 0 && breaks.every(({ state }) => state === "placed");
  });
}

/** As a viewer does: nobody waits for where it ends. */
async function seek(page: Page, streamTime: number): Promise<void> {
  await recordFrames(page);
  await page.evaluate((to) => {
    const video = document.querySelector("video");
    if (video) video.currentTime = to;
  }, streamTime);
}

interface ShownRun {
  readonly source: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/**
 * What was on screen since the last seek. The frame from before it may still be there, and at places of the film where there are ads a
 * few of its frames: the last ones before it are shown beyond it (B-frames), and in VHS an ad may end a little before VHS says.
 */
async function readRuns(page: Page, from = 0, ...places: readonly number[]): Promise<readonly ShownRun[]> {
  const isLooked = (frame: number): boolean =>
    frame >= from && places.every((place) => Math.abs(frame - place) >= SLACK);
  const frames = (await shownFrames(page)).filter(({ source, frame }) => source !== CONTENT_SOURCE || isLooked(frame));
  return groupRuns(frames).map((run) => ({
    source: run.source,
    first: run.frames[0]?.frame ?? -1,
    last: run.frames.at(-1)?.frame ?? -1,
    count: run.frames.length,
  }));
}

/** Runs without what a busy page lets through: it is told of a seek, or of the last frame before a break, when the next is there. */
async function readSeen(page: Page, from = 0, ...places: readonly number[]): Promise<readonly ShownRun[]> {
  const seen = (await readRuns(page, from, ...places)).filter(({ count }) => count > FLASH);
  return seen.filter(({ source }, index) => source !== seen[index - 1]?.source);
}

/** Waits until so many frames of a film were shown from one of them on. */
async function playFrames(page: Page, source: number, from: number, count: number): Promise<void> {
  await expect
    .poll(
      async () =>
        (await shownFrames(page)).filter((frame) => frame.source === source && frame.frame >= from).length >= count,
      { timeout: 40_000 },
    )
    .toBe(true);
}

function expectNear(value: number | undefined, frame: number): void {
  expect(value).toBeGreaterThanOrEqual(frame);
  expect(value).toBeLessThanOrEqual(frame + SLACK);
}

/** B-frames, and what sums of segment lengths have drifted by: a time in the middle of the film is met to within a few frames. */
function expectAround(value: number | undefined, frame: number): void {
  expect(value).toBeGreaterThanOrEqual(frame - SLACK);
  expect(value).toBeLessThanOrEqual(frame + SLACK);
}

/** An ad from its first frame to its last. */
function expectWhole(run: ShownRun | undefined, source: number): void {
  expect(run?.source).toBe(source);
  expectNear(run?.first, 0);
  expect(run?.last).toBeGreaterThanOrEqual(AD_FRAMES - 1 - SLACK);
}

async function reasons(page: Page): Promise<readonly unknown[]> {
  return (await events(page)).flatMap(({ name, event }) => (name === "seekadjusted" ? [event["reason"]] : []));
}

const HOSTS = ["hls.js", "hls.light", "vhs", "videojs-hls.js"] as const;

for (const host of selectCells<HostName>(HOSTS, ["hls.js"])) {
  test(`${host}: a viewer seeks over breaks, back, and into them`, async ({ page }) => {
    const adTagUrl = world.answerVmap(`/ads/seek-${host}`, MIDS);
    const sent = world.beacons().length;
    await open(page, { host, options: { adTagUrl } });
    await playPast(page, 0.5);

    await test.step("forward over breaks: the last one first, then the target", async () => {
      await seek(page, 28);
      await playFrames(page, CONTENT_SOURCE, 490, 5);
      // what was on screen when the viewer sought is not looked at
      const runs = await readSeen(page, 100, 400);
      expect(runs.map(({ source }) => source)).toEqual([ADS.c.source, CONTENT_SOURCE]);
      expectWhole(runs[0], ADS.c.source);
      expectAround(runs[1]?.first, 497);
    });
    await test.step("backward over breaks: the target", async () => {
      await seek(page, 2);
      await playFrames(page, CONTENT_SOURCE, 50, 5);
      const runs = await readRuns(page);
      expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
      expect((await shownFrames(page)).some(({ frame }) => Math.abs(frame - 50) <= SLACK)).toBe(true);
    });
    await test.step("over breaks of which the last is watched: the target", async () => {
      // one gesture ends where a second has passed
      await playPast(page, 3.2);
      await seek(page, 28);
      await playFrames(page, CONTENT_SOURCE, 490, 5);
      const runs = await readRuns(page);
      expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
    });
    await test.step("into a watched break: its end", async () => {
      await playPast(page, 29.2);
      await seek(page, 22);
      await waitForEvent(page, "seekadjusted", { reason: "watched" });
      await playFrames(page, CONTENT_SOURCE, 400, 5);
      const runs = await readSeen(page);
      expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
      const target = (await waitForEvent(page, "seekadjusted", { reason: "watched" })).event["target"];
      expect(target).toBeCloseTo(24.2, 0);
    });
    await test.step("back into a break that was not watched: the start of the ad hit; behind it the film goes on", async () => {
      await playPast(page, 25.2);
      await seek(page, 10);
      await playFrames(page, CONTENT_SOURCE, 200, 5);
      await waitForEvent(page, "adbreakcomplete", { breakId: "one" });
      const runs = (await readRuns(page)).slice(-2);
      expectWhole(runs[0], ADS.a.source);
      expectNear(runs[1]?.first, 200);
    });
    await test.step("playing into a watched break: no frame of it", async () => {
      await playPast(page, 13.2);
      await seek(page, 6.5);
      await playFrames(page, CONTENT_SOURCE, 205, 5);
      const seen = (await readRuns(page)).filter(({ count }) => count > (host === "vhs" ? VHS_FLASH : FLASH));
      expect([...new Set(seen.map(({ source }) => source))]).toEqual([CONTENT_SOURCE]);
      const shown = (await shownFrames(page)).map(({ frame }) => frame);
      expect(shown.some((frame) => frame >= 199 - SLACK && frame <= 199)).toBe(true);
    });

    expect(await reasons(page)).toEqual(["snap-back", "return", "watched", "ad-start", "watched"]);
    expect(
      await page.evaluate(() => window.interludePlayers?.[0]?.insertion?.breaks.map((one) => one.watched)),
    ).toEqual([true, true]);
    await waitForEvent(page, "beacon", { event: "complete" }, 2);
    const impressions = (await events(page)).filter(
      ({ name, event }) => name === "beacon" && event["event"] === "impression",
    );
    expect(impressions.map(({ event }) => event["adId"])).toEqual(["c", "a"]);
    expect(world.beacons().length).toBeGreaterThan(sent);
    expect((await errors(page)).filter((message) => message.endsWith("(fatal)"))).toEqual([]);
  });

  test(`${host}: trick play shows no ad; the last one left out plays when normal play resumes`, async ({ page }) => {
    const adTagUrl = world.answerVmap(`/ads/trick-${host}`, MIDS);
    await open(page, { host, options: { adTagUrl } });
    await playPast(page, 0.5);
    await seek(page, 5);
    await playFrames(page, CONTENT_SOURCE, 125, 2);
    await page.evaluate(() => {
      const video = document.querySelector("video");
      if (video) video.playbackRate = 4;
    });
    await playPast(page, 13.5);
    const before = await readSeen(page);
    expect(before.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
    await recordFrames(page);
    await page.evaluate(() => {
      const video = document.querySelector("video");
      if (video) video.playbackRate = 1;
    });
    const { event } = await waitForEvent(page, "seekadjusted", { reason: "return" });
    const resumed = Math.floor((Number(event["target"]) - 4) * FRAME_RATE) - SLACK;
    await playFrames(page, CONTENT_SOURCE, resumed, 5);
    const runs = (await readRuns(page, resumed)).slice(-2);
    expectWhole(runs[0], ADS.a.source);
    expectAround(runs[1]?.first, resumed + SLACK);
    const frames = await shownFrames(page);
    const after = frames.slice(frames.findLastIndex(({ source }) => source === ADS.a.source));
    // the film behind the ad, where the viewer has been already
    const again = after.filter(({ source, frame }) => source === CONTENT_SOURCE && frame < resumed);
    expect(again.length).toBeLessThanOrEqual(FLASH);
  });

  test(`${host}: a returning viewer sees the pre-roll and goes on where he was, with nothing in between`, async ({
    page,
  }) => {
    const adTagUrl = world.answerVmap(`/ads/resume-${host}`, [
      { at: "start", id: "pre", ads: ["c"] },
      ...MIDS.slice(0, 1),
    ]);
    await open(page, { host, options: { adTagUrl, startContentTime: 18 } });
    await playFrames(page, CONTENT_SOURCE, 444, 10);
    const runs = await readRuns(page);
    expect(runs.map(({ source }) => source)).toEqual([ADS.c.source, CONTENT_SOURCE]);
    expectWhole(runs[0], ADS.c.source);
    expectAround(runs[1]?.first, 450);
    const state = await page.evaluate(() => {
      const insertion = window.interludePlayers?.[0]?.insertion;
      const watched = insertion?.breaks.map((one) => one.watched);
      return {
        watched,
        duration: insertion?.contentDuration,
        ahead: insertion && insertion.streamTime - insertion.contentTime,
      };
    });
    expect(state.watched).toEqual([true, false]);
    expect(state.duration).toBeCloseTo(24, 1);
    // both breaks lie behind
    expect(state.ahead).toBeCloseTo(8, 0);
  });
}

test("a returning viewer without a pre-roll begins where he was: no frame of another place", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/resume", [{ at: "end", id: "post", ads: ["a"] }]);
  await open(page, { host: "hls.js", options: { adTagUrl, startContentTime: 15 } });
  await playFrames(page, CONTENT_SOURCE, 370, 10);
  const runs = await readRuns(page);
  expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
  expectAround(runs[0]?.first, 375);
  expect(await reasons(page)).toEqual([]);
});

/** The playlist that says by EXT-X-START that the film begins at 15 s. */
const STARTS = [
  { host: "hls.js", playlist: "the media playlist", file: /\/media\/ts\/\d+\.m3u8/ },
  { host: "hls.js", playlist: "the master playlist", file: /\/media\/ts\/master\.m3u8/ },
  { host: "vhs", playlist: "the media playlist", file: /\/media\/ts\/\d+\.m3u8/ },
] as const;

for (const { host, playlist, file } of selectCells(STARTS, STARTS.slice(0, 2)))
  test(`${host}: content that begins elsewhere by ${playlist} shows its pre-roll, then begins there`, async ({
    page,
  }) => {
    await page.route(file, async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      await route.fulfill({ response, body: text.replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=15\n") });
    });
    const adTagUrl = world.answerVmap(`/ads/start-${host}`, [{ at: "start", id: "pre", ads: ["c"] }]);
    await open(page, { host, options: { adTagUrl } });
    await playFrames(page, CONTENT_SOURCE, 380, 10);
    // hls.js shows a frame of where the master playlist has it begin
    const runs = (await readSeen(page)).slice(-2);
    expectWhole(runs[0], ADS.c.source);
    expect(runs[1]?.source).toBe(CONTENT_SOURCE);
    expectAround(runs[1]?.first, 375);
  });

test("keepInAds: neither a seek nor a faster rate gets past an ad", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/keep", MIDS);
  await open(page, { host: "hls.js", options: { adTagUrl, keepInAds: true }, hlsConfig: { startPosition: 7 } });
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video) video.playbackRate = 1.5;
  });
  await waitForEvent(page, "adstart", { adId: "a" });
  await playFrames(page, ADS.a.source, 10, 5);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (!video) return;
    video.currentTime = 28;
    video.playbackRate = 8;
  });
  await playFrames(page, CONTENT_SOURCE, 200, 5);
  const runs = (await readRuns(page, 150)).slice(-2);
  expectWhole(runs[0], ADS.a.source);
  expectNear(runs[1]?.first, 200);
  expect(await reasons(page)).toEqual(["kept-in-ad"]);
  // that of before the ad
  expect(await page.evaluate(() => document.querySelector("video")?.playbackRate)).toBe(1.5);
});

test("noAdsWithin: a break that comes too soon costs no frame of the film, and nobody hears of it", async ({
  page,
}) => {
  const adTagUrl = world.answerVmap("/ads/within", [
    { at: "00:00:06", id: "one", ads: ["b"] },
    { at: "00:00:08", id: "two", ads: ["d"] },
  ]);
  await open(page, { host: "hls.js", options: { adTagUrl, noAdsWithin: 60 }, hlsConfig: { startPosition: 5 } });
  await playFrames(page, CONTENT_SOURCE, 210, 5);
  const runs = await readSeen(page, 100);
  expect(runs.map(({ source }) => source)).toEqual([CONTENT_SOURCE, ADS.b.source, CONTENT_SOURCE]);
  const shown = new Set(
    (await shownFrames(page)).filter(({ source }) => source === CONTENT_SOURCE).map(({ frame }) => frame),
  );
  const missing = Array.from({ length: 20 }, (_, index) => 190 + index).filter((frame) => !shown.has(frame));
  expect(missing.length).toBeLessThanOrEqual(SLACK);
  expect(world.beacons("d")).toEqual([]);
  expect(await reasons(page)).toEqual(["skipped"]);
});

test("a selector has the last word; one that throws costs nothing", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/selector", MIDS);
  await open(page, {
    host: "hls.js",
    options: { adTagUrl },
    pageOptions: () => ({
      policy: {
        selectAdBreaksToPlay: ({ adBreaks }) => adBreaks,
        selectPolicyForAdBreak: () => {
          throw new Error("a page's mistake");
        },
      },
    }),
  });
  await playPast(page, 0.5);
  await seek(page, 28);
  await playFrames(page, CONTENT_SOURCE, 490, 5);
  const runs = await readSeen(page, 100, 200, 400);
  expect(runs.map(({ source }) => source)).toEqual([ADS.a.source, ADS.c.source, CONTENT_SOURCE]);
  expectWhole(runs[0], ADS.a.source);
  expectWhole(runs[1], ADS.c.source);
  expectAround(runs[2]?.first, 497);
  const told = await waitForEvent(page, "error", { code: "option-invalid" });
  expect(told.event).toMatchObject({ fatal: false, message: expect.stringContaining("a page's mistake") });
});

test("live with DVR: a viewer who seeks back into a watched break sees what follows it, and in front of it the break again", async ({
  page,
}) => {
  const adTagUrl = world.answerVast("/ads/avail", "a");
  world.list("live", 8);
  world.setCues([{ first: 9, count: 2 }]);
  await openPlayer(page, world, { content: "live", options: { ...PATIENT, adTagUrl, live: true } });
  world.run("live");
  await waitForEvent(page, "adbreakcomplete", { watched: true });
  const [seen] = await page.evaluate(() => window.interludePlayers?.[0]?.insertion?.breaks ?? []);
  const start = seen?.startTime ?? Number.NaN;
  expect(seen?.watched).toBe(true);
  await playPast(page, start + 5.5);

  await test.step("into the break: its end", async () => {
    await seek(page, start + 2);
    const { event } = await waitForEvent(page, "seekadjusted", { reason: "watched" });
    expect(event["target"]).toBeCloseTo(start + 4, 0);
    await playPast(page, start + 5.5);
    expect((await readSeen(page)).map(({ source }) => source)).toEqual([CONTENT_SOURCE]);
  });
  await test.step("in front of it: it plays again", async () => {
    await seek(page, start - 1);
    await waitForEvent(page, "adbreakcomplete", {}, 2);
    expectWhole(
      (await readRuns(page)).find(({ source }) => source === ADS.a.source),
      ADS.a.source,
    );
  });
});
