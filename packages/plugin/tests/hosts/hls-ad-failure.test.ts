import type { PlacedBreak } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VIRTUAL_ORIGIN } from "../../src/ads/virtual-media.ts";
import { type AdFailures, createAdFailures } from "../../src/hosts/hls-ad-failure.ts";
import type { EngineFragment } from "../../src/hosts/hls-engine.ts";
import { createTimeline } from "../../src/viewing/timeline.ts";
import { createFakeEngine, createFragment, type FakeEngine, listFragments } from "../fake-engine.ts";

const URL_OF_LEVEL = "https://site.example/720.m3u8";
/** Content to 8 s, an ad of two segments, content. */
const DETAILS = listFragments(
  URL_OF_LEVEL,
  Array.from({ length: 8 }, () => 4),
);
const placed = {
  breakId: "mid",
  adId: "0",
  index: 0,
  startTime: 8,
  duration: 8,
  firstMediaSequence: 2,
  segmentCount: 2,
};
const MID: PlacedBreak = {
  breakId: "mid",
  contentTime: 8,
  startTime: 8,
  duration: 8,
  firstMediaSequence: 2,
  ads: [placed],
};
const FIRST = createFragment(2, 8, 4);
const SECOND = createFragment(3, 12, 4);

interface Stage {
  readonly engine: FakeEngine;
  readonly failures: AdFailures;
  /** Breaks with the reason why their ad was left out, and the times at which playlists were asked for again. */
  readonly told: readonly string[];
  readonly media: { currentTime: number };
  readonly load: (...fragments: readonly EngineFragment[]) => void;
}

function play(currentTime: number, bufferedEnd: number, isVod = true): Stage {
  const buffered: TimeRanges = { length: 1, start: () => 0, end: () => bufferedEnd };
  // the plugin reads no more of it than this
  const read: Partial<HTMLMediaElement> = { currentTime, buffered, paused: false, ended: false, error: null };
  const media: HTMLMediaElement = Object.assign(Object.create(null), read);
  const engine = createFakeEngine(DETAILS, media);
  const told: string[] = [];
  const timeline = createTimeline();
  timeline.setBreaks(URL_OF_LEVEL, [MID], true);
  timeline.setDetails(DETAILS);
  const session = {
    vod: () => (isVod ? VOD : undefined),
    refuse: (breakId: string, _index: number, reason: string, staysListed = false) =>
      told.push(`${breakId} ${reason}${staysListed ? " stays" : ""}`),
  };
  const failures = createAdFailures({
    engine,
    session,
    timeline,
    jump: (target) => {
      media.currentTime = target;
    },
    reload: (time) => told.push(`reload ${time}`),
  });
  const load: Stage["load"] = (...fragments) => {
    for (const fragment of fragments) {
      failures.onFragmentLoading(fragment);
      failures.onFragmentLoaded(fragment);
      failures.onFragmentBuffered(fragment);
      timeline.addFragment(fragment, URL_OF_LEVEL);
    }
  };
  load(...DETAILS.fragments.slice(0, 2));
  return { engine, failures, told, media, load };
}

const VOD = {
  entries: () => [],
  stitch: () => Promise.reject(new Error("not asked here")),
  advance: () => undefined,
  undecided: () => [],
  findAwaited: () => undefined,
  bindLate: () => false,
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("createAdFailures", () => {
  test("an ad of which nothing is loaded is taken out when its fragment is not there twice", () => {
    const { failures, told } = play(4, 8);
    failures.add({ details: "fragLoadError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual([]);
    failures.add({ details: "fragLoadError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid media-unavailable", "reload 4"]);
  });

  test("an ad that the page makes itself is taken out when it fails once, but not for want of a network", () => {
    const { failures, told } = play(4, 8);
    const made = Object.assign(createFragment(2, 8, 4), { url: `${VIRTUAL_ORIGIN}/one/0.ts` });
    vi.stubGlobal("navigator", { onLine: false });
    failures.add({ details: "fragLoadError", frag: made, fatal: false });
    vi.advanceTimersByTime(1);
    vi.unstubAllGlobals();
    expect(told).toEqual([]);
    failures.add({ details: "fragLoadError", frag: made, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid source-unreadable", "reload 4"]);
  });

  test("an ad that cannot be parsed is taken out at once, although hls.js has loaded it", () => {
    const { failures, told } = play(4, 8);
    failures.onFragmentLoaded(FIRST);
    failures.add({ details: "fragParsingError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid source-unreadable", "reload 4"]);
  });

  test("an ad is taken out too where what was loaded behind its place was thrown away for it", () => {
    const { failures, told } = play(4, 8);
    for (const thrownAway of DETAILS.fragments.slice(2, 5)) failures.onFragmentLoaded(thrownAway);
    failures.forgetFrom(8);
    failures.add({ details: "fragParsingError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid source-unreadable", "reload 4"]);
  });

  test("failures are counted anew where the numbers of fragments are others", () => {
    const { failures, told } = play(4, 8);
    failures.add({ details: "fragLoadError", frag: FIRST, fatal: false });
    failures.forgetFrom(8);
    failures.add({ details: "fragLoadError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual([]);
  });

  test("nothing is asked for again once it is stopped", () => {
    const { failures, told } = play(4, 8);
    failures.add({ details: "fragParsingError", frag: FIRST, fatal: false });
    failures.stop();
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid source-unreadable"]);
  });

  test("what is there of an ad plays on, and the rest is jumped over where it ends", () => {
    const { engine, failures, told, media, load } = play(8.5, 12);
    load(FIRST);
    failures.add({ details: "fragParsingError", frag: SECOND, fatal: false });
    vi.advanceTimersByTime(1);
    expect([told, media.currentTime]).toEqual([["mid source-unreadable stays"], 8.5]);
    media.currentTime = 11.8;
    failures.check();
    expect(media.currentTime).toBeCloseTo(16.01);
    expect(engine.calls).toEqual(["startLoad 16.01"]);
  });

  test("in live a broken ad stays listed, and is jumped over", () => {
    const { failures, told, media } = play(7.9, 8, false);
    failures.add({ details: "fragParsingError", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect([told, media.currentTime]).toEqual([["mid source-unreadable stays"], 16.01]);
  });

  test("errors of content are the host's", () => {
    const { engine, failures, told } = play(4, 8);
    failures.add({ details: "fragParsingError", frag: DETAILS.fragments[5], fatal: true });
    vi.advanceTimersByTime(1);
    expect([told, engine.calls]).toEqual([[], []]);
  });

  test("an append that ends the media source names its fragment: an ad ahead of the viewer is taken out", () => {
    const { failures, told } = play(7, 8);
    failures.add({ details: "mediaSourceRequiresReset", frag: FIRST, fatal: false });
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["mid source-unreadable", "reload 7"]);
  });

  test("when the browser gives up decoding an ad, the content goes on behind it", () => {
    const { engine, failures, media, load } = play(9, 16);
    load(FIRST, SECOND);
    failures.add({ details: "mediaSourceRequiresReset", frag: undefined, fatal: false });
    vi.advanceTimersByTime(1);
    expect([media.currentTime, engine.calls]).toEqual([16.01, ["startLoad 16.01"]]);
  });

  test("an ad that one waits for with nothing to see is given up after six seconds", () => {
    const { failures, told, media } = play(7.9, 8);
    failures.onFragmentLoading(FIRST);
    vi.advanceTimersByTime(6000);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(600);
    expect(told).toEqual(["mid media-timeout", "reload 7.9"]);
    failures.stop();
    expect([media.currentTime, vi.getTimerCount()]).toEqual([7.9, 0]);
  });

  test("hls.js is started anew where it is stuck behind an ad with nothing under way", () => {
    const { engine, failures, load, media } = play(16.5, 16.6);
    load(FIRST, SECOND, ...DETAILS.fragments.slice(4, 5));
    vi.advanceTimersByTime(2600);
    expect(engine.calls).toEqual(["recoverMediaError"]);
    // once: where the content itself does not come, that is for the host to deal with
    media.currentTime = 16.55;
    vi.advanceTimersByTime(20_000);
    expect(engine.calls).toEqual(["recoverMediaError"]);
    failures.stop();
  });
});
