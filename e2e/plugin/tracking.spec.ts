/**
 * Tracking on real media: each request once and when its frame is on screen, what the viewer does by real gestures, where a click leads,
 * the number of each fault, and nothing lost when the page is left.
 *
 * @see docs/plugin/tracking.md; VAST 4.3 §3.14.1, §2.3.6
 */
import { expect, type Frame, type Page, test } from "@playwright/test";
import { shownFrames } from "../frames.ts";
import { ADS } from "./catalog.ts";
import { addPlayer, events, openPage, openPlayer, playPast, seekTo, waitForEvent } from "./page.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

/** Seconds of content. */
const BREAK = 8;
const AT = `00:00:0${BREAK}`;

const named = (owner: string): readonly string[] => world.beacons(owner).map(({ event }) => event);
const count = (owner: string, event: string): number => named(owner).filter((name) => name === event).length;

async function waitForBeacon(owner: string, event: string, times = 1): Promise<void> {
  await expect.poll(() => count(owner, event), { timeout: 60_000 }).toBe(times);
}

/** Plays from shortly before the break. */
async function openBeforeBreak(page: Page, options: Parameters<typeof openPlayer>[2]): Promise<void> {
  await openPlayer(page, world, { hlsConfig: { startPosition: BREAK - 2 }, ...options });
}

/** A button of the publisher's page: what it does runs with the viewer's gesture. */
async function addButton(page: Page, name: string, onClick: (video: HTMLVideoElement) => unknown): Promise<void> {
  await page.evaluate(
    ({ label, code }) => {
      const button = document.createElement("button");
      button.textContent = label;
      const source = `return (${code})(document.querySelector("video"))`;
      button.addEventListener("click", () => void new Function(source)());
      document.body.append(button);
    },
    { label: name, code: onClick.toString() },
  );
}

test("each event is told once, when its frame is on screen, and never again when the ads are watched again", async ({
  page,
}) => {
  const ads = [{ ad: "a", progress: ["00:00:02.500", "30%"] }, { ad: "c" }] as const;
  const adTagUrl = world.answerVmap("/vmap", [{ at: AT, id: "mid", ads }]);
  await openBeforeBreak(page, {
    options: { adTagUrl },
    pageOptions: () => ({
      policy: { selectPolicyForAdBreak: () => "play", selectPolicyForSeekIntoAd: () => "play" },
    }),
  });
  await playPast(page, BREAK + ADS.a.duration + ADS.c.duration + 1);
  const linear = ["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

  await test.step("in order, each once", async () => {
    await waitForBeacon("mid", "breakEnd");
    expect(named("c")).toEqual(linear);
    expect(named("a").filter((event) => !event.startsWith("progress"))).toEqual(linear);
    expect(named("a").filter((event) => event.startsWith("progress"))).toEqual([
      "progress-30%25",
      "progress-00%3A00%3A02.500",
    ]);
    expect(named("mid")).toEqual(["breakStart", "breakEnd"]);
  });

  await test.step("at the frame that it is about, not before and not a second later", async () => {
    const frames = await shownFrames(page);
    const shownAt = (time: number): number => frames.find(({ mediaTime }) => mediaTime >= time)?.shownAt ?? Infinity;
    const { startTime } = (await waitForEvent(page, "adbreakstart")).event;
    for (const [ad, start] of [
      ["a", Number(startTime)],
      ["c", Number(startTime) + ADS.a.duration],
    ] as const)
      for (const { event, query, receivedAt } of world.beacons(ad)) {
        const [, seconds] = /^00:00:(.*)$/.exec(query.get("at") ?? "") ?? [];
        const due = start + Number(seconds);
        // a callback may run a frame or two before its frame is due on screen
        expect(receivedAt, `${ad} ${event}`).toBeGreaterThan(shownAt(due - 0.05) - 100);
        expect(receivedAt, `${ad} ${event}`).toBeLessThan(shownAt(due + 1));
      }
  });

  await test.step("watched again after a seek back: nothing", async () => {
    const told = world.beacons().length;
    await seekTo(page, BREAK + ADS.a.duration - 2);
    await playPast(page, BREAK + ADS.a.duration + ADS.c.duration + 0.5);
    await waitForEvent(page, "adbreakcomplete", {}, 2);
    expect((await events(page)).filter(({ name }) => name === "adstart")).toHaveLength(4);
    expect(world.beacons().slice(told)).toEqual([]);
  });
});

test("what the viewer does by hand is told each time, and a click leads where the ad leads", async ({ page }) => {
  const clickThrough = "https://shop.example/?at=[CLICKPOS]&size=[PLAYERSIZE]&state=[PLAYERSTATE]";
  const query = "at=[ADPLAYHEAD]&state=[PLAYERSTATE]&pos=[CLICKPOS]&method=[PLAYBACKMETHODS]";
  const adTagUrl = world.answerVmap("/vmap", [{ at: AT, id: "mid", ads: [{ ad: "b", clickThrough, query }] }]);
  await openBeforeBreak(page, { options: { adTagUrl }, autoplay: false });
  await page.locator("video").evaluate((video) => {
    video.style.cssText = "position: fixed; left: 10px; top: 100px; width: 320px; height: 180px";
  });
  await addButton(page, "play", (video) => video.play());
  await addButton(page, "sound", (video) => (video.muted = !video.muted));
  await addButton(page, "pause", (video) => video.pause());
  await addButton(page, "full screen", async (video) => {
    await (document.fullscreenElement ? document.exitFullscreen() : document.body.requestFullscreen());
    video.dispatchEvent(new Event("resized"));
  });
  await page.evaluate(() =>
    document.querySelector("video")?.addEventListener("click", (event) => {
      const url = window.interludePlayers?.[0]?.insertion?.click(event);
      document.title = url?.href ?? "";
    }),
  );
  const press = (name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();

  await press("play");
  await press("sound");
  await waitForBeacon("b", "start");
  await press("sound");
  await waitForBeacon("b", "mute");
  await press("pause");
  await waitForBeacon("b", "pause");
  await press("sound");
  await waitForBeacon("b", "unmute");
  await press("full screen");
  await waitForBeacon("b", "playerExpand");
  await press("full screen");
  await waitForBeacon("b", "playerCollapse");
  await press("sound");
  await waitForBeacon("b", "mute", 2);

  await page.mouse.click(10 + 40, 100 + 30);
  await waitForBeacon("b", "click");
  await expect(page).toHaveTitle("https://shop.example/?at=40,30&size=320,180&state=muted");
  await waitForEvent(page, "beacon", { event: "clickTracking" });

  await press("play");
  await waitForBeacon("b", "resume");
  await waitForBeacon("mid", "breakEnd");
  const done = ["mute", "pause", "unmute", "fullscreen", "playerExpand", "exitFullscreen", "playerCollapse", "resume"];
  for (const event of done) expect([event, count("b", event)]).toEqual([event, event === "mute" ? 2 : 1]);
  expect(count("b", "complete")).toBe(1);
  const of = (event: string): URLSearchParams | undefined =>
    world.beacons("b").find((one) => one.event === event)?.query;
  expect(of("click")?.get("pos")).toBe("40,30");
  expect(of("fullscreen")?.get("state")).toBe("fullscreen");
  expect(of("start")?.get("method")).toBe("3");
});

/** One more impression, with macros of its own. */
function impression(owner: string, event: string, query: string): { readonly inLine: string } {
  return { inLine: `<Impression><![CDATA[${world.url.href}track/${owner}/${event}?${query}]]></Impression>` };
}

test("a page that is left in an ad loses none of what was due, and what waited for consent goes without it", async ({
  page,
}) => {
  await page.addInitScript(() => Reflect.set(globalThis, "__tcfapi", () => undefined));
  const adTagUrl = world.answerVast("/vast", { ad: "b", extra: impression("b", "asking", "consent=[GDPRCONSENT]") });
  await openPlayer(page, world, { options: { adTagUrl, consentTimeoutMs: 60_000 }, autoplay: false });
  world.fail(/^\/hang/, "hang");
  await page.evaluate((busy) => {
    const player = window.interludePlayers?.[0];
    player?.insertion?.on("beacon", ({ event }) => {
      // every connection to the host is taken, so that what is asked next is still in the browser when the page is left
      if (event === "start") for (let index = 0; index < 6; index++) fetch(`${busy}${index}`).catch(() => undefined);
      if (event === "firstQuartile") location.assign("about:blank");
    });
    void player?.video.play();
  }, `${world.url.href}hang`);
  await page.waitForURL("about:blank");
  await waitForBeacon("b", "firstQuartile");
  await waitForBeacon("b", "asking");
  expect(named("b").toSorted()).toEqual(["asking", "creativeView", "firstQuartile", "impression", "start"]);
  expect(
    world
      .beacons("b")
      .find(({ event }) => event === "asking")
      ?.query.get("consent"),
  ).toBe("-1");
});

test("without a network for a while, what falls due meanwhile is sent afterwards, each once", async ({
  page,
  context,
}) => {
  const adTagUrl = world.answerVmap("/vmap", [{ at: AT, id: "mid", ads: ["b"] }]);
  await openBeforeBreak(page, { options: { adTagUrl } });
  await waitForBeacon("b", "start");
  await context.setOffline(true);
  await waitForEvent(page, "beacon", { event: "midpoint" });
  expect(count("b", "midpoint")).toBe(0);
  await context.setOffline(false);
  await waitForBeacon("mid", "breakEnd");
  await waitForBeacon("b", "midpoint");
  const linear = ["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
  expect(named("b").toSorted()).toEqual(linear.toSorted());
});

test("where the page's policy lets nothing but its own hosts be fetched, beacons go as images", async ({ page }) => {
  const track = new URL("/track/", world.url);
  track.hostname = "interlude.test";
  const vast = world.vast("a").replaceAll(new URL("/track/", world.url).href, track.href);
  const adTagUrl = world.answer("/vast", { body: vast });
  await openPage(page, world);
  await page.evaluate((hosts) => {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = `connect-src ${hosts}`;
    document.head.append(policy);
  }, `${world.url.origin} ${world.pageUrl.origin}`);
  await addPlayer(page, world, { options: { adTagUrl } });
  await waitForBeacon("a", "complete");
  expect(named("a").toSorted()).toEqual(
    ["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"].toSorted(),
  );
});

test("consent is read from a platform two frames up, on another origin, into ad tag, wrapper and beacons", async ({
  page,
}) => {
  const asked = "consent=[GDPRCONSENT]&gpp=[GPPSTRING]&usp=${US_PRIVACY}";
  const inner = world.answerVast("/inner", { ad: "a", query: asked });
  const wrapper = `<VAST version="4.2"><Ad id="w"><Wrapper><AdSystem>w</AdSystem><VASTAdTagURI><![CDATA[${inner}?${asked}]]></VASTAdTagURI></Wrapper></Ad></VAST>`;
  const adTagUrl = `${world.answer("/outer", { body: wrapper })}?${asked}`;
  world.answer("/site.html", {
    type: "text/html",
    body: `<iframe name="__tcfapiLocator"></iframe><iframe name="__gppLocator"></iframe><iframe name="__uspapiLocator"></iframe>
      <script>
        const ANSWER = {
          __tcfapi: { tcString: "CPxyz", gdprApplies: true, eventStatus: "tcloaded", listenerId: 1 },
          __gpp: { eventName: "listenerRegistered", listenerId: 1, pingData: { signalStatus: "ready", gppString: "DBAA", applicableSections: [7] } },
          __uspapi: { version: 1, uspString: "1YNN" },
        };
        addEventListener("message", ({ data, source }) => {
          for (const [api, returnValue] of Object.entries(ANSWER)) {
            const call = data?.[api + "Call"];
            if (call) source.postMessage({ [api + "Return"]: { returnValue, success: true, callId: call.callId } }, "*");
          }
        });
      </script><iframe src="/between.html"></iframe>`,
  });
  world.answer("/between.html", {
    type: "text/html",
    body: `<iframe src="${world.pageUrl.href}" allow="autoplay"></iframe>`,
  });
  await openPage(page, world);
  await page.goto(new URL("/site.html", world.url).href);
  const findFrame = (): Frame | null => page.frame({ url: world.pageUrl.href });
  await expect.poll(findFrame).not.toBeNull();
  const frame = findFrame();
  if (!frame) throw new Error("expected a frame");
  await frame.waitForFunction(() => window.startInterludePlayer !== undefined);
  const run = { host: "hls.js" as const, contentUrl: world.contentUrl("ts"), muted: true, autoplay: true };
  await frame.evaluate((player) => window.startInterludePlayer?.(player), {
    ...run,
    options: { zoneUrl: world.zoneUrl, adTagUrl },
  });
  await waitForBeacon("a", "impression");
  const told = [
    ...world.requests.filter(({ path }) => path === "/outer" || path === "/inner"),
    ...world.beacons("a").filter(({ event }) => event === "impression"),
  ];
  expect(told.map(({ query }) => [query.get("consent"), query.get("gpp"), query.get("usp")])).toEqual(
    Array.from({ length: 3 }, () => ["CPxyz", "DBAA", "1YNN"]),
  );
});

test("each fault has its number, and is told once", async ({ page }) => {
  const vmap = [
    { at: "start", id: "pre", ads: [{ ad: "a", id: "lost" }] },
    {
      at: AT,
      id: "mid",
      ads: [
        { ad: "b", id: "broken", media: "hls" },
        { ad: "d", id: "garbage", media: "hls" },
      ],
    },
  ] as const;
  const adTagUrl = world.answerVmap("/vmap", vmap);
  world.answer(world.cdnPath("a", "hls"), { status: 404, body: "" });
  world.fail(/ads\/b\/hls\/.*[1-9]\.ts$/, "404");
  world.fail(/ads\/d\/hls\/.*\.ts$/, "garbage");
  const options = { adTagUrl, firstEncounter: ["skip"] } as const;
  await openPlayer(page, world, { options, hlsConfig: { startPosition: BREAK - 2 } });
  await waitForBeacon("mid", "breakEnd");
  await playPast(page, BREAK + ADS.b.duration + ADS.d.duration + 1);
  const numbers = (owner: string): readonly (string | null)[] =>
    world.beacons(owner).flatMap(({ event, query }) => (event === "error" ? [query.get("error")] : []));
  expect(numbers("lost")).toEqual(["407"]);
  expect(numbers("broken")).toEqual(["401"]);
  expect(numbers("garbage")).toEqual(["405"]);
});

test("a pre-roll whose first frame is there before anybody plays is no impression until somebody does", async ({
  page,
}) => {
  const tag = world.answerVast("/ads/waiting", { ad: "a", id: "waiting" });
  await openPlayer(page, world, { autoplay: false, options: { breaks: [{ time: "start", adTagUrl: tag }] } });
  await expect.poll(async () => (await shownFrames(page)).length).toBeGreaterThan(0);
  expect(world.beacons("waiting")).toEqual([]);
  await page.locator("video").evaluate((video: HTMLVideoElement) => video.play());
  await expect
    .poll(() => world.beacons("waiting").filter(({ event }) => event === "impression" || event === "start"))
    .toHaveLength(2);
});
