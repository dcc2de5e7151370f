/** Ads in video.js 8 over VHS: what was on screen, what was told, and what becomes of the film when an ad is broken. */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, type ContentKind, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE, SEGMENT } from "./catalog.ts";
import { expectRuns, playPast, seekTo } from "./page.ts";
import { startWorld, type World } from "./world.ts";
import { openVideoJs, PATIENT } from "./videojs-page.ts";

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

const FILM_FRAMES = FILM_DURATION * FRAME_RATE;
/** Seconds of content. */
const BREAK = 8;
const MID = { at: `00:00:0${BREAK}`, id: "mid" } as const;

/** Plays from a little before a time of the stream to another one. */
async function playAround(page: Page, from: number, until: number): Promise<void> {
  await playPast(page, 0.2);
  await seekTo(page, from - 0.7);
  await recordFrames(page);
  await playPast(page, until + 0.7);
}

async function waitForPlayer(page: Page, name: string): Promise<void> {
  const isTold = (wanted: string): boolean =>
    window.videoJsPlayers?.[0]?.events.some((event) => event.name === wanted) ?? false;
  await page.waitForFunction(isTold, name, { timeout: 40_000 });
}

test("VHS, demuxed CMAF: pre-, mid- and post-roll are on screen whole, and each beacon is sent once", async ({
  page,
}) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [
    { at: "start", id: "pre", ads: ["a"] },
    { ...MID, ads: ["c"] },
    { at: "end", id: "post", ads: [{ ad: "a", id: "z" }] },
  ]);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await openVideoJs(page, world, { content: "cmaf", options: { adTagUrl, ...PATIENT } });
  await playPast(page, 4.7);
  await expectRuns(page, [
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  const master = asked.indexOf("/media/cmaf/master.m3u8");
  // what the start waits for is asked before VHS has asked for anything
  expect(asked.slice(0, Math.max(0, master))).toEqual(expect.arrayContaining(["/v1/zones/1.json", "/ads/vmap"]));
  await playAround(page, BREAK + 4, BREAK + 8);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: 199 },
    { source: ADS.c.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 200 },
  ]);
  await seekTo(page, FILM_DURATION + 8 - 0.7);
  await recordFrames(page);
  await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, { timeout: 30_000 });
  await expectRuns(page, [
    { source: CONTENT_SOURCE, to: FILM_FRAMES - 1 },
    { source: ADS.a.source, from: 0, to: 99 },
  ]);
  const played = [
    ["pre", "a"],
    ["mid", "c"],
    ["post", "z"],
  ] as const;
  const quartiles = ["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
  const sent = world.beacons().map(({ owner, event }) => `${owner} ${event}`);
  expect(sent.filter((one) => !one.endsWith("creativeView"))).toEqual(
    played.flatMap(([id, ad]) => [`${id} breakStart`, ...quartiles.map((event) => `${ad} ${event}`), `${id} breakEnd`]),
  );
  const { heard, states } = (await page.evaluate(() => {
    const [player] = window.videoJsPlayers ?? [];
    return player && { heard: player.heard, states: player.states };
  })) ?? { heard: [], states: [] };
  // the names of contrib-ads, per break
  const reached = ["ads-first-quartile", "ads-midpoint", "ads-third-quartile"];
  const [begun, over] = [
    ["adstart", "ads-pod-started"],
    ["ads-pod-ended", "adend"],
  ];
  expect(heard).toEqual(played.flatMap(() => [...begun, "ads-ad-started", ...reached, "ads-ad-ended", ...over]));
  // JSON has no undefined
  expect(states.slice(states.findIndex(([id]) => id)).map(([id, ad]) => [id ?? "", ad ?? ""])).toEqual(
    played.flatMap(([id, ad]) => [
      [id, ""],
      [id, ad],
      [id, ""],
      ["", ""],
    ]),
  );
});

const CONTENTS = [
  ["ts", "TS"],
  ["ts-alt-audio", "TS with alternate audio"],
  ["aes", "AES-128"],
  ["ts-and-audio-only", "TS with a variant of sound alone"],
] as const;

for (const [content, what] of selectCells(CONTENTS, [])) {
  test(`VHS, ${what}: a mid-roll is on screen whole, and the film goes on`, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:04", id: "mid", ads: ["a"] }]);
    await openVideoJs(page, world, { content, options: { adTagUrl, ...PATIENT } });
    await playPast(page, 9);
    await expectRuns(page, [
      { source: CONTENT_SOURCE, to: 99 },
      { source: ADS.a.source, from: 0, to: 99 },
      { source: CONTENT_SOURCE, from: 100 },
    ]);
  });
}

for (const run of selectCells([1, 2, 3, 4], [])) {
  test(`VHS, TS with alternate audio: a seek while VHS loads ends neither the film nor its picture, ${run}`, async ({
    page,
  }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ ...MID, ads: ["a"] }]);
    await openVideoJs(page, world, { content: "ts-alt-audio", options: { adTagUrl, ...PATIENT } });
    await page.waitForFunction(() => document.querySelector("video")?.readyState);
    await seekTo(page, BREAK - 3.5);
    await playPast(page, BREAK + 5);
    expect(groupRuns(await shownFrames(page)).at(-1)?.source).toBe(CONTENT_SOURCE);
  });
}

for (const content of selectCells(["audio-only"] as const, [])) {
  test("VHS: the sound alone has its ad, and goes on where it was left", async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ at: "00:00:02", id: "mid", ads: ["a"] }]);
    await openVideoJs(page, world, { content, options: { adTagUrl, ...PATIENT } });
    await waitForPlayer(page, "adbreakcomplete");
    await playPast(page, 6.5);
    const times = await page.evaluate(() => {
      const { plugin } = window.videoJsPlayers?.[0] ?? {};
      return plugin && [plugin.streamTime - plugin.contentTime, plugin.breaks[0]?.watched];
    });
    expect(times).toEqual([expect.closeTo(ADS.a.duration, 0), true]);
  });
}

test("VHS: subtitles stay in step with the film behind an ad, and show nothing in it", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/mid", [{ ...MID, ads: ["a"] }]);
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

for (const { name, fault, path, shown } of selectCells(BROKEN, BROKEN.slice(0, 1))) {
  test(`VHS: an ad whose segments ${name} costs neither the next ad nor the film`, async ({ page }) => {
    const adTagUrl = world.answerVmap("/ads/mid", [{ ...MID, ads: ["a", "c"] }]);
    const heal = world.fail(path, fault);
    await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
    await playAround(page, BREAK, BREAK + 8);
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

/** Runs in the page before all else: VHS has workers look into segments, and is never told of this one. */
function loseSegment(nth: number): void {
  let count = 0;
  const apply = (send: Worker["postMessage"], worker: Worker, args: readonly unknown[]): unknown => {
    const [message] = args;
    const isLook =
      typeof message === "object" && message !== null && "action" in message && message.action === "probeTs";
    if (isLook && ++count === nth) return undefined;
    return Reflect.apply(send, worker, args);
  };
  Worker.prototype.postMessage = new Proxy(Worker.prototype.postMessage, { apply });
}

test("VHS: a segment of an ad that VHS itself has lost is asked for again, and the ad goes on", async ({ page }) => {
  await page.addInitScript(loseSegment, 2);
  const adTagUrl = world.answerVast("/ads/pre", "a");
  const asked = world.requests.length;
  await openVideoJs(page, world, { options: { adTagUrl, ...PATIENT } });
  await playPast(page, 4.7);
  await expectRuns(page, [
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  const segments = world.requests.slice(asked).filter(({ path }) => /ads\/a\/hls\/\d+_00001\.ts$/.test(path));
  expect(segments.length).toBeGreaterThan(1);
});

const MOVING = ["live", "event"] as const satisfies readonly ContentKind[];
/** The segment with which the avail begins. */
const AVAIL = 10;

for (const kind of selectCells(MOVING, MOVING.slice(0, 1))) {
  test(`VHS, ${kind}: an avail's cue becomes its ads, which a viewer who goes back sees again`, async ({ page }) => {
    world.setCues([{ first: AVAIL, count: 2 }]);
    world.list(kind, AVAIL + 1.9);
    const adTagUrl = world.answerVast("/ads/avail", "a");
    await openVideoJs(page, world, { content: kind, options: { adTagUrl, live: true, ...PATIENT } });
    await playPast(page, 0.1);
    world.run(kind);
    const start = await page.waitForFunction(
      () => window.videoJsPlayers?.[0]?.plugin?.breaks.find(({ state }) => state === "placed")?.startTime,
    );
    const at = (await start.jsonValue()) ?? Number.NaN;
    await seekTo(page, at - 0.7);
    await recordFrames(page);
    await playPast(page, at + ADS.a.duration + 0.7);
    const [before, ad, after] = groupRuns(await shownFrames(page));
    expect([before?.source, ad?.source, after?.source]).toEqual([CONTENT_SOURCE, ADS.a.source, CONTENT_SOURCE]);
    const ends = (run: typeof ad): readonly (number | undefined)[] => [
      run?.frames[0]?.frame,
      run?.frames.at(-1)?.frame,
    ];
    expect(before?.frames.at(-1)?.frame).toBeGreaterThan(AVAIL * SEGMENT * FRAME_RATE - 8);
    expect(ends(ad)).toEqual([expect.closeTo(0, -1), expect.closeTo(99, -1)]);
    expect(after?.frames[0]?.frame).toBeGreaterThanOrEqual((AVAIL + 2) * SEGMENT * FRAME_RATE);
    await seekTo(page, at - 0.7);
    await recordFrames(page);
    await playPast(page, at + 0.7);
    expect(groupRuns(await shownFrames(page)).map(({ source }) => source)).toEqual([CONTENT_SOURCE, ADS.a.source]);
  });
}

for (const content of selectCells(["low-latency"] as const, [])) {
  test("VHS, low latency: the channel plays as it came, and its avails are told as skipped", async ({ page }) => {
    world.setCues([{ first: 4, count: 2 }]);
    world.run(content);
    const adTagUrl = world.answerVast("/ads/avail", "a");
    await openVideoJs(page, world, { content, options: { adTagUrl, live: true, ...PATIENT } });
    await waitForPlayer(page, "adskip");
    const time = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
    await playPast(page, time + 1);
    expect(new Set((await shownFrames(page)).map(({ source }) => source))).toEqual(new Set([CONTENT_SOURCE]));
    const skipped = await page.evaluate(() =>
      window.videoJsPlayers?.[0]?.events.filter(({ name }) => name === "adskip"),
    );
    expect(skipped?.[0]?.event["reason"]).toBe("policy");
  });
}
