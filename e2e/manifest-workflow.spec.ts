/**
 * The manifest server's workflow on real media in a real browser, plain hls.js on what it writes: the steps are those of the
 * founding text.
 *
 * @see Overview of Manifest Server interactions, "A typical workflow"
 */
import { expect, type Page, test } from "@playwright/test";
import {
  type Beacon,
  callApi,
  CONTENT_SOURCE,
  creativeStatus,
  expectStep,
  openDemo,
  playPast,
  receivedBeacons,
  reportedBeacons,
  seek,
  sourceOf,
  watch,
} from "./demo-page.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

const QUARTILES = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

function facts(page: Page, step: number): Promise<string> {
  return page.locator(`#steps > [data-step="${step}"] .facts`).innerText();
}

async function shownSources(page: Page): Promise<readonly number[]> {
  return groupRuns(await shownFrames(page)).map((run) => run.source);
}

/** What the receiver has of the page's own beacons: the server tells the error URLs itself. */
async function sentBeacons(page: Page): Promise<readonly Beacon[]> {
  return (await receivedBeacons(page, server)).filter(({ event }) => event !== "error");
}

/**
 * What counts as lost in the page's session: an ad once, told by the server's own note and by the error URL that it asks in the viewer's
 * name, which counts for nobody where that viewer is a program.
 */
async function lostAds(page: Page): Promise<readonly string[]> {
  const lost = (await reportedBeacons(page, server)).filter(
    ({ error, mark }) => typeof error === "number" && mark === "",
  );
  return lost.map(({ error, break: breakId }) => `${breakId} ${error}`).toSorted();
}

test("a cold MP4 costs the first viewer no content and is in the next one's playlist", async ({ page }) => {
  const paths: string[] = [];
  page.on("request", (request) => paths.push(new URL(request.url()).pathname));
  await openDemo(page, server.url, { workflow: "server", creative: "mp4" });
  await recordFrames(page);
  await watch(page);

  await test.step("1. The publisher sends the content URL and information for the ad server to the client", async () => {
    await expectStep(page, 1, "done");
    expect(await facts(page, 1)).toContain("li=mp4");
  });
  await test.step("2. The client generates a manifest server URL and sends a GET request to it: the Bootstrap URL", async () => {
    await expectStep(page, 2, "done", { status: "200" });
    const url = new URL((await page.locator('#steps > [data-step="2"]').getAttribute("data-url")) ?? "");
    const source = /^\/auditude\/variant\/vod\/([\w-]+)\.m3u8$/.exec(url.pathname)?.[1] ?? "";
    expect(Buffer.from(source, "base64url").toString()).toBe(new URL("/media/content/master.m3u8", server.url).href);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ z: "1", pttrackingmode: "simple", ptcdn: "a" });
  });
  await test.step("3. The manifest server establishes a session with the client", async () => {
    await expectStep(page, 3, "done");
    expect(await facts(page, 3)).toBe(await page.locator("html").getAttribute("data-session"));
  });
  await test.step("4. The manifest server obtains content manifests", () => expectStep(page, 4, "done"));
  await test.step("5. The manifest server returns the master manifest's URL in a JSON object, the client asks for it", () =>
    expectStep(page, 5, "done", { status: "200" }));
  await test.step("6. The client chooses a stream in the generated variant manifest", () =>
    expectStep(page, 6, "done", { status: "200" }));
  await test.step("7. The manifest server asks the ad server; the ad is not HLS, so it is sent to CRS", async () => {
    await expectStep(page, 7, "done", { part: "ad", status: "200" });
    expect(await facts(page, 7)).toContain("new-creative, which the server reports as VAST error 407");
  });
  await test.step("8. The manifest server sends the content alone, and the page says why", async () => {
    await expectStep(page, 8, "done");
    await expect(page.locator('#breaks [data-break="pre"]')).toHaveAttribute("data-reason", "new-creative");
    expect(await page.locator("#playlist-lines .ad").count()).toBe(0);
  });
  await test.step("9. The client plays the content, all of it from its first frame", async () => {
    await playPast(page, 2);
    await expectStep(page, 9, "done");
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE]);
  });
  await expect(page.locator("#job")).toHaveAttribute("data-state", "ready", { timeout: 60_000 });
  await expect(page.locator("#story")).toContainText("Watch as the next viewer");
  await expect.poll(() => lostAds(page)).toEqual(["mid 407", "post 407", "pre 407"]);
  await expect.poll(() => callApi(server, "GET", "/metrics")).toContain('interlude_beacons_total{event="error"} 3\n');
  expect(paths.filter((path) => path.startsWith("/ads/") || path.startsWith("/cdn/"))).toEqual([]);
  await watchNext(page);
});

/** The viewer who comes when the copy is there. */
async function watchNext(page: Page): Promise<void> {
  const ad = sourceOf("mp4");
  await watch(page);
  await recordFrames(page);
  await test.step("The next viewer: 7. the CDN has a copy, which is taken", async () => {
    await expectStep(page, 7, "done", { part: "ac" });
  });
  await test.step("8. The manifest server stitches ads into the content manifest", async () => {
    await expectStep(page, 8, "done");
    await expect(page.locator('#breaks [data-state="placed"]')).toHaveCount(3);
    await expect(page.locator("#marks [data-state=placed]")).toHaveCount(3);
    const breaks = await page
      .locator("#playlist-lines .ad")
      .evaluateAll((lines) => [...new Set(lines.map((line) => line.getAttribute("data-break")))]);
    expect(breaks).toEqual(["pre", "mid", "post"]);
  });
  await test.step("9. The client plays the content with the stitched-in ads", async () => {
    await playPast(page, 11);
    expect(await shownSources(page)).toEqual([ad, CONTENT_SOURCE]);
    await seek(page, 28.5);
    await recordFrames(page);
    await playPast(page, 31);
    await seek(page, 39);
    await playPast(page, 41);
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE, ad, CONTENT_SOURCE]);
    await seek(page, 78.5);
    await recordFrames(page);
    await playPast(page, 81);
    await seek(page, 89);
    await page.waitForFunction(() => document.querySelector("video")?.ended);
    expect(await shownSources(page)).toEqual([CONTENT_SOURCE, ad]);
  });
  await test.step("9. and makes requests at the specified times to the specified tracking URLs, once each", async () => {
    await expect.poll(async () => (await sentBeacons(page)).at(-1)?.event).toBe("breakEnd");
    const beacons = await sentBeacons(page);
    for (const breakId of ["pre", "mid", "post"]) {
      const events = beacons.filter((beacon) => beacon.break === breakId).map(({ event }) => event);
      // The viewer has moved over most of the other two.
      const due = breakId === "pre" ? QUARTILES : ["start", "complete"];
      expect(events.filter((event) => QUARTILES.includes(event))).toEqual(due);
      expect(new Set(events).size, `${breakId}: ${events.join(" ")}`).toBe(events.length);
      expect([events[0], events.at(-1)]).toEqual(["breakStart", "breakEnd"]);
    }
    await expect(page.locator("#beacons li")).toHaveCount(beacons.length);
    const late = await page
      .locator("#beacons [data-event=midpoint]")
      .evaluateAll((items) => items.map((item) => Number(item.getAttribute("data-time"))));
    expect(late).toEqual([5]);
  });
  for (let step = 1; step <= 9; step++) {
    await expect(page.locator(`#steps > [data-step="${step}"]`)).toHaveAttribute("data-state", "done");
  }
}

test("an HLS creative is stitched at the first encounter, and CRS hears nothing of it", async ({ page }) => {
  const known = (await creativeStatus(server)).length;
  await openDemo(page, server.url, { workflow: "server", creative: "hls" });
  await recordFrames(page);
  await watch(page);
  await expectStep(page, 7, "done", { part: "ab" });
  await playPast(page, 2);
  expect(await shownSources(page)).toEqual([sourceOf("hls")]);
  await expect(page.locator("#job")).toContainText("not needed");
  expect(await creativeStatus(server)).toHaveLength(known);
});

test("live: the ads of pre-roll and avail are told by the sidecar of each refresh, and tracked once", async ({
  page,
}) => {
  await openDemo(page, server.url, { workflow: "server", content: "live", creative: "hls" });
  await recordFrames(page);
  await watch(page);
  await expect(page.locator('#breaks [data-state="placed"]').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('#beacons [data-event="complete"]').first()).toBeVisible({ timeout: 90_000 });
  expect(await shownSources(page)).toContain(sourceOf("hls"));
  const told = await page
    .locator("#beacons li")
    .evaluateAll((items) =>
      items.map((item) => JSON.stringify({ ...(item instanceof HTMLElement ? item.dataset : {}) })),
    );
  const names = told
    .map((text) => JSON.parse(text))
    .map(({ event, break: breakId, ad }) => `${event} ${breakId} ${ad}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const complete = names.find((name) => name.startsWith("complete"));
  const own = names.filter((name) => name.endsWith(complete?.slice("complete".length) ?? "?"));
  const quartiles = own.map((name) => name.split(" ")[0] ?? "").filter((event) => QUARTILES.includes(event));
  // Who joins in the middle of an ad owes what is left of it, and that without a gap.
  expect(quartiles).toEqual(QUARTILES.slice(-quartiles.length));
});

test("a CDN that the zone does not have is refused in the server's own words", async ({ page }) => {
  await openDemo(page, server.url, { workflow: "server", creative: "mp4", cdn: "zzz" });
  await watch(page);
  await expectStep(page, 2, "failed", { status: "400" });
  await expect(page.locator("#story")).toContainText('400 option-invalid: ptcdn: expected one of a, b, got "zzz"');
  expect(await page.locator('#steps > [data-step="3"]').getAttribute("data-state")).toBe("idle");
});

test("the tabs are changed by keyboard, have addresses of their own, and keep the choice and what each has shown", async ({
  page,
}) => {
  await openDemo(page, server.url, { creative: "hls", cdn: "b" });
  await watch(page);
  await expectStep(page, 3, "done", { part: "a" });
  await page.locator("#tab-player").focus();
  await page.keyboard.press("ArrowRight");
  const tab = page.getByRole("tab", { name: "On the manifest server" });
  await expect(tab).toBeFocused();
  await expect(tab).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("tabpanel", { name: "On the manifest server" })).toBeVisible();
  expect(new URL(page.url()).search).toBe("?content=vod&creative=hls&cdn=b&workflow=server");
  await expect(page.locator("#steps > li")).toHaveCount(9);
  expect(await page.locator("video").evaluate((video: HTMLVideoElement) => video.paused)).toBe(true);
  await page.goBack();
  await expect(page.locator("#steps > li")).toHaveCount(6);
  await expectStep(page, 3, "done", { part: "a" });
  await expect(page.locator("#viewer")).toHaveText("viewer 1");
  await expect(page.locator("#story")).toContainText("stopped when you went to the other tab");
});
