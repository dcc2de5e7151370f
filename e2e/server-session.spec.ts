/**
 * The plugin in sessions that the manifest server stitches: what it is told by sidecar or marker it tells the page and the ad servers,
 * each beacon once, when its frame is on screen.
 */
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { bootstrap, type BootstrapOptions, bootstrapUrl } from "../packages/plugin/src/bootstrap.ts";
import { groupRuns, shownFrames } from "./frames.ts";
import { addCues, type ChannelBreak, type LiveChannel, startChannel, WINDOW } from "./live-channel.ts";
import { CONTENT, LONG_AD, type ManifestSite, SHORT_AD, startManifestSite } from "./manifest-server.ts";
import { selectCells } from "./matrix.ts";
import { answerExamples, openExample, playMuted } from "./plugin/examples.ts";
import { contentTime, errors, events, openPlayer, playPast, seekTo, waitForEvent } from "./plugin/page.ts";
import { AD_SHARES, expectInTime, report, type Reported, requestsOf, watchRequests } from "./server-session-page.ts";
import { startWorld, type World } from "./plugin/world.ts";
import { makeFilm } from "./strip-media.ts";

/** Seconds of content. */
const DURATION = 8;
/** Every wait that counts on a busy machine; the plugin's own is 1.5 s. */
const SIDECAR_TIMEOUT = 20_000;
type Tracking = "v1" | "v2" | "v3" | "vmap" | "marker";

/** Of the live channel: announced when everybody watches. */
let avails: readonly ChannelBreak[] = [];

let site: ManifestSite;
let world: World;
test.beforeAll(async () => {
  site = await startManifestSite((path, text) => (path.startsWith("/live/") ? addCues(text, avails) : text));
  await makeFilm(join(site.folder, "film"), CONTENT, DURATION);
  world = await startWorld();
});
test.afterAll(async () => {
  await world.close();
  await site.close();
});

function bootstrapOf(path: string, tracking: BootstrapOptions["tracking"]): URL {
  return bootstrapUrl({
    server: site.server.url,
    asset: "e2e",
    contentUrl: new URL(path, site.origin.url),
    zone: 1,
    session: crypto.randomUUID(),
    ...(tracking && { tracking }),
  });
}

const nameOf = ({ break: breakId, ad, event }: Reported): string => `${breakId} ${ad} ${event}`;
const ofBreak = (id: string, ...ads: readonly string[]): readonly string[] => [
  `${id}  breakStart`,
  ...ads.flatMap((ad) => Object.keys(AD_SHARES).map((event) => `${id} ${ad} ${event}`)),
  `${id}  breakEnd`,
];
const ALL = [
  ...ofBreak("at-start", "long"),
  ...ofBreak("at-00:00:04.000", "long", "short"),
  ...ofBreak("at-end", "long"),
];

interface Cell {
  readonly host: "hls.js" | "vhs";
  readonly tracking: Tracking;
}

const FORMS: readonly Tracking[] = ["v1", "v2", "v3", "vmap", "marker"];
/** Players that watch at the same time. */
const ROUNDS = selectCells<readonly Cell[]>(
  FORMS.map((tracking) => [
    { host: "hls.js", tracking },
    { host: "vhs", tracking },
  ]),
  [
    [
      { host: "hls.js", tracking: "v2" },
      { host: "vhs", tracking: "marker" },
    ],
  ],
);

/** Sidecars come with a bootstrap in JSON, markers with a redirect that the player follows itself. */
async function contentUrl(path: string, tracking: Tracking): Promise<URL> {
  if (tracking === "marker") return bootstrapOf(path, "marker");
  return (await bootstrap(bootstrapOf(path, { mode: "simple", version: tracking }))).masterUrl;
}

/** Pre-roll, mid-roll and post-roll, and a second or two of the content between. */
async function watchFilm(page: Page): Promise<void> {
  await playPast(page, 5);
  await seekTo(page, 7);
  await playPast(page, 16);
  await seekTo(page, 18.6);
  await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, { timeout: 60_000 });
}

async function expectFilm(page: Page, tracking: Tracking): Promise<void> {
  await expect.poll(async () => (await report(page, site.server)).length).toBeGreaterThanOrEqual(ALL.length);
  const beacons = await report(page, site.server);
  expect(beacons.map(nameOf).toSorted()).toEqual(ALL.toSorted());
  const frames = await shownFrames(page);
  const runs = groupRuns(frames);
  const [LONG, SHORT] = [LONG_AD.source, SHORT_AD.source];
  expect(runs.map(({ source }) => source)).toEqual([LONG, CONTENT, LONG, SHORT, CONTENT, LONG]);
  await expectInTime(
    page,
    frames,
    runs.filter(({ source }) => source !== CONTENT),
    beacons,
  );
  const told = (await events(page)).filter(({ name }) => name === "adbreakcomplete");
  expect(told.map(({ event }) => [event["position"], event["adCount"]])).toEqual([
    ["pre", 1],
    ["mid", 2],
    ["post", 1],
  ]);
  expect(await contentTime(page)).toBeCloseTo(DURATION, 0);
  expect((await errors(page)).filter((text) => text.includes("fatal"))).toEqual([]);
  // once per rendition that was played, never for another
  const sidecars = requestsOf(page).filter((path) => path.includes("pttrackingposition"));
  expect(new Set(sidecars).size).toBe(sidecars.length);
  expect(sidecars.length > 0).toBe(tracking !== "marker");
}

for (const round of ROUNDS) {
  const names = round.map(({ host, tracking }) => `${host} by ${tracking}`).join(" and ");
  test(`VOD in ${names}: all breaks of the server are told, and each beacon comes once, with its frame`, async ({
    browser,
  }) => {
    const open = async ({ host, tracking }: Cell): Promise<Page> => {
      const page = await browser.newPage();
      watchRequests(page);
      const server = { tracking, sidecarTimeoutMs: SIDECAR_TIMEOUT };
      const content = await contentUrl("/film/master.m3u8", tracking);
      await openPlayer(page, world, { host, content, options: { server } });
      return page;
    };
    const pages = await Promise.all(round.map(open));
    await Promise.all(pages.map(watchFilm));
    for (const [index, page] of pages.entries()) await expectFilm(page, round[index]?.tracking ?? "v2");
    for (const page of pages) await page.close();
  });
}

test("simplesstm: what the server fires the page does not, though it tells of the ads", async ({ page }) => {
  watchRequests(page);
  const content = bootstrapOf("/film/master.m3u8", { mode: "simplesstm", version: "v2" });
  const server = { tracking: "v2", sidecarTimeoutMs: SIDECAR_TIMEOUT } as const;
  await openPlayer(page, world, { content, options: { server } });
  await waitForEvent(page, "adbreakcomplete");
  const told = (await events(page)).map(({ name }) => name);
  expect(told).toContain("adcomplete");
  expect(told).not.toContain("beacon");
  const wanted = ofBreak("at-start", "long");
  const ofPreRoll = async (): Promise<readonly string[]> =>
    (await report(page, site.server)).map(nameOf).filter((name) => name.startsWith("at-start "));
  await expect.poll(ofPreRoll).toHaveLength(wanted.length);
  expect((await ofPreRoll()).toSorted()).toEqual(wanted.toSorted());
});

test("the manual's page opens a session by JSON, and is told of its pre-roll", async ({ page }) => {
  watchRequests(page);
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  let asked = new URL("about:blank");
  await page.route("https://manifest.example/**", async (route) => {
    asked = new URL(route.request().url());
    const url = bootstrapOf("/film/master.m3u8", { mode: "simple", version: "vmap" });
    // Firefox would tell the server the host that the page has asked
    const headers = { ...route.request().headers(), host: url.host };
    await route.fulfill({ response: await route.fetch({ url: url.href, headers }) });
  });
  await answerExamples(world);
  await openExample(page, world, "server-session");
  await playMuted(page);
  await playPast(page, 0.5);
  expect(asked.pathname).toBe(
    `/auditude/variant/film-1/${Buffer.from("https://origin.example/film/master.m3u8").toString("base64url")}.m3u8`,
  );
  expect(asked.search).toBe("?z=1&pttrackingmode=simple&pttrackingversion=vmap");
  expect(said).toContain("long, 4 s");
  await expect.poll(async () => (await report(page, site.server)).map(nameOf)).toContain("at-start long impression");
});

test.describe("live", () => {
  let channel: LiveChannel;
  test.beforeAll(async () => {
    channel = await startChannel(join(site.folder, "live"), CONTENT);
    await channel.waitFor(WINDOW);
  });
  test.afterAll(() => channel.close());

  /** Plays until content is back behind the break. */
  async function watchBreak(page: Page): Promise<void> {
    await waitForEvent(page, "adbreakcomplete");
    await expect.poll(async () => groupRuns(await shownFrames(page)).at(-1)?.source, { timeout: 20_000 }).toBe(CONTENT);
  }

  async function expectWatched(page: Page): Promise<void> {
    const frames = await shownFrames(page);
    const runs = groupRuns(frames);
    expect.soft(runs.map(({ source }) => source)).toEqual([CONTENT, LONG_AD.source, SHORT_AD.source, CONTENT]);
    const count = 2 * Object.keys(AD_SHARES).length;
    await expect.poll(async () => (await report(page, site.server)).length).toBeGreaterThanOrEqual(count);
    const beacons = await report(page, site.server);
    const names = beacons.map(({ ad, event }) => `${ad} ${event}`);
    const wanted = ["long", "short"].flatMap((ad) => Object.keys(AD_SHARES).map((event) => `${ad} ${event}`));
    expect.soft(names.toSorted()).toEqual(wanted.toSorted());
    await expectInTime(page, frames, runs.slice(1, 3), beacons);
    const told = (await events(page)).filter(({ name }) => name === "adbreakstart" || name === "adstart");
    expect.soft(told.map(({ name }) => name)).toEqual(["adbreakstart", "adstart", "adstart"]);
    expect.soft((await errors(page)).filter((text) => text.includes("fatal"))).toEqual([]);
  }

  test("a break is told once and each of its beacons comes once with its frame, also where the rendition changes in mid-ad", async ({
    browser,
  }) => {
    const [first, second] = [await browser.newPage(), await browser.newPage()];
    for (const page of [first, second]) watchRequests(page);
    const server = { tracking: "v2", sidecarTimeoutMs: SIDECAR_TIMEOUT } as const;
    await openPlayer(first, world, {
      content: await contentUrl("/live/master.m3u8", "v2"),
      options: { server },
      hlsConfig: { startLevel: 0 },
    });
    await first.evaluate(() => {
      const { hls } = window.interludePlayers?.[0] ?? {};
      if (hls) hls.loadLevel = 0;
    });
    await openPlayer(second, world, {
      host: "vhs",
      content: await contentUrl("/live/master.m3u8", "marker"),
      options: { server: { tracking: "marker" } },
    });

    for (const page of [first, second]) await playPast(page, 0.5);
    avails = [{ first: (await channel.edge("180")) + 1, count: 4 }];
    await waitForEvent(first, "adstart");
    await first.evaluate(() => {
      const { hls } = window.interludePlayers?.[0] ?? {};
      if (hls) hls.nextLevel = 1;
    });
    await waitForEvent(first, "adbreakcomplete");
    const levels = new Set(
      requestsOf(first).flatMap((path) =>
        path.includes("pttrackingposition") ? (/^\/auditude\/live\/e2e\/(\d+)\//.exec(path)?.[1] ?? []) : [],
      ),
    );
    expect(levels.size, "renditions whose sidecars were asked for").toBe(2);
    for (const page of [first, second]) await watchBreak(page);
    for (const page of [first, second]) await expectWatched(page);
    for (const page of [first, second]) await page.close();
  });
});
