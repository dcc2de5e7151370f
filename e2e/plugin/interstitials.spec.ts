/**
 * Muxed fMP4, into which no ad can be spliced: hls.js plays the breaks as interstitials. Pixels say what was on screen, and the film
 * goes on at its next segment; beacons and events come as in a spliced break.
 *
 * @see DESIGN §6, packaging follows the content
 */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { type AdName, ADS, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE } from "./catalog.ts";
import { contentTime, errors, events, type HostName, openPlayer, playPast, seekTo, waitForEvent } from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

/** Seconds of content, at a segment boundary. */
const BREAK = 8;
const BREAK_FRAME = BREAK * FRAME_RATE;
/** Seconds before the break. */
const LEAD = 2.5;
/** Frames: the player leaves the film at a `timeupdate`, and a machine under load does not compose every frame at an edge. */
const EDGE = FRAME_RATE / 4 + 2;
const WHOLE = ["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

/** Film or ad, and its first and last frame on screen; absent: any. */
interface Shown {
  readonly source: number;
  readonly first?: number;
  readonly last?: number;
}

async function expectShown(page: Page, expected: readonly Shown[]): Promise<void> {
  const runs = groupRuns(await shownFrames(page));
  expect(runs.map(({ source }) => source)).toEqual(expected.map(({ source }) => source));
  for (const [index, { source, first, last }] of expected.entries()) {
    const frames = runs[index]?.frames.map(({ frame }) => frame) ?? [];
    const what = `film ${source}, run ${index + 1}: frames ${frames[0]} to ${frames.at(-1)}`;
    if (first !== undefined) expect(Math.abs((frames[0] ?? Number.NaN) - first), what).toBeLessThanOrEqual(EDGE);
    if (last !== undefined) expect(Math.abs((frames.at(-1) ?? Number.NaN) - last), what).toBeLessThanOrEqual(EDGE);
  }
}

const wholeAd = (ad: AdName): Shown => ({
  source: ADS[ad].source,
  first: 0,
  last: ADS[ad].duration * FRAME_RATE - 1,
});
const FILM_BEFORE: Shown = { source: CONTENT_SOURCE, last: BREAK_FRAME - 1 };
const FILM_AFTER: Shown = { source: CONTENT_SOURCE, first: BREAK_FRAME };

/** What an ad's trackers were told, in order. */
const told = (ad: AdName): readonly string[] =>
  world
    .beacons(ad)
    .map(({ event }) => event)
    .filter((event) => event !== "creativeView");

/** The film just before its break at 8 s. */
async function openBeforeBreak(page: Page, ...ads: readonly AdName[]): Promise<void> {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads }]);
  const hlsConfig = { startPosition: BREAK - LEAD };
  await openPlayer(page, world, { content: "fmp4-muxed", options: { adTagUrl }, hlsConfig });
}

test("a pod in the middle is seen whole, its beacons come once, and the film goes on where it was left", async ({
  page,
}) => {
  await openBeforeBreak(page, "a", "c");
  await waitForEvent(page, "adstart", { adId: "c" });
  expect(await contentTime(page)).toBeCloseTo(BREAK, 1);
  await waitForEvent(page, "adbreakcomplete", { breakId: "mid" });
  await playPast(page, BREAK + 1);
  await expectShown(page, [FILM_BEFORE, wholeAd("a"), wholeAd("c"), FILM_AFTER]);
  for (const ad of ["a", "c"] as const) expect(told(ad)).toEqual(WHOLE);
  const names = (await events(page))
    .map(({ name }) => name)
    .filter((name) => /^ad(?:break)?(?:start|complete)$/.test(name));
  expect(names).toEqual(["adbreakstart", "adstart", "adcomplete", "adstart", "adcomplete", "adbreakcomplete"]);
  // a break that is decided late has playlists asked for anew, and hls.js tells of the load that this ends
  expect((await errors(page)).filter((error) => error !== "aborted")).toEqual([]);
});

test("a pre-roll is the first thing on screen, and the film begins behind it", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "start", id: "pre", ads: ["a"] }]);
  await openPlayer(page, world, { content: "fmp4-muxed", options: { adTagUrl } });
  await waitForEvent(page, "adbreakcomplete", { breakId: "pre", watched: true });
  await playPast(page, 1);
  await expectShown(page, [wholeAd("a"), { source: CONTENT_SOURCE, first: 0 }]);
  expect(told("a")).toEqual(WHOLE);
});

test("a post-roll follows the last frame of the film", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "end", id: "post", ads: ["a"] }]);
  const hlsConfig = { startPosition: FILM_DURATION - LEAD };
  await openPlayer(page, world, { content: "fmp4-muxed", options: { adTagUrl }, hlsConfig });
  await waitForEvent(page, "adbreakcomplete", { breakId: "post", watched: true });
  expect(told("a")).toEqual(WHOLE);
  const runs = groupRuns(await shownFrames(page));
  expect(runs.slice(0, 2).map(({ source }) => source)).toEqual([CONTENT_SOURCE, ADS.a.source]);
  expect(runs[0]?.frames.at(-1)?.frame).toBeGreaterThan(FILM_DURATION * FRAME_RATE - EDGE);
});

/** The film just before its break at 8 s, whose ads nobody knows yet. */
async function openBeforeLate(
  page: Page,
  breaks: readonly { id: string; time: number; ad: AdName }[],
): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const late = breaks.map(({ id, time, ad }) => ({
    id,
    time,
    adTagUrl: world.answer(`/ads/${id}`, { body: world.vast(ad), until: promise }),
  }));
  const hlsConfig = { startPosition: BREAK - LEAD };
  await openPlayer(page, world, { content: "fmp4-muxed", options: { breaks: late }, hlsConfig });
  return () => resolve(undefined);
}

test("a break that is decided while the film plays is seen whole", async ({ page }) => {
  const decide = await openBeforeLate(page, [{ id: "late", time: BREAK, ad: "a" }]);
  await playPast(page, BREAK - LEAD + 0.2);
  decide();
  await waitForEvent(page, "adbreakcomplete", { breakId: "late", watched: true });
  await playPast(page, BREAK + 1);
  await expectShown(page, [FILM_BEFORE, wholeAd("a"), FILM_AFTER]);
  expect(told("a")).toEqual(WHOLE);
});

test("a break that is decided when its place is over is told as late, and one behind it is seen", async ({ page }) => {
  const decide = await openBeforeLate(page, [
    { id: "too-late", time: BREAK - 2, ad: "c" },
    { id: "late", time: BREAK + 2, ad: "a" },
  ]);
  await playPast(page, BREAK - 1);
  decide();
  await waitForEvent(page, "adskip", { breakId: "too-late", reason: "ads-timeout" });
  await waitForEvent(page, "adbreakcomplete", { breakId: "late", watched: true });
  await playPast(page, BREAK + 3);
  await expectShown(page, [{ source: CONTENT_SOURCE }, wholeAd("a"), { source: CONTENT_SOURCE }]);
});

for (const host of selectCells<HostName>(["hls.light", "vhs", "videojs-hls.js"], ["videojs-hls.js"])) {
  test(`${host}: the film plays through, and the break is told as one for which there is no variant`, async ({
    page,
  }) => {
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "start", id: "pre", ads: ["a"] }]);
    await openPlayer(page, world, { host, content: "fmp4-muxed", options: { adTagUrl } });
    await waitForEvent(page, "adskip", { breakId: "pre", reason: "no-variant-match" });
    await playPast(page, 1);
    await expectShown(page, [{ source: CONTENT_SOURCE, first: 0 }]);
  });
}

/** How an ad that was there when it was asked for is no more when it is to be played. */
const FAULTS = ["no playlist", "no segment", "a segment that never comes"] as const;
type AdFault = (typeof FAULTS)[number];

const BREAK_AD: Readonly<Record<AdFault, () => Promise<unknown>>> = {
  "no playlist": async () => {
    const url = world.adUrl("a", "hls");
    const master = await (await fetch(url)).text();
    let asked = 0;
    world.answer(new URL(url).pathname, () => {
      asked += 1;
      return asked === 1 ? { body: master, type: "application/vnd.apple.mpegurl" } : { status: 404 };
    });
  },
  "no segment": async () => world.fail(/ads\/a\/hls\/.*\.ts$/, "404"),
  "a segment that never comes": async () => world.fail(/ads\/a\/hls\/.*\.ts$/, "hang"),
};
const REASON: Readonly<Record<AdFault, string>> = {
  "no playlist": "media-unavailable",
  "no segment": "media-unavailable",
  "a segment that never comes": "media-timeout",
};

for (const fault of selectCells<AdFault>(FAULTS, ["no playlist", "no segment"])) {
  test(`an ad with ${fault} when it is to be played is told as skipped, and the film plays on`, async ({ page }) => {
    await BREAK_AD[fault]();
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: [{ ad: "a", media: "hls" }] }]);
    const hlsConfig = { startPosition: BREAK - LEAD };
    await openPlayer(page, world, { content: "fmp4-muxed", options: { adTagUrl }, hlsConfig });
    await waitForEvent(page, "adskip", { breakId: "mid", reason: REASON[fault] });
    await playPast(page, BREAK + 1);
    await expectShown(page, [{ source: CONTENT_SOURCE }]);
    expect(told("a")).toEqual(["error"]);
  });
}

test("a viewer who seeks over a break sees it first, once, and then what he wanted", async ({ page }) => {
  await openBeforeBreak(page, "a");
  await playPast(page, BREAK - LEAD + 0.5);
  await seekTo(page, BREAK + 4);
  await waitForEvent(page, "adbreakcomplete", { breakId: "mid", watched: true });
  await playPast(page, BREAK + 5);
  await expectShown(page, [{ source: CONTENT_SOURCE }, wholeAd("a"), { source: CONTENT_SOURCE }]);
  const { event } = await waitForEvent(page, "seekadjusted", { reason: "snap-back" });
  expect(event["to"]).toBeCloseTo(BREAK + 4 + ADS.a.duration, 0);
  await seekTo(page, BREAK - 1);
  await playPast(page, BREAK + 1);
  expect(told("a")).toEqual(WHOLE);
});
