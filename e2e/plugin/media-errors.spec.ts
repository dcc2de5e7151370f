/**
 * Ads whose media is broken: whatever is wrong with it, the film goes on at the frame where it was left, and the ad's error URL is told
 * why. Level switches in an ad and over its edges.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, type Run, recordFrames, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, CONTENT_SOURCE } from "./catalog.ts";
import { openPlayer, playPast, seekTo, waitForEvent } from "./page.ts";
import { startWorld, type World } from "./world.ts";

const AD = ADS.a;
/** The film's first frame behind a break at 8 s. */
const RESUMED = 200;

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
});
test.afterAll(() => world.close());

/** Makes something else of a segment. */
type Break = (segment: Buffer) => Buffer | number | Promise<Buffer>;

const garbage: Break = () => Buffer.alloc(20_000, "\u0001interlude");
const truncated: Break = (segment) => segment.subarray(0, Math.floor(segment.length * 0.4));
const missing: Break = () => 404;
/** Pictures and sound that no browser decodes. */
const otherCodec: Break = async () => {
  const sources = ["-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2"];
  const codecs = ["-c:v", "mpeg2video", "-c:a", "mp2", "-f", "mpegts", "-"];
  const options = { encoding: "buffer", maxBuffer: 10_000_000 } as const;
  const { stdout } = await promisify(execFile)("ffmpeg", ["-v", "error", ...sources, ...codecs], options);
  return stdout;
};

/** Breaks segments of an ad, in every rendition. */
async function breakSegments(page: Page, name: RegExp, breakIt: Break): Promise<void> {
  await page.route(name, async (route) => {
    const response = await route.fetch();
    const broken = await breakIt(await response.body());
    if (typeof broken === "number") await route.fulfill({ status: broken, headers: response.headers() });
    else await route.fulfill({ response, body: broken });
  });
}

/** Plays the film from 6.5 s over the break at 8 s until it is shown again, or to a stream time. */
async function playBreak(page: Page, until?: number): Promise<readonly Run[]> {
  await waitForEvent(page, "timeline");
  await playPast(page, 0.2);
  await seekTo(page, 6.5);
  await recordFrames(page);
  if (until === undefined)
    await page.waitForFunction(() => (window.interludePlayers?.[0]?.insertion?.contentTime ?? 0) > 8.8);
  else await playPast(page, until);
  return groupRuns(await shownFrames(page));
}

const listSources = (runs: readonly Run[]): readonly number[] => runs.map(({ source }) => source);
const firstFrame = (run: Run | undefined): number => run?.frames[0]?.frame ?? Number.NaN;
const lastFrame = (run: Run | undefined): number => run?.frames.at(-1)?.frame ?? Number.NaN;

/** What the ad's error URL was told. */
async function readErrors(id: string): Promise<readonly (string | null)[]> {
  await expect.poll(() => world.beacons(id).some(({ event }) => event === "error")).toBe(true);
  return world.beacons(id).flatMap(({ event, query }) => (event === "error" ? [query.get("error")] : []));
}

interface Fault {
  readonly name: string;
  readonly broken: Break;
  readonly error: string;
}

const FAULTS: readonly Fault[] = [
  { name: "is not there", broken: missing, error: "401" },
  { name: "is garbage", broken: garbage, error: "405" },
  { name: "has codecs that the browser cannot decode", broken: otherCodec, error: "405" },
];

for (const { name, broken, error } of FAULTS) {
  test(`an ad whose first segment ${name} is left out, and the film goes on at its next frame`, async ({ page }) => {
    const id = `first-${error}-${FAULTS.findIndex((fault) => fault.name === name)}`;
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: [{ ad: "a", id }] }]);
    await breakSegments(page, /ads\/a\/.*_00000\.ts/, broken);
    await openPlayer(page, world, { options: { adTagUrl } });
    const runs = await playBreak(page, 13);
    expect(listSources(runs)).toEqual([CONTENT_SOURCE]);
    const frames = runs[0]?.frames.map(({ frame }) => frame) ?? [];
    expect(frames.some((frame) => frame >= RESUMED)).toBe(true);
    const lost = frames.filter((frame, index) => index > 0 && frame - (frames[index - 1] ?? 0) > 12);
    expect(lost, "places where the film jumped").toEqual([]);
    expect(await readErrors(id)).toEqual([error]);
  });
}

for (const { name, broken, error } of selectCells(FAULTS.slice(0, 2), FAULTS.slice(1, 2))) {
  test(`an ad whose second segment ${name} plays as far as it goes, then the film goes on`, async ({ page }) => {
    const id = `second-${error}-${FAULTS.findIndex((fault) => fault.name === name)}`;
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: [{ ad: "a", id }] }]);
    await breakSegments(page, /ads\/a\/.*_00001\.ts/, broken);
    await openPlayer(page, world, { options: { adTagUrl } });
    const [before, ad, after, ...more] = await playBreak(page, 14);
    expect([before?.source, ad?.source, after?.source, more]).toEqual([CONTENT_SOURCE, AD.source, CONTENT_SOURCE, []]);
    expect(lastFrame(ad)).toBeLessThan(51);
    expect(firstFrame(after)).toBeGreaterThanOrEqual(RESUMED);
    expect(firstFrame(after)).toBeLessThan(RESUMED + 6);
    expect(await readErrors(id)).toEqual([error]);
  });
}

test("an ad whose segment breaks off in the middle costs no more than what is missing of it", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: ["a"] }]);
  await breakSegments(page, /ads\/a\/.*_00001\.ts/, truncated);
  await openPlayer(page, world, { options: { adTagUrl } });
  const runs = await playBreak(page, 14);
  expect(listSources(runs)).toEqual([CONTENT_SOURCE, AD.source, CONTENT_SOURCE]);
  expect(firstFrame(runs[2])).toBeGreaterThanOrEqual(RESUMED);
  expect(firstFrame(runs[2])).toBeLessThan(RESUMED + 6);
});

test("of a pod with a missing ad, a broken one and a fine one, the fine one is shown", async ({ page }) => {
  const ads = [{ ad: "a", id: "pod-missing" }, { ad: "c", id: "pod-garbage" }, "d"] as const;
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads }]);
  await breakSegments(page, /ads\/a\/.*\.ts/, missing);
  await breakSegments(page, /ads\/c\/.*_00001\.ts/, garbage);
  const hlsConfig = { maxBufferLength: 1, maxMaxBufferLength: 1 };
  await openPlayer(page, world, { options: { adTagUrl }, hlsConfig });
  const runs = await playBreak(page);
  expect(listSources(runs)).toEqual([CONTENT_SOURCE, ADS.c.source, ADS.d.source, CONTENT_SOURCE]);
  expect(firstFrame(runs[2])).toBeLessThan(6);
  expect(lastFrame(runs[2])).toBeGreaterThan(ADS.d.duration * 25 - 7);
  expect(firstFrame(runs[3])).toBeGreaterThanOrEqual(RESUMED);
  expect(firstFrame(runs[3])).toBeLessThan(RESUMED + 6);
  expect(await readErrors("pod-missing")).toEqual(["401"]);
  expect(await readErrors("pod-garbage")).toEqual(["405"]);
});

test("a pre-roll that is garbage leaves the film from its first frame on", async ({ page }) => {
  const adTagUrl = world.answerVast("/ads/vast", { ad: "a", id: "pre" });
  await breakSegments(page, /ads\/a\/.*\.ts/, garbage);
  await openPlayer(page, world, { options: { adTagUrl } });
  await recordFrames(page);
  await playPast(page, 2);
  const runs = groupRuns(await shownFrames(page));
  expect(listSources(runs)).toEqual([CONTENT_SOURCE]);
  expect(firstFrame(runs[0])).toBeLessThan(6);
  expect(await readErrors("pre")).toEqual(["405"]);
});

test("the quality may change inside an ad and over its edges", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:08", id: "mid", ads: ["b"] }]);
  const hlsConfig = { startLevel: 0, maxBufferLength: 3, maxMaxBufferLength: 3 };
  await openPlayer(page, world, { options: { adTagUrl }, hlsConfig });
  await waitForEvent(page, "timeline");
  await seekTo(page, 6.5);
  await recordFrames(page);
  const setLevel = (level: number): Promise<void> =>
    page.evaluate((wanted) => {
      const hls = window.interludePlayers?.[0]?.hls;
      if (hls) hls.nextLevel = wanted;
    }, level);
  await playPast(page, 7);
  await setLevel(1);
  await playPast(page, 10);
  await setLevel(0);
  await playPast(page, 13.3);
  await setLevel(1);
  await playPast(page, 16.5);
  const runs = groupRuns(await shownFrames(page));
  expect(listSources(runs)).toEqual([CONTENT_SOURCE, ADS.b.source, CONTENT_SOURCE]);
  expect(firstFrame(runs[1])).toBeLessThan(6);
  expect(lastFrame(runs[1])).toBeGreaterThan(ADS.b.duration * 25 - 7);
  expect(firstFrame(runs[2])).toBeGreaterThanOrEqual(RESUMED);
  expect(firstFrame(runs[2])).toBeLessThan(RESUMED + 6);
});
