/**
 * JIT repackaging initiated by the client, on real media in a real browser: the steps are those of the founding text.
 */
import { expect, test } from "@playwright/test";
import {
  type Beacon,
  CONTENT_SOURCE,
  creativeStatus,
  creativeUrl,
  expectStep,
  followCrs,
  openDemo,
  playPast,
  receivedBeacons,
  seek,
  sourceOf,
  watch,
} from "./demo-page.ts";
import { groupRuns, recordFrames, type Run, shownFrames } from "./frames.ts";
import { selectCells } from "./matrix.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

const FRAME_RATE = 25;
const QUARTILES = [
  ["start", 0],
  ["firstQuartile", 2.5],
  ["midpoint", 5],
  ["thirdQuartile", 7.5],
  ["complete", 10],
] as const;

/**
 * Each shown frame stands where it belongs: film `source`, whose frame 0 is due at `begin` seconds of the timeline, frame `first` to
 * `last`. A machine under load composes fewer frames, so which ones it shows is free, within a quarter of a second at the edges.
 */
function expectRun(run: Run | undefined, source: number, begin: number, first: number, last: number): void {
  expect(run?.source).toBe(source);
  const frames = run?.frames ?? [];
  for (const { frame, mediaTime } of frames) {
    expect(Math.abs(mediaTime - begin - frame / FRAME_RATE), `frame ${frame} at ${mediaTime} s`).toBeLessThan(0.2);
  }
  const [from, to] = [frames[0]?.frame ?? -1, frames.at(-1)?.frame ?? -1];
  expect(from).toBeGreaterThanOrEqual(first);
  expect(from).toBeLessThan(first + FRAME_RATE / 4);
  expect(to).toBeLessThanOrEqual(last);
  expect(to).toBeGreaterThan(last - FRAME_RATE / 4);
}

/** The quartiles of one break arrived once each, in order, within half a second of the moment that the frame of their second was shown. */
function expectQuartiles(beacons: readonly Beacon[], breakId: string, shown: Run | undefined): void {
  const own = beacons.filter((beacon) => beacon.break === breakId);
  const names = own.map((beacon) => beacon.event);
  expect(names.filter((name) => QUARTILES.some(([event]) => event === name))).toEqual(
    QUARTILES.map(([event]) => event),
  );
  expect(names.filter((name) => name === "impression")).toHaveLength(1);
  for (const [event, second] of QUARTILES) {
    const beacon = own.find((one) => one.event === event);
    const frame = shown?.frames.findLast((one) => one.frame <= second * FRAME_RATE + FRAME_RATE / 4);
    const late = (Date.parse(beacon?.receivedAt ?? "") - (frame?.shownAt ?? 0)) / 1000;
    expect(Math.abs(late), `${event} of ${breakId} arrived ${late} s after its frame`).toBeLessThan(0.5);
  }
}

test("a cold MP4 costs the first viewer no content and is an ad for the next one", async ({ page }) => {
  const repackageRequests: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/ads/repackage")) repackageRequests.push(request.url());
  });
  const crs = await followCrs(server);
  await openDemo(page, server.url, { creative: "mp4" });
  await recordFrames(page);
  await watch(page);

  await test.step("1. The client requests an ad from the ad server", () => expectStep(page, 1, "done"));
  await test.step("2. The ad server returns the ad to the client", () =>
    expectStep(page, 2, "done", { status: "200" }));
  await test.step("3b. The creative is not HLS: the client requests an HLS version from the CDN server", () =>
    expectStep(page, 3, "done", { part: "b" }));
  await test.step("4b. The CDN server has none: the client asks the ad server to request one from CRS", async () => {
    await expectStep(page, 4, "done", { part: "b", status: "202" });
    expect(repackageRequests).toHaveLength(1);
  });
  await test.step("4b. The client does not insert the ad into the content", async () => {
    await playPast(page, 2);
    expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([CONTENT_SOURCE]);
    await expect(page.locator('#breaks [data-break="pre"]')).toHaveAttribute("data-reason", "new-creative");
  });
  await test.step("5. The ad server requests that the ad be transcoded to HLS", () => expectStep(page, 5, "done"));
  await test.step("6. CRS creates an HLS version and uploads it to the CDN server", async () => {
    await expectStep(page, 6, "done");
    const life = ["queued", "fetching", "transcoding", "publishing", "ready"];
    expect(crs.states()).toEqual(life.map((state) => `/media/creatives/mp4.mp4 ${state}`));
  });
  const lost = (await receivedBeacons(page, server)).filter(({ event, ad }) => event === "error" && ad);
  expect(lost.map((beacon) => Number(beacon.error))).toEqual([407, 407, 407]);

  const ad = sourceOf("mp4");
  let shown: Run | undefined;
  await test.step("The next viewer: 4a. The CDN server provides it, the client inserts it", async () => {
    await watch(page);
    await recordFrames(page);
    await expectStep(page, 4, "done", { part: "a", status: "200" });
    await expectStep(page, 6, "unneeded");
  });
  await test.step("The pre-roll's frames are on screen, then the film from its first frame", async () => {
    await playPast(page, 11.5);
    const [preRoll, film, ...more] = groupRuns(await shownFrames(page));
    expectRun(preRoll, ad, 0, 0, 249);
    shown = preRoll;
    expectRun(film, CONTENT_SOURCE, 10, 0, film?.frames.at(-1)?.frame ?? 0);
    expect(more).toEqual([]);
  });
  await test.step("The mid-roll comes in after second 20 of the film, which resumes at the very next frame", async () => {
    await seek(page, 28.5);
    await recordFrames(page);
    await playPast(page, 31);
    await seek(page, 39);
    await playPast(page, 41);
    const [before, midRoll, after, ...more] = groupRuns(await shownFrames(page));
    expectRun(before, CONTENT_SOURCE, 10, before?.frames[0]?.frame ?? 0, 499);
    expectRun(midRoll, ad, 30, 0, 249);
    expectRun(after, CONTENT_SOURCE, 20, 500, after?.frames.at(-1)?.frame ?? 0);
    expect(more).toEqual([]);
  });
  await test.step("The post-roll follows the film's last frame", async () => {
    await seek(page, 78.5);
    await recordFrames(page);
    await playPast(page, 81);
    await seek(page, 89);
    await page.waitForFunction(() => document.querySelector("video")?.ended);
    const [film, postRoll, ...more] = groupRuns(await shownFrames(page));
    expectRun(film, CONTENT_SOURCE, 20, film?.frames[0]?.frame ?? 0, 1499);
    expectRun(postRoll, ad, 80, 0, 249);
    expect(more).toEqual([]);
  });
  await test.step("The tracking receiver has every beacon, in order, within half a second of its time", async () => {
    await expect.poll(async () => (await receivedBeacons(page, server)).at(-1)?.event).toBe("breakEnd");
    const beacons = await receivedBeacons(page, server);
    expectQuartiles(beacons, "pre", shown);
    for (const breakId of ["mid", "post"]) {
      const events = beacons.filter((beacon) => beacon.break === breakId).map(({ event }) => event);
      const due = ["impression", ...QUARTILES.map(([event]) => event)];
      expect(events.filter((event) => due.includes(event)).toSorted()).toEqual(["complete", "impression", "start"]);
    }
  });
  expect(repackageRequests).toHaveLength(1);
  expect(crs.states()).toHaveLength(5);
  crs.end();
});

test("an HLS creative is spliced at the first encounter, without the CDN and without CRS", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const known = (await creativeStatus(server)).length;
  await openDemo(page, server.url, { creative: "hls" });
  await recordFrames(page);
  await watch(page);
  await test.step("3a. The creative is HLS: the client inserts it into the content", async () => {
    await expectStep(page, 3, "done", { part: "a" });
    await playPast(page, 2);
    expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([sourceOf("hls")]);
  });
  expect(asked.filter((path) => path.startsWith("/cdn/") || path.startsWith("/ads/repackage"))).toEqual([]);
  expect(await creativeStatus(server)).toHaveLength(known);
});

const FORMATS = ["flv", "webm"] as const;
for (const creative of selectCells<(typeof FORMATS)[number]>(FORMATS, ["flv"])) {
  test(`a ${creative} creative goes from cold to spliced as well`, async ({ page }) => {
    await openDemo(page, server.url, { creative });
    await watch(page);
    await expectStep(page, 6, "done");
    await watch(page);
    await recordFrames(page);
    await playPast(page, 2);
    expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([sourceOf(creative)]);
  });
}

test("a creative that is no video fails once with its reason, is not tried again, and the content plays", async ({
  page,
}) => {
  await openDemo(page, server.url, { creative: "broken" });
  await watch(page);
  await expectStep(page, 6, "failed");
  await expect(page.locator("#job")).toHaveAttribute("data-state", "failed");
  await watch(page);
  await expect(page.locator('#breaks [data-break="pre"]')).toHaveAttribute("data-reason", "repackage-failed");
  await recordFrames(page);
  await playPast(page, 2);
  expect(groupRuns(await shownFrames(page)).map((run) => run.source)).toEqual([CONTENT_SOURCE]);
  const broken = (await creativeStatus(server)).filter((one) => one.creativeUrl === creativeUrl(server, "broken"));
  expect(broken).toMatchObject([{ state: "failed", attempts: 1 }]);
});

test("Forget makes a creative cold again", async ({ page }) => {
  await openDemo(page, server.url, { creative: "mp4" });
  await page.locator("#forget").click();
  await expect(page.locator("#story")).toContainText("Forgotten");
  await watch(page);
  await expectStep(page, 4, "done", { part: "b" });
});
