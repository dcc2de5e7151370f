import type { PlacedBreak, SidecarVersion } from "@interlude/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createFragment } from "../fake-engine.ts";
import { type Answer, createFakeWeb, type FakeWeb, HOST } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";
import { createPlayback } from "../../src/viewing/playback.ts";
import type { ServerTracking } from "../../src/server-options.ts";
import { AD_DURATION, type ServedPlaylist, serveVod, startLive } from "./fake-manifest-server.ts";

const PATH = "/content/720.m3u8";
const SIDECARS = ["v1", "v2", "v3", "vmap"] as const satisfies readonly SidecarVersion[];
const NAMED = ["v2", "v3", "vmap", "marker"] as const satisfies readonly ServerTracking[];

const sidecarOf = (served: ServedPlaylist, tracking: ServerTracking): string =>
  tracking === "marker" ? "" : served.sidecar(tracking);

function open(tracking: ServerTracking, answer: Answer): { readonly web: FakeWeb; readonly viewing: Viewing } {
  const web = createFakeWeb({ [PATH]: answer, "/content/360.m3u8": answer });
  return { web, viewing: startViewing(web, { server: { tracking } }) };
}

/** A break's place without what forms name differently. */
const placeOf = ({ startTime, duration, firstMediaSequence, ads }: PlacedBreak) => ({
  startTime: startTime.toFixed(2),
  duration: duration.toFixed(2),
  firstMediaSequence,
  ads: ads.map((ad) => [ad.firstMediaSequence, ad.segmentCount, ad.startTime.toFixed(2), ad.duration.toFixed(2)]),
});

/** Loads all that is listed as hls.js would, and plays frames of 40 ms from one time to another; beacons with their time. */
function playFrames({ parts }: Viewing, text: string, from: number, to: number): void {
  const { timeline } = parts;
  const url = `${HOST}${PATH}`;
  let end = 0;
  const fragments = [...text.matchAll(/#EXTINF:([\d.]+)/g)].map(([, seconds], sn) => {
    end += Number(seconds);
    return createFragment(sn, end - Number(seconds), Number(seconds));
  });
  timeline.setDetails({ url, live: false, startSN: 0, fragments });
  for (const fragment of fragments) timeline.addFragment(fragment, url);
  let wall = 0;
  const { emit, beacons, session, toContentTime } = parts;
  const playback = createPlayback({
    emit,
    beacons,
    timeline,
    entries: session.entries,
    toContentTime,
    now: () => wall,
  });
  for (let time = from; time < to; time += 0.04, wall += 40) {
    playback.show(time, 1, true);
    session.advance(toContentTime(time));
  }
  playback.end();
}

const OF_AD = ["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
const expectedOf = (breakId: string, ...ads: readonly ("one" | "two")[]): readonly string[] => [
  `${breakId}/breakStart`,
  ...ads.flatMap((ad) => [...OF_AD, "progress"].map((event) => `${breakId}/${ad}/${event}`)),
  `${breakId}/breakEnd`,
];
const ALL = [...expectedOf("pre", "one"), ...expectedOf("mid", "one", "two"), ...expectedOf("post", "two")];
const named = (urls: readonly string[]): readonly string[] => urls.map((url) => url.replace(`${HOST}/t/`, ""));

describe("VOD that a server has stitched", () => {
  test.each([...SIDECARS, "marker"] as const)(
    "passes untouched, and %s tells where each ad is, to the segment",
    async (tracking) => {
      const served = serveVod();
      const { viewing, web } = open(tracking, { text: sidecarOf(served, tracking) });
      expect(await viewing.play(served.text)).toBe(served.text);
      expect(viewing.timeline.breaks().map(placeOf)).toEqual(served.breaks.map(placeOf));
      expect(web.requests).toEqual(tracking === "marker" ? [] : [`GET ${PATH}?pttrackingposition=0`]);
    },
  );

  test.each(NAMED)("owes by %s each beacon once, and its content time leaves the ads out", async (tracking) => {
    const served = serveVod();
    const { viewing, web } = open(tracking, { text: sidecarOf(served, tracking) });
    await viewing.play(served.text);
    playFrames(viewing, served.text, 0, 52);
    expect(named(web.beacons).toSorted()).toEqual(ALL.toSorted());
    expect([0, 8, 16, 23, 30, 34, 46].map((time) => viewing.parts.toContentTime(time))).toEqual([
      0, 0, 8, 8, 8, 12, 24,
    ]);
    expect(viewing.parts.contentDuration()).toBeCloseTo(24, 3);
    expect(viewing.parts.breaks().map(({ breakId, position }) => [breakId, position])).toEqual([
      ["pre", "pre"],
      ["mid", "mid"],
      ["post", "post"],
    ]);
  });

  test("owes by v1 each URL once at its time, though v1 knows of no ads", async () => {
    const served = serveVod();
    const { viewing, web } = open("v1", { text: served.sidecar("v1") });
    await viewing.play(served.text);
    playFrames(viewing, served.text, 0, 52);
    expect(named(web.beacons).toSorted()).toEqual(ALL.toSorted());
  });

  test("keeps clicks, companions, errors and the ads that were left out", async () => {
    const served = serveVod([{ adId: "new", adSystem: "s", creativeId: "c", reason: "new-creative" }]);
    const { viewing, web } = open("vmap", { text: served.sidecar("vmap") });
    await viewing.play(served.text);
    const [entry] = viewing.session.entries();
    expect(entry?.ads[0]).toMatchObject({
      mediaUrl: `${HOST}/ads/one/media.m3u8`,
      duration: AD_DURATION.one,
      ad: { title: "Ad one", companions: [{ width: 300, resources: [{ kind: "static" }] }] },
      creative: { clickThrough: "https://shop.example/", clickTrackers: [`${HOST}/t/pre/one/click`] },
    });
    expect(viewing.skips.map(({ breakId, adId, reason, vastError }) => [breakId, adId, reason, vastError])).toEqual(
      ["pre", "mid", "post"].map((breakId) => [breakId, "new", "new-creative", 407]),
    );
    // which the server has told itself
    expect(web.beacons).toEqual([]);
  });

  test("a break without ads owes its start and its end when the viewer comes to it", async () => {
    const empty = {
      id: "empty",
      startTime: 8,
      duration: 0,
      ads: [],
      trackingUrls: [
        { startTime: 8, event: "start", url: `${HOST}/t/empty/breakStart` },
        { startTime: 8, event: "complete", url: `${HOST}/t/empty/breakEnd` },
      ],
    };
    const { viewing, web } = open("v2", { text: JSON.stringify({ pods: [empty] }) });
    const content = serveVod().text.replaceAll(/#EXT-X-(?:DISCONTINUITY|MARKER).*\n/g, "");
    await viewing.play(content);
    playFrames(viewing, content, 0, 7.9);
    expect(web.beacons).toEqual([]);
    playFrames(viewing, content, 7.9, 9);
    expect(named(web.beacons)).toEqual(["empty/breakStart", "empty/breakEnd"]);
  });

  test("a rendition whose segments are milliseconds longer has the ads in the same segments", async () => {
    const served = serveVod();
    const { viewing } = open("v2", { text: served.sidecar("v2") });
    const other = served.text.replaceAll("#EXTINF:4.000000", "#EXTINF:4.020000");
    await viewing.play(other);
    expect(
      viewing.timeline.breaks().map(({ ads }) => ads.map((ad) => [ad.firstMediaSequence, ad.segmentCount])),
    ).toEqual(served.breaks.map(({ ads }) => ads.map((ad) => [ad.firstMediaSequence, ad.segmentCount])));
  });
});

describe("a sidecar that does not come as it should", () => {
  test("late: the playlist waits no longer than the option says, and what is not loaded yet still counts", async () => {
    vi.useFakeTimers();
    const served = serveVod();
    let answer: (value?: unknown) => void = () => undefined;
    const until = new Promise((resolve) => {
      answer = resolve;
    });
    const { viewing, web } = open("v2", { text: served.sidecar("v2"), until });
    const playing = viewing.play(served.text);
    await vi.advanceTimersByTimeAsync(1500);
    expect(await playing).toBe(served.text);
    expect(viewing.timeline.breaks()).toEqual([]);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    vi.useRealTimers();
    expect(viewing.parts.contentDuration()).toBeCloseTo(24, 3);
    playFrames(viewing, served.text, 0, 52);
    expect(named(web.beacons).toSorted()).toEqual(ALL.toSorted());
  });

  test.each([
    ["an answer", {}],
    ["a failure", { status: 503 }],
  ])("%s to an older question that comes after a newer answer is not taken, nor told", async (_what, how) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const served = serveVod();
    const { promise: until, resolve: answer } = Promise.withResolvers<void>();
    const older: Answer = { text: JSON.stringify({ pods: [] }), until, ...how };
    const web = createFakeWeb({ [PATH]: older, "/content/360.m3u8": { text: served.sidecar("v2") } });
    const viewing = startViewing(web, { server: { tracking: "v2" } });
    const playing = viewing.play(served.text);
    await vi.advanceTimersByTimeAsync(1500);
    await playing;
    await viewing.play(served.text, { track: "360" });
    answer();
    await vi.advanceTimersByTimeAsync(0);
    const known = ["pre", "mid", "post"];
    expect(viewing.timeline.breaks().map(({ breakId }) => breakId)).toEqual(known);
    expect(viewing.session.entries().map(({ planned }) => planned.breakId)).toEqual(known);
    expect(viewing.timeline.findAd({ sn: 0, start: 0, end: 0 }, `${HOST}${PATH}`)?.placed.breakId).toBe("pre");
    expect(viewing.errors).toEqual([]);
  });

  test.each([
    ["with status 503", { status: 503 }, "upstream-status"],
    ["as text", { text: "sorry" }, "vmap-malformed"],
    ["not at all", { code: "upstream-unreachable" }, "upstream-unreachable"],
  ] as const)("%s: content plays, and one error tells of it", async (_how, answer, code) => {
    const served = serveVod();
    const { viewing } = open("v2", answer);
    for (const track of ["720", "360", "720"]) expect(await viewing.play(served.text, { track })).toBe(served.text);
    expect(viewing.errors.map((error) => [error.code, error.fatal])).toEqual([[code, false]]);
  });

  test("that failed is asked for again while VOD plays, three times at most", async () => {
    const served = serveVod();
    const answer = { status: 503, text: "" };
    const { viewing, web } = open("v2", answer);
    let now = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    /** All that is under way is answered. */
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const wait = async (): Promise<void> => {
      now += 2000;
      for (let turn = 0; turn < 10; turn++) viewing.session.advance(now / 1000);
      await settle();
    };
    await viewing.play(served.text);
    await settle();
    await wait();
    expect(web.requests).toHaveLength(2);
    Object.assign(answer, { status: 200, text: served.sidecar("v2") });
    await wait();
    expect(viewing.timeline.breaks().map(({ breakId }) => breakId)).toEqual(["pre", "mid", "post"]);
    for (let round = 0; round < 5; round++) await wait();
    expect(web.requests).toHaveLength(3);
    expect(viewing.errors).toHaveLength(1);
  });

  test.each([201, 404])("status %d is an answer: nothing is told", async (status) => {
    const { viewing } = open("v2", { status });
    await viewing.play(serveVod().text);
    expect([viewing.errors, viewing.timeline.breaks()]).toEqual([[], []]);
  });
});

describe("live content that a server stitches", () => {
  /** What the last of several refreshes placed, beside what was really placed. */
  async function follow(
    tracking: ServerTracking,
    firsts: readonly number[],
    more: {
      readonly lag?: number;
      readonly track?: (index: number) => string;
      readonly status?: (index: number) => number;
    } = {},
  ) {
    const { lag = 0, track = () => "720", status = () => 200 } = more;
    const live = startLive([8]);
    const served = new Map<number, ServedPlaylist>();
    for (let first = firsts[0] ?? 0; first <= (firsts.at(-1) ?? 0) + lag; first++)
      served.set(first, live.refresh(first));
    const answers: { text: string; status: number } = { text: "", status: 200 };
    const { viewing, web } = open(tracking, answers);
    const rounds: { readonly found: unknown; readonly real: unknown }[] = [];
    for (const [index, first] of firsts.entries()) {
      const [playlist, told] = [served.get(first), served.get(first + lag)];
      if (!playlist || !told) throw new Error("expected a refresh");
      Object.assign(answers, { text: sidecarOf(told, tracking), status: status(index) });
      expect(await viewing.play(playlist.text, { track: track(index) })).toBe(playlist.text);
      rounds.push({ found: numbersOf(viewing, track(index)), real: listedOf(playlist) });
    }
    return { rounds, viewing, web };
  }
  const listedOf = ({ text, breaks }: ServedPlaylist) => {
    const edge = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + (text.match(/#EXTINF/g) ?? []).length;
    return breaks.flatMap(({ ads }) =>
      ads.flatMap((ad) => {
        const count = Math.min(ad.segmentCount, edge - ad.firstMediaSequence);
        return count > 0 ? [[ad.adId, ad.firstMediaSequence, count]] : [];
      }),
    );
  };
  const numbersOf = ({ timeline, session }: Viewing, track: string) => {
    const url = `${HOST}/content/${track}.m3u8`;
    const found = new Map<string, number[]>();
    for (let sn = 0; sn < 60; sn++) {
      const span = timeline.findAd({ sn, start: 0, end: 0 }, url);
      if (!span) continue;
      const entry = session.entries().find(({ planned }) => planned.breakId === span.placed.breakId);
      const name = entry?.ads[Number(span.placed.adId)]?.ad.id ?? "";
      found.set(name, [...(found.get(name) ?? []), sn]);
    }
    return [...found].map(([name, numbers]) => [name, numbers[0], numbers.length]);
  };
  const ROUNDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  test.each(NAMED)(
    "has by %s each ad at its segments in every refresh, from the first that lists it",
    async (tracking) => {
      const { rounds } = await follow(tracking, ROUNDS);
      expect(rounds.map(({ found }) => found)).toEqual(rounds.map(({ real }) => real));
      expect(rounds.at(-1)?.real).toEqual([
        ["one", 8, 2],
        ["two", 10, 3],
      ]);
    },
  );

  test.each(["v2", "v3", "vmap"] as const)(
    "a sidecar of %s that is two refreshes newer than the playlist means the same segments",
    async (tracking) => {
      const { rounds } = await follow(tracking, ROUNDS, { lag: 2 });
      expect(rounds.map(({ found }) => found)).toEqual(rounds.map(({ real }) => real));
    },
  );

  test("is asked about once with each refresh, and told what is known of a break once", async () => {
    const { web, viewing } = await follow("v2", ROUNDS);
    expect(web.requests).toHaveLength(ROUNDS.length);
    expect(viewing.session.entries()).toHaveLength(1);
  });

  test("a rendition that is left and another that is entered in mid-ad show the same break", async () => {
    const track = (index: number): string => (index < 6 ? "720" : "360");
    const { rounds, viewing } = await follow("v2", ROUNDS.slice(0, 8), {
      track,
      status: (index) => (index === 6 ? 404 : 200),
    });
    expect(rounds.map(({ found }) => found)).toEqual(rounds.map(({ real }) => real));
    expect(viewing.errors).toEqual([]);
    expect(viewing.session.entries()).toHaveLength(1);
  });

  test("of v1 every ad is in one break that keeps its name while the window moves over it", async () => {
    const { viewing, rounds } = await follow("v1", ROUNDS);
    expect(viewing.session.entries().map(({ planned }) => planned.breakId)).toEqual(["break-8"]);
    expect(rounds.at(-1)?.found).toEqual([["", 8, 5]]);
  });
});
