/**
 * What goes wrong around a player: networks, tabs, other players, and pages that take the player away in the middle of anything.
 */
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { ADS, CONTENT_SOURCE } from "./catalog.ts";
import { countLeaks } from "./leaks.ts";
import { addPlayer, contentTime, events, expectRuns, openPage, openPlayer, playPast, waitForEvent } from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

/** Little is loaded ahead, so that the network is missed at once. */
const SHORT_BUFFER = { maxBufferLength: 1, maxMaxBufferLength: 1, maxBufferSize: 1 };

const never = new Promise<never>(() => undefined);

function answerPreRoll(): string {
  return world.answerVmap("/ads/vmap", [{ at: "start", id: "pre", ads: ["b"] }]);
}

/** The ad and then the film from its first frame, each beacon at most once. */
async function expectAdThenFilm(page: Page): Promise<void> {
  const runs = groupRuns(await shownFrames(page));
  expect(runs.map(({ source }) => source)).toEqual([ADS.b.source, CONTENT_SOURCE]);
  expect(runs[1]?.frames[0]?.frame).toBeLessThan(6);
  const names = world.beacons("b").map(({ event }) => event);
  expect(names).toEqual([...new Set(names)]);
}

async function waitSeconds(page: Page, seconds: number): Promise<void> {
  const until = (await page.evaluate(() => performance.now())) + seconds * 1000;
  await page.waitForFunction((end) => performance.now() >= end, until);
}

test("the network is gone for five seconds in the middle of an ad: the ad waits or ends, and the film follows", async ({
  page,
}) => {
  await openPlayer(page, world, { options: { adTagUrl: answerPreRoll() }, hlsConfig: SHORT_BUFFER });
  await playPast(page, 1);
  const heal = world.fail(/./, "reset");
  await waitSeconds(page, 5);
  heal();
  await page.waitForFunction(() => (window.interludePlayers?.[0]?.insertion?.contentTime ?? 0) > 1);
  await expectAdThenFilm(page);
});

test("a network that is slower than the ad makes it stall, and it goes on when the network does", async ({ page }) => {
  await openPlayer(page, world, { options: { adTagUrl: answerPreRoll() }, hlsConfig: SHORT_BUFFER });
  await playPast(page, 1);
  const heal = world.fail(/\.ts$/, "slow");
  await page.waitForFunction(() => (document.querySelector("video")?.readyState ?? 4) < 3);
  heal();
  await waitForEvent(page, "adbreakcomplete", { breakId: "pre" });
  await page.waitForFunction(() => (window.interludePlayers?.[0]?.insertion?.contentTime ?? 0) > 1);
  await expectAdThenFilm(page);
});

/** The page is told that it is hidden, and gets no frames: Playwright has Chromium show every tab. */
function pretendHidden(): void {
  Reflect.defineProperty(document, "hidden", { configurable: true, get: () => true });
  Reflect.set(HTMLVideoElement.prototype, "requestVideoFrameCallback", () => 0);
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Another tab comes to the front. */
async function hidePage(page: Page, browserName: string): Promise<void> {
  if (browserName === "chromium") return page.evaluate(pretendHidden);
  const opened = page.context().waitForEvent("page");
  await page.evaluate(() => void window.open("about:blank"));
  await (await opened).bringToFront();
  await expect.poll(() => page.evaluate(() => document.hidden)).toBe(true);
}

test("an ad that goes on in a background tab is reported whole, and the film follows", async ({
  page,
  browserName,
}) => {
  await openPlayer(page, world, { options: { adTagUrl: answerPreRoll() } });
  await playPast(page, 1);
  await hidePage(page, browserName);
  // waitForFunction looks with each frame of the page, of which there are none
  const listEnds = async (): Promise<readonly unknown[]> =>
    (await events(page)).flatMap(({ name, event }) => (name === "adbreakcomplete" ? [event["watched"]] : []));
  await expect.poll(listEnds, { timeout: 60_000 }).toEqual([true]);
  await expect.poll(() => contentTime(page)).toBeGreaterThan(1);
  await expect
    .poll(() => world.beacons("b").map(({ event }) => event))
    .toEqual(["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"]);
});

test("two players on one page have their own sessions, ads and beacons", async ({ page }) => {
  const tags = [world.answerVast("/ads/one", "a"), world.answerVast("/ads/two", "c")];
  await openPlayer(page, world, { options: { adTagUrl: tags[0] ?? "" } });
  await addPlayer(page, world, { options: { adTagUrl: tags[1] ?? "" } });
  await page.waitForFunction(() =>
    window.interludePlayers?.every(({ insertion }) => (insertion?.contentTime ?? 0) > 0.5),
  );
  await expectRuns(page, [
    { source: ADS.a.source, from: 0, to: 99 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  for (const [index, ad] of (["a", "c"] as const).entries()) {
    const started = (await events(page, index)).filter(({ name }) => name === "adstart");
    expect(started.map(({ event }) => event["adId"])).toEqual([ad]);
    const names = world.beacons(ad).map(({ event }) => event);
    expect(names).toEqual([...new Set(names)]);
    expect(names).toEqual(expect.arrayContaining(["impression", "start", "midpoint", "complete"]));
  }
  const sessions = world.requests
    .filter(({ path }) => path.startsWith("/ads/"))
    .map(({ query }) => query.get("session"));
  expect(new Set(sessions).size).toBe(2);
});

/** How far a page has come when it takes the player away. */
interface Stage {
  readonly name: string;
  /** Breaks the world so that the player stays there. */
  readonly hold?: () => void;
  readonly at?: string;
  /** @param first for a page that destroys from inside an event */
  readonly reached: (page: Page, first: "player" | "insertion") => Promise<unknown>;
}

const asked = async (pattern: RegExp): Promise<void> => {
  await expect.poll(() => world.requests.some(({ path }) => pattern.test(path))).toBe(true);
};

const STAGES: readonly Stage[] = [
  {
    name: "while the zone document is under way",
    hold: () => world.answer("/v1/zones/1.json", { until: never }),
    reached: () => asked(/zones/),
  },
  {
    name: "while the ad server is asked",
    hold: () => world.fail(/^\/ads\//, "hang"),
    reached: () => asked(/^\/ads\//),
  },
  { name: "while the CDN is asked", hold: () => world.fail(/^\/cdn\//, "hang"), reached: () => asked(/^\/cdn\//) },
  {
    name: "while the ad's playlists are under way",
    hold: () => world.fail(/^\/media\/ads\/.*m3u8$/, "hang"),
    reached: () => asked(/^\/media\/ads\/.*m3u8$/),
  },
  {
    name: "while the film's playlists are under way",
    hold: () => world.fail(/^\/media\/ts\/.*m3u8$/, "hang"),
    reached: () => asked(/^\/media\/ts\/.*m3u8$/),
  },
  {
    name: "while the first segment is under way",
    hold: () => world.fail(/\.ts$/, "hang"),
    reached: () => asked(/\.ts$/),
  },
  { name: "in the ad", reached: (page) => playPast(page, 1) },
  { name: "at the cut, by a listener of the ad's end", reached: (page, first) => destroyAtCut(page, first) },
  {
    name: "while a break is bound late",
    at: "00:00:08",
    reached: (page) =>
      page.waitForFunction(() => window.interludePlayers?.[0]?.insertion?.breaks[0]?.state === "placed"),
  },
];

async function destroyAtCut(page: Page, first: "player" | "insertion"): Promise<void> {
  await page.evaluate((order) => {
    const [player] = window.interludePlayers ?? [];
    player?.insertion?.on("adcomplete", () => player.destroy(order));
  }, first);
  await page.waitForFunction(() => !document.querySelector("video"));
}

const ORDERS = ["player", "insertion"] as const;
const ENDINGS = STAGES.flatMap((stage) => ORDERS.map((first) => ({ stage, first })));
/** Every stage, the two orders in turn. */
const FEW = ENDINGS.filter((_, index) => index % 4 === 0 || index % 4 === 3);

for (const { stage, first } of selectCells(ENDINGS, FEW)) {
  test(`destroyed ${stage.name}, the ${first} first: no listener, timer, request or object URL is left`, async ({
    page,
  }) => {
    const leaks = await countLeaks(page);
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    await openPage(page, world);
    // what the code itself brings when it is loaded
    await addPlayer(page, world, { options: "none" });
    await playPast(page, 0.2);
    await page.evaluate(() => window.interludePlayers?.pop()?.destroy());
    await leaks.setBase();

    stage.hold?.();
    const adTagUrl = world.answerVmap("/ads/vmap", [{ at: stage.at ?? "start", id: "break", ads: ["a"] }]);
    world.requests.length = 0;
    await addPlayer(page, world, { options: { adTagUrl } });
    await stage.reached(page, first);
    await page.evaluate((order) => window.interludePlayers?.[0]?.destroy(order), first);
    const left = Object.entries(await leaks.open());
    // code that is being loaded cannot be stopped, and the end of a break is told all the same
    expect(left.filter(([name]) => !/^request \/(?:page|track)\//.test(name))).toEqual([]);
    expect(failures).toEqual([]);
    expect(world.beacons().filter(({ event }) => event === "error")).toEqual([]);
  });
}
