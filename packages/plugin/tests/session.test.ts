import { creativeKey, masterPath } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type Answer,
  createFakeWeb,
  type FakeWeb,
  formatMaster,
  formatVast,
  formatVmap,
  formatVod,
  HOST,
  ZONE,
} from "./fake-web.ts";
import { startViewing, type Viewing } from "./fake-viewing.ts";

const CONTENT = formatVod(15);
const TAG = "/ads/vast?li=mp4";

/** Where the repackaged copy of an ad's creative is, for content with 4-second segments. */
function cdnPath(id: string, name = "a"): string {
  const key = creativeKey("1", `${HOST}/creatives/${id}.mp4`);
  return `/cdn/${name}/${masterPath("1", key, { packaging: "hls", targetDuration: 4 })}`;
}

/** A repackaged copy with two renditions. */
function copyOf(id: string, name = "a"): Readonly<Record<string, Answer>> {
  return {
    [cdnPath(id, name)]: { text: formatMaster({ 300_000: `/copy/${id}/low.m3u8`, 900_000: `/copy/${id}/high.m3u8` }) },
    [`/copy/${id}/low.m3u8`]: { text: formatVod(2, 4, `${id}-low`) },
    [`/copy/${id}/high.m3u8`]: { text: formatVod(2, 4, `${id}-high`) },
  };
}

function repackaging(state: string, id = "one"): Answer {
  const key = creativeKey("1", `${HOST}/creatives/${id}.mp4`);
  return { status: 202, text: JSON.stringify({ key, state, statusUrl: "/ads/repackage/ticket" }) };
}

const VAST: Answer = { text: formatVast({ id: "one" }) };
const HLS: Readonly<Record<string, Answer>> = {
  "/ads/vast": { text: formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/master.m3u8` }) },
  "/ad/master.m3u8": { text: formatMaster({ 300_000: "low.m3u8" }) },
  "/ad/low.m3u8": { text: formatVod(2, 4, "ad") },
};

/** The founding workflow: what has no copy is skipped. */
function watch(web: FakeWeb, options: Parameters<typeof startViewing>[1] = {}): Viewing {
  return startViewing(web, { adTagUrl: TAG, firstEncounter: ["skip"], ...options });
}

const never = new Promise<never>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What the player gets, timers run as far as they need to. */
async function settle(text: Promise<string>, ms = 0): Promise<string> {
  await vi.advanceTimersByTimeAsync(ms);
  return text;
}

describe("an ad that can be played", () => {
  test("HLS is spliced at the first encounter, and neither CDN nor CRS is asked", async () => {
    const web = createFakeWeb({ ...HLS, "/v1/zones/1.json": ZONE });
    const viewing = watch(web);
    const text = await settle(viewing.play(CONTENT));
    expect(text.match(/\/ad\/ad-\d\.ts/g)).toHaveLength(2);
    expect(web.requests.filter((request) => /POST|cdn/.test(request))).toEqual([]);
    expect(viewing.steps.map(({ step, part }) => `${step}${part ?? ""}`)).toEqual(["1", "2", "3a"]);
  });

  test("an MP4 whose copy is on the CDN is spliced, with the rendition that goes with the content's", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = watch(web);
    viewing.playMaster(formatMaster({ 400_000: "low.m3u8", 1_200_000: "high.m3u8" }));
    const high = await settle(viewing.play(CONTENT, { track: "high", bandwidthBps: 1_200_000 }));
    const low = await settle(viewing.play(CONTENT, { track: "low", bandwidthBps: 400_000 }));
    expect(high.match(/one-\w+-\d\.ts/g)).toEqual(["one-high-0.ts", "one-high-1.ts"]);
    expect(low.match(/one-\w+-\d\.ts/g)).toEqual(["one-low-0.ts", "one-low-1.ts"]);
    expect(viewing.steps.map(({ step, part }) => `${step}${part ?? ""}`)).toEqual(["1", "2", "3b", "4a"]);
    expect(web.requests.filter((request) => request === `GET ${cdnPath("one")}`)).toHaveLength(1);
  });

  test("only the renditions that the content's variants need are fetched", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = watch(web);
    viewing.playMaster(formatMaster({ 400_000: "low.m3u8" }));
    await settle(viewing.play(CONTENT, { bandwidthBps: 400_000 }));
    expect(web.requests.filter((request) => request.includes("/copy/"))).toEqual(["GET /copy/one/low.m3u8"]);
  });

  test("ptcdn chooses the CDN that is asked", async () => {
    const web = createFakeWeb({ ...copyOf("one", "b"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const text = await settle(watch(web, { ptcdn: "b" }).play(CONTENT));
    expect(text).toContain("one-high-0.ts");
    expect(web.requests.filter((request) => request.includes("/cdn/a/"))).toEqual([]);
  });

  test("pre-, mid- and post-roll of a VMAP are placed, and the ad server is told session and break", async () => {
    const vast = formatVast({ id: "one" });
    const web = createFakeWeb({
      ...copyOf("one"),
      "/v1/zones/1.json": ZONE,
      "/ads/vast": VAST,
      "/ads/vmap": {
        text: formatVmap([
          { at: "start", id: "pre", vast },
          { at: "00:00:20", id: "mid", tag: `${HOST}/ads/vast?li=mp4` },
          { at: "end", id: "post", vast },
        ]),
      },
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    await settle(viewing.play(CONTENT));
    expect(
      viewing.timeline.breaks().map(({ breakId, contentTime, startTime }) => [breakId, contentTime, startTime]),
    ).toEqual([
      ["pre", 0, 0],
      ["mid", 20, 28],
      ["post", 60, 76],
    ]);
    expect(web.requests).toContain("GET /ads/vmap?session=viewer-1");
    expect(web.requests).toContain("GET /ads/vast?li=mp4&session=viewer-1&break=mid");
  });

  test("a pod keeps its order although its ads are found at different times", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 300));
    const web = createFakeWeb({
      ...copyOf("one"),
      ...copyOf("two"),
      [cdnPath("one")]: { ...copyOf("one")[cdnPath("one")], until: late },
      "/ads/vast": { text: formatVast({ id: "two", sequence: 2 }, { id: "one", sequence: 1 }) },
      "/v1/zones/1.json": ZONE,
    });
    const text = await settle(watch(web).play(CONTENT), 400);
    expect(text.match(/(one|two)-high-0/g)).toEqual(["one-high-0", "two-high-0"]);
  });

  test("a break that the page asks for itself is filled", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = startViewing(web, { breaks: [{ id: "own", time: "start", adTagUrl: "/ads/vast" }] });
    expect(await settle(viewing.play(CONTENT))).toContain("one-high-0.ts");
  });

  test("a track whose segments differ by milliseconds is cut where the first one is, not a segment away", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = startViewing(web, { breaks: [{ id: "own", time: 10, adTagUrl: "/ads/vast" }] });
    const first = await settle(viewing.play(CONTENT));
    const second = await settle(viewing.play(CONTENT.replaceAll("EXTINF:4", "EXTINF:4.005"), { track: "360" }));
    const before = (text: string): number => text.slice(0, text.indexOf("one-")).split("#EXTINF").length - 2;
    expect([before(first), before(second)]).toEqual([3, 3]);
  });
});

describe("an ad that cannot be played is skipped, and the content is untouched", () => {
  const cold = { "/ads/vast": VAST, "/v1/zones/1.json": ZONE };
  const cases: readonly (readonly [
    fault: string,
    answers: Readonly<Record<string, Answer>>,
    reason: string,
    vastError: number,
  ])[] = [
    [
      "no copy yet: repackaging was asked for",
      { ...cold, "/ads/repackage": repackaging("absent") },
      "new-creative",
      407,
    ],
    [
      "repackaging is under way",
      { ...cold, "/ads/repackage": repackaging("transcoding") },
      "repackage-in-progress",
      407,
    ],
    ["repackaging has failed", { ...cold, "/ads/repackage": repackaging("failed") }, "repackage-failed", 405],
    ["the creative is blocked", { ...cold, "/ads/repackage": repackaging("blocked") }, "creative-blocked", 403],
    [
      "the ad server does not know the creative",
      { ...cold, "/ads/repackage": { status: 403 } },
      "repackage-refused",
      407,
    ],
    ["the quota is used up", { ...cold, "/ads/repackage": { status: 429 } }, "repackage-unavailable", 407],
    ["CRS is down", { ...cold, "/ads/repackage": { status: 503 } }, "repackage-unavailable", 407],
    [
      "the repackage request gets no answer",
      { ...cold, "/ads/repackage": { code: "upstream-timeout" } },
      "repackage-unavailable",
      407,
    ],
    [
      "the repackage answer is no JSON",
      { ...cold, "/ads/repackage": { status: 202, text: "<html>" } },
      "repackage-unavailable",
      407,
    ],
    [
      "the ad server computes another key",
      { ...cold, "/ads/repackage": repackaging("absent", "two") },
      "key-mismatch",
      900,
    ],
    [
      "the CDN answers 500",
      { ...cold, [cdnPath("one")]: { status: 500 }, "/ads/repackage": repackaging("absent") },
      "cdn-error",
      401,
    ],
    [
      "the CDN is silent",
      { ...cold, [cdnPath("one")]: { code: "upstream-timeout" }, "/ads/repackage": { status: 503 } },
      "cdn-error",
      401,
    ],
    [
      "the CDN answers 200 with a page",
      { ...cold, [cdnPath("one")]: { text: "<html>" }, "/ads/repackage": repackaging("absent") },
      "cdn-error",
      401,
    ],
    [
      "the media playlists of the copy are gone",
      { ...cold, [cdnPath("one")]: { text: formatMaster({ 1: "/gone.m3u8" }) } },
      "media-unavailable",
      401,
    ],
    [
      "an ad playlist is late",
      { ...HLS, "/v1/zones/1.json": ZONE, "/ad/low.m3u8": { code: "upstream-timeout" } },
      "media-timeout",
      402,
    ],
    [
      "an ad playlist is no playlist",
      { ...HLS, "/v1/zones/1.json": ZONE, "/ad/low.m3u8": { text: "<html>" } },
      "media-unavailable",
      401,
    ],
    [
      "an ad playlist is a live one",
      { ...HLS, "/v1/zones/1.json": ZONE, "/ad/low.m3u8": { text: formatVod(2).replace("#EXT-X-ENDLIST\n", "") } },
      "no-variant-match",
      403,
    ],
    [
      "no media file is of a known type",
      { ...cold, "/ads/vast": { text: formatVast({ id: "one", type: "video/3gpp" }) } },
      "unsupported-media-file",
      403,
    ],
  ];

  test.each(cases)("%s", async (_fault, answers, reason, vastError) => {
    const web = createFakeWeb(answers);
    const viewing = watch(web);
    expect(await settle(viewing.play(CONTENT), 2000)).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "preroll", adId: "one", reason, vastError }]);
    expect(web.beacons).toEqual([`${HOST}/t/one/error?error=${vastError}&at=-1`]);
  });

  const noAds: readonly (readonly [fault: string, answer: Answer, reason: string, vastError: number])[] = [
    ["the ad server answers 500", { status: 500 }, "ads-timeout", 301],
    ["the ad server is down", { code: "upstream-unreachable" }, "ads-timeout", 301],
    ["the ad server is silent", { code: "upstream-timeout" }, "ads-timeout", 301],
    ["the ad server answers with a page", { text: "<html><p></html>" }, "vast-malformed", 100],
    ["the VAST is too large", { code: "response-too-large" }, "vast-malformed", 100],
    ["the VAST is empty", { text: '<VAST version="4.2"/>' }, "no-ads", 303],
    ["the answer is empty", { text: "" }, "no-ads", 303],
    [
      "the ad has no creative",
      { text: '<VAST version="4.2"><Ad id="x"><InLine><AdTitle>t</AdTitle></InLine></Ad></VAST>' },
      "no-media-file",
      201,
    ],
  ];

  test.each(noAds)("%s", async (_fault, answer, reason, vastError) => {
    const viewing = watch(createFakeWeb({ "/ads/vast": answer, "/v1/zones/1.json": ZONE }));
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "preroll", reason, vastError }]);
  });

  test("one ad of a pod costs no other", async () => {
    const web = createFakeWeb({
      ...copyOf("two"),
      "/ads/vast": { text: formatVast({ id: "one", sequence: 1 }, { id: "two", sequence: 2 }) },
      "/ads/repackage": repackaging("absent"),
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web);
    expect(await settle(viewing.play(CONTENT))).toContain("two-high-0.ts");
    expect(viewing.skips).toMatchObject([{ adId: "one", reason: "new-creative" }]);
  });

  test("one that breaks off while it plays stays listed, in the renditions that come later too", async () => {
    const viewing = watch(createFakeWeb({ ...HLS, "/v1/zones/1.json": ZONE }));
    const text = await settle(viewing.play(CONTENT));
    const [entry] = viewing.session.entries();
    viewing.session.refuse(entry?.planned.breakId ?? "", 0, "media-unavailable", true);
    viewing.session.refuse(entry?.planned.breakId ?? "", 0, "media-unavailable", true);
    expect(viewing.skips.map(({ reason }) => reason)).toEqual(["media-unavailable"]);
    expect(await settle(viewing.play(CONTENT, { track: "360" }))).toBe(text);
    expect(entry?.status).toBe("placed");
  });

  test("a stand-alone ad takes the place of one of the pod that cannot be played", async () => {
    const web = createFakeWeb({
      ...copyOf("spare"),
      "/ads/vast": { text: formatVast({ id: "one", sequence: 1 }, { id: "spare" }) },
      "/ads/repackage": repackaging("absent"),
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web);
    expect(await settle(viewing.play(CONTENT))).toContain("spare-high-0.ts");
    expect(viewing.skips).toMatchObject([{ adId: "one" }]);
  });

  test("a stand-alone ad stands in once, though two of the pod cannot be played", async () => {
    const web = createFakeWeb({
      ...copyOf("spare"),
      "/ads/vast": { text: formatVast({ id: "one", sequence: 1 }, { id: "two", sequence: 2 }, { id: "spare" }) },
      "/ads/repackage": { status: 503 },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web);
    const text = await settle(viewing.play(CONTENT));
    expect(text.match(/spare-high-0\.ts/g)).toHaveLength(1);
    expect(viewing.skips.map(({ adId }) => adId)).toEqual(["one", "two"]);
  });

  test("TS ads are kept out of fragmented MP4, and nobody is asked to repackage them", async () => {
    const fragmented = CONTENT.replace("#EXTINF", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF');
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = watch(web);
    expect(await settle(viewing.play(fragmented))).toBe(fragmented);
    expect(viewing.skips).toMatchObject([{ reason: "no-variant-match" }]);
    expect(web.bodies).toEqual([]);
  });
});

describe("a cold creative", () => {
  test("is asked for once by a session that shows it in three breaks, with its original URL", async () => {
    const vast = formatVast({ id: "one" });
    const breaks = ["start", "00:00:20", "end"].map((at) => ({ at, id: at, vast }));
    const web = createFakeWeb({
      "/ads/vmap": { text: formatVmap(breaks) },
      "/ads/repackage": repackaging("absent"),
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
    expect(web.bodies).toEqual([
      {
        zone: "1",
        creativeUrl: `${HOST}/creatives/one.mp4`,
        packaging: "hls",
        targetDuration: 4,
        adSystem: "s",
        adId: "one",
        creativeId: "c-one",
      },
    ]);
    expect(viewing.skips.map(({ breakId, reason }) => [breakId, reason])).toEqual([
      ["start", "new-creative"],
      ["00:00:20", "new-creative"],
      ["end", "new-creative"],
    ]);
  });

  test("goes through steps 1, 2, 3b, 4, 4b and 5, each with its real request", async () => {
    const web = createFakeWeb({ "/ads/vast": VAST, "/ads/repackage": repackaging("absent"), "/v1/zones/1.json": ZONE });
    const viewing = watch(web);
    await settle(viewing.play(CONTENT));
    const seen = viewing.steps.map(({ step, part, method, url = "", status }) => [
      `${step}${part ?? ""}`,
      `${method} ${new URL(url).pathname}`,
      status,
    ]);
    const probed = [cdnPath("one"), cdnPath("one").replace(/_\w+\.m3u8/, "")];
    expect(seen.filter(([, request]) => !String(request).includes("/cdn/"))).toEqual([
      ["1", "GET /ads/vast", undefined],
      ["2", "GET /ads/vast", 200],
      ["4b", "POST /ads/repackage", 202],
      ["5", "POST /ads/repackage", 202],
    ]);
    expect(seen.slice(2, 4)).toEqual([
      ["3b", `GET ${probed[0]}`, undefined],
      ["4", `GET ${probed[0]}`, 404],
    ]);
  });

  test("does not hold up the start of the content until the ad server has taken the request", async () => {
    const web = createFakeWeb({
      "/ads/vast": VAST,
      "/ads/repackage": { until: never },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web);
    expect(await settle(viewing.play(CONTENT), 10)).toBe(CONTENT);
    expect(viewing.skips).toEqual([]);
  });

  test("is followed to the end through the status URL where the page wants to see it", async () => {
    const states = ["queued", "transcoding", "ready"].map((state, index) => ({ state, progress: index / 2 }));
    let asked = 0;
    const web = createFakeWeb({ "/ads/vast": VAST, "/ads/repackage": repackaging("absent"), "/v1/zones/1.json": ZONE });
    const fetchText: FakeWeb["ports"]["fetchText"] = (url, options) =>
      url.pathname === "/ads/repackage/ticket"
        ? Promise.resolve({ status: 200, text: JSON.stringify(states[asked++]), url })
        : web.ports.fetchText(url, options);
    const viewing = watch({ ...web, ports: { ...web.ports, fetchText } }, { followRepackaging: true });
    await settle(viewing.play(CONTENT));
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(500);
    const seen = viewing.steps.filter(({ step }) => step === 6).map(({ state, progress }) => [state, progress]);
    expect(seen).toEqual([
      ["queued", 0],
      ["transcoding", 0.5],
      ["ready", 1],
    ]);
  });
});

describe("the start budget", () => {
  test("lets the content go without a pre-roll that is not decided in time", async () => {
    const web = createFakeWeb({ "/ads/vast": { until: never }, "/v1/zones/1.json": ZONE });
    const viewing = watch(web, { adTagUrl: "/ads/vast", startBudgetMs: 1500 });
    const text = viewing.play(CONTENT);
    await vi.advanceTimersByTimeAsync(1499);
    let isDone = false;
    void text.then(() => {
      isDone = true;
    });
    expect(isDone).toBe(false);
    expect(await settle(text, 2)).toBe(CONTENT);
  });

  test("a pre-roll whose ads come too late is told so once, and each ad to its error URL", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 3000));
    const vmap = formatVmap([{ at: "start", id: "pre", tag: `${HOST}/ads/vast` }]);
    const web = createFakeWeb({
      ...copyOf("one"),
      "/ads/vmap": { text: vmap },
      "/ads/vast": { ...VAST, until: late },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap" });
    expect(await settle(viewing.play(CONTENT), 1600)).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "pre", adId: undefined, reason: "ads-timeout" }]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(viewing.skips).toHaveLength(1);
    expect(web.beacons).toEqual([`${HOST}/t/one/error?error=301&at=-1`]);
  });

  test("is not needed by a VMAP whose breaks are empty: they are listed as skipped, with their places", async () => {
    const vast = formatVast();
    const web = createFakeWeb({
      "/ads/vmap": {
        text: formatVmap([
          { at: "start", id: "pre", vast },
          { at: "00:00:20", id: "mid", vast },
          { at: "end", id: "post", vast },
        ]),
      },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    await vi.advanceTimersByTimeAsync(100);
    await settle(viewing.play(CONTENT));
    expect(viewing.parts.breaks().map(({ breakId, state, contentTime }) => [breakId, state, contentTime])).toEqual([
      ["pre", "skipped", 0],
      ["mid", "skipped", 20],
      ["post", "skipped", 60],
    ]);
  });

  test("is not spent on a mid-roll: the content starts, and the break waits to be bound", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 3000));
    const web = createFakeWeb({
      ...copyOf("one"),
      "/ads/vmap": { text: formatVmap([{ at: "00:00:20", id: "mid", tag: `${HOST}/ads/vast` }]) },
      "/ads/vast": { ...VAST, until: late },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
    expect(viewing.session.vod()?.undecided()).toEqual([{ contentTime: 20, isReady: false }]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(viewing.lateChanges()).toBe(1);
    expect(viewing.session.vod()?.bindLate(() => true)).toBe(true);
    expect(await settle(viewing.play(CONTENT))).toContain("one-high-0.ts");
  });

  test("late breaks are bound in order of their times, each where those before it have moved it", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 3000));
    const tag = `${HOST}/ads/vast`;
    const web = createFakeWeb({
      ...copyOf("one"),
      "/ads/vmap": {
        text: formatVmap([
          { at: "end", id: "post", tag },
          { at: "00:00:40", id: "second", tag },
          { at: "00:00:20", id: "first", tag },
        ]),
      },
      "/ads/vast": { ...VAST, until: late },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    await settle(viewing.play(CONTENT));
    await vi.advanceTimersByTimeAsync(3000);
    const asked: (readonly [breakId: string, contentTime: number, moved: number])[] = [];
    viewing.session.vod()?.bindLate(({ breakId, contentTime, startTime, duration }) => {
      asked.push([breakId, contentTime, Math.round((startTime - contentTime) / duration)]);
      return true;
    });
    expect(asked).toEqual([
      ["first", 20, 0],
      ["second", 40, 1],
      ["post", 60, 2],
    ]);
  });

  test("a late mid-roll whose place is loaded already is skipped", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 3000));
    const web = createFakeWeb({
      ...copyOf("one"),
      "/ads/vmap": { text: formatVmap([{ at: "00:00:20", id: "mid", tag: `${HOST}/ads/vast` }]) },
      "/ads/vast": { ...VAST, until: late },
      "/v1/zones/1.json": ZONE,
    });
    const viewing = watch(web, { adTagUrl: "/ads/vmap", lookAhead: false });
    await settle(viewing.play(CONTENT));
    await vi.advanceTimersByTimeAsync(3000);
    expect(viewing.session.vod()?.bindLate(({ startTime }) => startTime > 20)).toBe(false);
    expect(viewing.skips).toMatchObject([{ breakId: "mid", adId: "one", reason: "ads-timeout", vastError: 301 }]);
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
  });

  test("probes and the content's playlist are under way at the same time", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    watch(web);
    await vi.advanceTimersByTimeAsync(0);
    expect(web.requests).toContain(`GET ${cdnPath("one")}`);
  });
});

describe("what is wrong from the start", () => {
  test("a ptcdn that the zone does not have is told by `ready`, and the content plays", async () => {
    const web = createFakeWeb({ ...copyOf("one"), "/ads/vast": VAST, "/v1/zones/1.json": ZONE });
    const viewing = watch(web, { ptcdn: "nowhere" });
    await expect(viewing.session.ready).rejects.toMatchObject({
      code: "option-invalid",
      message: 'ptcdn: expected one of a, b, got "nowhere"',
    });
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ adId: "one", reason: "cdn-error" }]);
  });

  test.each([
    ["is not there", { status: 404 }, "upstream-status"],
    ["is no JSON", { text: "<html>" }, "option-invalid"],
    ["names no CDN", { text: '{"zone":"1"}' }, "option-invalid"],
    ["does not come", { code: "upstream-timeout" }, "upstream-timeout"],
  ] as const)("a zone document that %s is told by `ready`, and the content plays", async (_fault, answer, code) => {
    const viewing = watch(createFakeWeb({ "/ads/vast": VAST, "/v1/zones/1.json": answer }));
    await expect(viewing.session.ready).rejects.toMatchObject({ code });
    expect(await settle(viewing.play(CONTENT))).toBe(CONTENT);
  });

  test("a content playlist that cannot be read goes to the player as it came, with an error", async () => {
    const broken = "#EXTM3U\n#EXTINF:no number,\na.ts\n";
    const viewing = watch(createFakeWeb({ "/ads/vast": VAST, "/v1/zones/1.json": ZONE }));
    expect(await settle(viewing.play(broken))).toBe(broken);
    expect(viewing.errors).toMatchObject([{ fatal: false, code: "playlist-malformed" }]);
  });
});
