/** The examples of docs/plugin, as they are printed there, in pages as publishers have them. */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, recordFrames, shownFrames } from "../frames.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE } from "./catalog.ts";
import { answerExamples, openExample, playMuted } from "./examples.ts";
import { playPast } from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
  await answerExamples(world);
});
test.afterAll(() => world.close());

async function sourcesShown(page: Page): Promise<readonly (number | undefined)[]> {
  return groupRuns(await shownFrames(page)).map(({ source }) => source);
}

test("a pre-roll is shown by the page of five minutes, then the content", async ({ page }) => {
  await openExample(page, world, "pre-roll");
  await recordFrames(page);
  await playMuted(page);
  await playPast(page, ADS.a.duration + 0.5);
  expect(await sourcesShown(page)).toEqual([ADS.a.source, CONTENT_SOURCE]);
});

test("a pre-roll is shown, and counted, under a strict content security policy", async ({ page }) => {
  const refused: string[] = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && refused.push(message.text()));
  const before = world.beacons("a").length;
  const policy =
    "default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' HOST; media-src blob:; worker-src blob:";
  await openExample(page, world, "pre-roll", policy.replace("HOST", world.url.origin));
  await recordFrames(page);
  await playMuted(page);
  await playPast(page, ADS.a.duration + 0.5);
  expect(await sourcesShown(page)).toEqual([ADS.a.source, CONTENT_SOURCE]);
  expect(refused).toEqual([]);
  const counted = world
    .beacons("a")
    .slice(before)
    .map(({ event }) => event);
  expect(counted).toEqual(expect.arrayContaining(["impression", "start", "midpoint", "complete"]));
});

test("the breaks of a VMAP are drawn as they are decided, and shown", async ({ page }) => {
  world.answerVmap("/ads/vmap", [
    { id: "pre", at: "start", ads: ["a"] },
    { id: "mid", at: "00:00:12.000", ads: ["b"] },
  ]);
  await openExample(page, world, "vmap");
  await playMuted(page);
  await playPast(page, 0.5);
  await expect(page.locator("li")).toHaveText(["0 s: placed, 4 s of ads", "12 s: placed, 6 s of ads"]);
});

test("an avail of a live stream is filled", async ({ page }) => {
  world.answerVast("/ads/avail", "b");
  world.setCues([{ first: 9, count: 3 }]);
  world.list("live", 8);
  await openExample(page, world, "live");
  world.run("live");
  await recordFrames(page);
  await playMuted(page);
  await expect.poll(() => sourcesShown(page), { timeout: 60_000 }).toContain(ADS.b.source);
  const [asked] = world.requests.filter(({ path }) => path === "/ads/avail");
  expect(asked?.query.get("duration")).toBe("6");
});

test("the component of React plays a pre-roll in StrictMode, and counts it once", async ({ page }) => {
  const before = world.beacons("a").length;
  await openExample(page, world, "react-page");
  await recordFrames(page);
  await playMuted(page);
  await playPast(page, ADS.a.duration + 0.5);
  expect(await sourcesShown(page)).toEqual([ADS.a.source, CONTENT_SOURCE]);
  const counted = world.beacons("a").slice(before);
  expect(counted.filter(({ event }) => event === "impression")).toHaveLength(1);
});

for (const [name, engine] of [
  ["videojs", "VHS"],
  ["videojs-hls", "hls.js as source handler"],
] as const) {
  test(`video.js plays a pre-roll over ${engine}`, async ({ page }) => {
    await openExample(page, world, name);
    await recordFrames(page);
    await playMuted(page);
    await playPast(page, ADS.a.duration + 0.5);
    expect(await sourcesShown(page)).toEqual([ADS.a.source, CONTENT_SOURCE]);
  });
}

test("who returns sees the pre-roll, goes on where they were, and as a subscriber no mid-roll", async ({ page }) => {
  world.answerVmap("/ads/vmap", [
    { id: "pre", at: "start", ads: ["a"] },
    { id: "mid", at: "00:00:12.000", ads: ["b"] },
  ]);
  await page.addInitScript(() => localStorage.setItem("position", "10.5"));
  await openExample(page, world, "resume");
  await recordFrames(page);
  await playMuted(page);
  // the pre-roll, the content before the mid-roll, the mid-roll that is passed over, and a second more
  await playPast(page, ADS.a.duration + 12 + ADS.b.duration + 1);
  expect(await sourcesShown(page)).toEqual([ADS.a.source, CONTENT_SOURCE]);
  const [, film] = groupRuns(await shownFrames(page));
  expect(film?.frames[0]?.frame).toBeGreaterThanOrEqual(10 * FRAME_RATE);
});

test("a publisher's own decision fills a break", async ({ page }) => {
  world.answerVast("/decide", "c");
  await openExample(page, world, "resolver");
  await recordFrames(page);
  await playMuted(page);
  await playPast(page, 6 + ADS.c.duration + 0.5);
  expect(await sourcesShown(page)).toEqual([CONTENT_SOURCE, ADS.c.source, CONTENT_SOURCE]);
  expect(world.requests.find(({ path }) => path === "/decide")?.query.get("at")).toBe("6");
});
