/**
 * Where breaks come from, each once in hls.js on real media: lists, cues in VOD and in live, ranges, resolvers, a live pre-roll; and that
 * ads are asked for when the viewer comes near, not before.
 *
 * @see primetime.md §4.1, §4.8, §4.9
 */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, shownFrames } from "../frames.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE, SEGMENT } from "./catalog.ts";
import {
  contentTime,
  errors,
  events,
  type ExpectedRun,
  expectRuns,
  openPlayer,
  playPast,
  seekTo,
  waitForEvent,
} from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

/** Seconds of content. */
const BEGIN = 6;
const END = 10;
const FROM = BEGIN - 1.5;
const { a, c } = ADS;
const WHOLE_A: ExpectedRun = { source: a.source, from: 0, to: a.duration * FRAME_RATE - 1 };
const WHOLE_C: ExpectedRun = { source: c.source, from: 0, to: c.duration * FRAME_RATE - 1 };
const BEFORE: ExpectedRun = { source: CONTENT_SOURCE, to: BEGIN * FRAME_RATE - 1 };
const AFTER: ExpectedRun = { source: CONTENT_SOURCE, from: END * FRAME_RATE };
const START = { hlsConfig: { startPosition: FROM } };

/** An ad server that answers each break by its name, and is asked nothing else. */
function answerBreaks(path: string, ads: Readonly<Record<string, "a" | "c">>): string {
  return world.answer(path, (query) => {
    const ad = ads[query.get("break") ?? ""];
    return { body: ad ? world.vast(ad) : world.vast() };
  });
}

/** The break parameters of all requests to an ad server. */
function askedBreaks(path: string): readonly (string | null)[] {
  return world.requests.filter((request) => request.path === path).map(({ query }) => query.get("break"));
}

/** The film with cues around four seconds of it. */
async function cueContent(): Promise<URL> {
  const text = await (await fetch(new URL("/media/ts/360.m3u8", world.url))).text();
  let segment = 0;
  const cued = text.replaceAll(/^#EXTINF:/gm, (line) => {
    const start = segment++ * SEGMENT;
    if (start === BEGIN) return `#EXT-X-ASSET:CAID=0x10\n#EXT-X-CUE-OUT:ID=avail,DURATION=${END - BEGIN}\n${line}`;
    return start === END ? `#EXT-X-CUE-IN:ID=avail\n${line}` : line;
  });
  return new URL(world.answer("/media/ts/cued.m3u8", { body: cued, type: "application/vnd.apple.mpegurl" }));
}

test("breaks of the page's own list: a VAST at hand, then an ad that is HLS already", async ({ page }) => {
  const breaks = [
    { id: "vast", time: BEGIN, vast: world.vast("a") },
    { id: "hls", time: BEGIN + SEGMENT, hlsUrls: [world.adUrl("c", "hls")] },
  ];
  await openPlayer(page, world, { options: { breaks }, ...START });
  await playPast(page, BEGIN + SEGMENT + a.duration + c.duration + 0.5);
  const between = { source: CONTENT_SOURCE, from: BEGIN * FRAME_RATE, to: (BEGIN + SEGMENT) * FRAME_RATE - 1 };
  const last = { source: CONTENT_SOURCE, from: (BEGIN + SEGMENT) * FRAME_RATE };
  await expectRuns(page, [BEFORE, WHOLE_A, between, WHOLE_C, last]);
  expect(world.beacons("a").map(({ event }) => event)).toContain("complete");
});

test("a cue in VOD gives way to its ads, which are asked for with the cue's attributes", async ({ page }) => {
  const content = await cueContent();
  const adTagUrl = `${answerBreaks("/ads/avail", { avail: "a" })}?caid=[%23CAID]`.replace("%23", "#");
  // a cue is only known with its playlist: who begins within its last segment and a half may be too late for it
  const hlsConfig = { startPosition: BEGIN - 2 * SEGMENT };
  await openPlayer(page, world, { content, options: { adTagUrl, signaling: "manifest-cues" }, hlsConfig });
  await playPast(page, BEGIN + a.duration + 0.5);
  await expectRuns(page, [BEFORE, WHOLE_A, AFTER]);
  expect(await contentTime(page)).toBeGreaterThan(END);
  const asked = world.requests
    .filter(({ path }) => path === "/ads/avail")
    .map(({ query }) => Object.fromEntries(query));
  expect(asked).toEqual([
    expect.objectContaining({ break: "preroll" }),
    expect.objectContaining({ break: "avail", duration: "4", caid: "16" }),
  ]);
});

test("a replaced range is taken out, and a break stands in its place", async ({ page }) => {
  const timeRanges = { type: "replace", ranges: [{ begin: BEGIN, end: END, replacementDuration: 5 }] } as const;
  const adTagUrl = answerBreaks("/ads/range", { "range-1": "a" });
  await openPlayer(page, world, { options: { adTagUrl, timeRanges }, ...START });
  await playPast(page, BEGIN + a.duration + 0.5);
  await expectRuns(page, [BEFORE, WHOLE_A, AFTER]);
  expect(await contentTime(page)).toBeGreaterThan(END);
});

test("a deleted range is not shown, and the content's times stay what they were", async ({ page }) => {
  const timeRanges = { type: "delete", ranges: [{ begin: BEGIN, end: END }] } as const;
  await openPlayer(page, world, { options: { timeRanges }, ...START });
  await playPast(page, BEGIN + 1);
  const frames = groupRuns(await shownFrames(page)).flatMap((run) => run.frames.map(({ frame }) => frame));
  expect(frames.filter((frame) => frame >= BEGIN * FRAME_RATE && frame < END * FRAME_RATE)).toEqual([]);
  expect(frames.at(-1)).toBeGreaterThan(END * FRAME_RATE);
  expect(await contentTime(page)).toBeGreaterThan(END);
});

test("a marked range is told when the viewer enters and leaves it, and nobody is asked for ads", async ({ page }) => {
  const timeRanges = { type: "mark", ranges: [{ begin: BEGIN, end: BEGIN + 1 }] } as const;
  const adTagUrl = world.answerVast("/ads/marked", "a");
  await openPlayer(page, world, { options: { adTagUrl, timeRanges }, ...START });
  const entered = await waitForEvent(page, "rangestart", { index: 0, begin: BEGIN, end: BEGIN + 1 });
  const left = await waitForEvent(page, "rangeend", { index: 0 });
  expect(entered.streamTime).toBeGreaterThanOrEqual(BEGIN);
  expect(left.streamTime).toBeGreaterThanOrEqual(BEGIN + 1);
  expect(askedBreaks("/ads/marked")).toEqual([]);
});

test("a resolver of the page finds the ads of one break, and what it throws for another costs that break alone", async ({
  page,
}) => {
  const breaks = [
    { id: "bad", time: BEGIN },
    { id: "good", time: BEGIN + SEGMENT },
  ];
  const pageOptions = () => ({
    resolvers: [
      {
        canResolve: ({ position }: { readonly position: string }) => position === "mid",
        resolve: async ({ id, contentTime: time }: { readonly id: string; readonly contentTime: unknown }) => {
          if (id === "bad") throw new Error(`no ads at ${String(time)} s`);
          return { hlsUrls: [`http://127.0.0.1:${location.port}/media/ads/a/hls/master.m3u8`] };
        },
      },
    ],
  });
  await openPlayer(page, world, { options: { breaks }, pageOptions, ...START });
  await playPast(page, BEGIN + SEGMENT + a.duration + 0.5);
  const before = { source: CONTENT_SOURCE, to: (BEGIN + SEGMENT) * FRAME_RATE - 1 };
  await expectRuns(page, [before, WHOLE_A, { source: CONTENT_SOURCE, from: (BEGIN + SEGMENT) * FRAME_RATE }]);
  await waitForEvent(page, "error", { code: "resolver-failed", fatal: false });
  await waitForEvent(page, "adskip", { breakId: "bad", reason: "no-ads" });
});

test("a break is asked for when the viewer comes near, also by a seek, and is bound into the playing film", async ({
  page,
}) => {
  const FAR = 20;
  const adTagUrl = world.answer("/ads/vmap", { body: formatFar(FAR) });
  const hlsConfig = { maxBufferLength: 4, maxMaxBufferLength: 4, startPosition: 0 };
  await openPlayer(page, world, { options: { adTagUrl }, hlsConfig });
  await playPast(page, 1);
  expect(askedBreaks("/ads/far")).toEqual([]);
  await seekTo(page, FAR - 3);
  await playPast(page, FAR + a.duration + 0.5);
  expect(askedBreaks("/ads/far")).toEqual(["far"]);
  const runs = groupRuns(await shownFrames(page)).map(({ source }) => source);
  expect(runs).toEqual([CONTENT_SOURCE, a.source, CONTENT_SOURCE]);
  expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
});

function formatFar(seconds: number): string {
  const tag = answerBreaks("/ads/far", { far: "a" });
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0"><vmap:AdBreak timeOffset="00:00:${seconds}" breakType="linear" breakId="far"><vmap:AdSource><vmap:AdTagURI templateType="vast4"><![CDATA[${tag}]]></vmap:AdTagURI></vmap:AdSource></vmap:AdBreak></vmap:VMAP>`;
}

test("a break that brings no ad costs the film nothing: it starts and completes in one moment", async ({ page }) => {
  const adTagUrl = answerBreaks("/ads/none", {});
  await openPlayer(page, world, { options: { breaks: [{ id: "none", time: BEGIN, adTagUrl }] }, ...START });
  await playPast(page, BEGIN + 1);
  await expectRuns(page, [{ source: CONTENT_SOURCE }]);
  const told = (await events(page)).filter(({ name }) => name.startsWith("adbreak"));
  expect(told.map(({ name, event }) => [name, event["breakId"], event["adCount"]])).toEqual([
    ["adbreakstart", "none", 0],
    ["adbreakcomplete", "none", 0],
  ]);
});

test("live: a pre-roll before the live point, then an avail that a cue signals", async ({ page }) => {
  world.setCues([{ first: 7, count: 2 }]);
  world.run("live");
  const adTagUrl = world.answer("/ads/live", (query) => ({
    body: query.get("break") === "preroll" ? world.vast("a") : world.vast("c"),
  }));
  await openPlayer(page, world, { content: "live", options: { adTagUrl, live: true, livePreroll: true } });
  await waitForEvent(page, "adbreakcomplete", { position: "live" });
  await waitForContent(page);
  const runs = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
  expect(runs.map(({ source }) => source)).toEqual([a.source, CONTENT_SOURCE, c.source, CONTENT_SOURCE]);
  const [preroll, film, avail, after] = runs;
  expect(preroll?.frames[0]?.frame).toBeLessThan(FRAME_RATE / 4);
  expect(preroll?.frames.at(-1)?.frame).toBeGreaterThan(a.duration * FRAME_RATE - FRAME_RATE / 4);
  expect(avail?.frames.at(-1)?.frame).toBeGreaterThan(c.duration * FRAME_RATE - FRAME_RATE / 4);
  // four seconds of film gave way to the avail's ad
  expect(Math.abs((after?.frames[0]?.frame ?? 0) - (film?.frames.at(-1)?.frame ?? 0) - 100)).toBeLessThan(10);
});

/** A moment of film after the last ad. */
async function waitForContent(page: Page): Promise<void> {
  const now = await page.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);
  await playPast(page, now + 0.5);
}

test("a seek while loading waits for a break that is not decided goes on where the viewer wants to be", async ({
  page,
}) => {
  const adTagUrl = world.answer("/ads/never", { until: new Promise<never>(() => undefined) });
  const breaks = [{ id: "late", time: 20, adTagUrl }];
  await openPlayer(page, world, { options: { breaks }, hlsConfig: { startPosition: 12 } });
  await page.waitForFunction(() => {
    const { buffered } = document.querySelector("video") ?? {};
    return buffered?.length === 1 && buffered.end(0) > 19.5;
  });
  await seekTo(page, 2);
  await playPast(page, 3);
  expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
});
