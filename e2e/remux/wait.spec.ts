/**
 * The first encounter of a creative whose first layer CRS publishes in time: its break waits for it through the status URL, and the
 * viewer sees it. One that comes too late costs nothing but itself.
 *
 * @see DESIGN §4 step 4
 */
import { creativeKey } from "@interlude/core";
import { expect, type Page, test } from "@playwright/test";
import { ADS, CONTENT_SOURCE, FRAME_RATE } from "../plugin/catalog.ts";
import { errors, expectRuns, openPlayer, playPast, waitForEvent } from "../plugin/page.ts";
import { startWorld, type World } from "../plugin/world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

const { a } = ADS;
const STATUS = "/ads/repackage/ticket";
const OPTIONS = { firstEncounter: ["wait", "skip"], lookAhead: 41 } as const;

/** Nobody has seen ad a before; its copy is on the CDN when the returned function is called, and the status URL tells it then. */
async function makeCold(): Promise<() => void> {
  const published = Promise.withResolvers<void>();
  const path = world.cdnPath("a", "hls");
  const copy = await (await fetch(new URL(path, world.url))).text();
  const key = creativeKey("1", world.creativeUrl("a"));
  const type = "application/json";
  world.answer(path, { status: 404 });
  world.answer("/ads/repackage", {
    status: 202,
    type,
    body: JSON.stringify({ key, state: "absent", statusUrl: STATUS }),
  });
  const url = new URL(path, world.url).href;
  const body = JSON.stringify({ key, state: "transcoding", progress: 0.3, url });
  world.answer(STATUS, { type, body, until: published.promise });
  return () => {
    world.answer(path, { body: copy, type: "application/vnd.apple.mpegurl" });
    published.resolve();
  };
}

const countOf = (path: string): number => world.requests.filter((request) => request.path === path).length;

async function waitForPoll(page: Page): Promise<void> {
  await page.waitForRequest((request) => request.url().includes(STATUS));
}

for (const host of ["hls.js", "vhs"] as const) {
  test(`${host}: a pre-roll waits for its copy, which is asked for once, and plays`, async ({ page }) => {
    const publish = await makeCold();
    const before = countOf(world.cdnPath("a", "hls"));
    const polled = waitForPoll(page).then(() => setTimeout(publish, 1000));
    await openPlayer(page, world, { host, options: { ...OPTIONS, adTagUrl: world.answerVast("/ads/cold", "a") } });
    await polled;
    await waitForEvent(page, "adencounter", { step: "wait", outcome: "ready" });
    await playPast(page, a.duration + 1);
    await expectRuns(page, [
      { source: a.source, from: 0, to: a.duration * FRAME_RATE - 1 },
      { source: CONTENT_SOURCE, from: 0 },
    ]);
    expect(countOf(STATUS)).toBe(1);
    expect(countOf(world.cdnPath("a", "hls")) - before).toBe(2);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
  });
}

test("a mid-roll waits while the film plays, and is there at its place", async ({ page }) => {
  const publish = await makeCold();
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:12", id: "mid", ads: ["a"] }]);
  await openPlayer(page, world, { options: { ...OPTIONS, adTagUrl } });
  await playPast(page, 6);
  publish();
  await playPast(page, 12 + a.duration + 1);
  await expectRuns(page, [
    { source: CONTENT_SOURCE, from: 0, to: 12 * FRAME_RATE - 1 },
    { source: a.source, from: 0, to: a.duration * FRAME_RATE - 1 },
    { source: CONTENT_SOURCE, from: 12 * FRAME_RATE },
  ]);
  expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
});

test("a mid-roll whose copy does not come is skipped, and the film plays on without a halt", async ({ page }) => {
  await makeCold();
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "00:00:12", id: "mid", ads: ["a"] }]);
  await openPlayer(page, world, { options: { ...OPTIONS, adTagUrl } });
  await waitForEvent(page, "adskip", { breakId: "mid", reason: "repackage-in-progress" });
  await playPast(page, 15);
  await expectRuns(page, [{ source: CONTENT_SOURCE, from: 0 }]);
  expect(world.beacons("a").map(({ event, query }) => [event, query.get("error")])).toEqual([["error", "407"]]);
});
