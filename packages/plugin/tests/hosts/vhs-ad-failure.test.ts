import type { PlacedBreak } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VIRTUAL_ORIGIN } from "../../src/ads/virtual-media.ts";
import { type AdGuard, createAdGuard } from "../../src/hosts/vhs-ad-failure.ts";
import type { VhsRequest } from "../../src/hosts/vhs-engine.ts";
import type { GatedPlaylist, PlaylistGate } from "../../src/hosts/vhs-playlists.ts";
import type { GuardedMedia } from "../../src/hosts/vhs-wait.ts";
import { createTimeline } from "../../src/viewing/timeline.ts";

const URL_OF_LEVEL = new URL("https://site.example/720.m3u8");
const AD = "https://cdn.example/ad.ts";
const TEXT = `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n#EXTINF:4,\n${AD}\n#EXTINF:4,\n1.ts\n#EXT-X-ENDLIST\n`;
const TS = new Uint8Array([0x47, 0x40, 0, 0, 0, 0, 0, 0]).buffer;

const where = { startTime: 4, duration: 4, firstMediaSequence: 1 };
const BREAK: PlacedBreak = {
  breakId: "mid",
  contentTime: 4,
  ...where,
  ads: [{ breakId: "mid", adId: "0", index: 0, ...where, segmentCount: 1 }],
};

interface Guarded {
  readonly media: { -readonly [K in keyof GuardedMedia]: GuardedMedia[K] };
  readonly guard: AdGuard;
  readonly refused: unknown[];
  /** A segment came, or did not: whether VHS is told, and how often it is asked for again. */
  readonly answer: (uri: string, error: unknown, response?: unknown) => { readonly isTold: boolean };
  readonly retries: () => number;
  /** Whether VHS has all that it has asked for. */
  readonly setIdle: (isIdle: boolean) => void;
}

/** Content of 4 s, an ad of 4 s, content; media up to `bufferedEnd` is there. */
function createGuarded(
  currentTime: number,
  bufferedEnd: number,
  kind: GatedPlaylist["kind"] = "main",
  text: string = TEXT,
): Guarded {
  const timeline = createTimeline();
  const fragments = [0, 1, 2].map((sn) => ({ sn, start: sn * 4, end: sn * 4 + 4 }));
  timeline.setDetails({ url: URL_OF_LEVEL.href, live: false, startSN: 0, fragments });
  timeline.setBreaks(URL_OF_LEVEL.href, [BREAK], true);
  const media = { currentTime, buffered: { length: 1, start: () => 0, end: () => bufferedEnd } };
  const jump = (target: number): void => {
    media.currentTime = target;
  };
  const refused: unknown[] = [];
  let isIdle = false;
  const gate: PlaylistGate = {
    find: () => undefined,
    all: () => [{ kind, url: URL_OF_LEVEL, text }],
    guard: () => false,
    isIdle: () => isIdle,
    release: () => undefined,
  };
  const session = { refuse: (...what: readonly unknown[]) => void refused.push(what) };
  const guard = createAdGuard(media, { session, timeline, viewing: { jump } }, gate);
  let retries = 0;
  const retry = (): void => {
    retries += 1;
  };
  const answer: Guarded["answer"] = (uri, error, response = TS) => {
    const request: VhsRequest = {
      response,
      responseText: "",
      responseURL: uri,
      responseType: "",
      abort: () => undefined,
    };
    return { isTold: !gate.guard({ uri }, error, request, retry) };
  };
  const setIdle: Guarded["setIdle"] = (now) => {
    isIdle = now;
  };
  return { media, guard, refused, answer, retries: () => retries, setIdle };
}

const REFUSED = ["mid", 0, "media-unavailable", true];

describe("createAdGuard", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("a segment of an ad that fails is asked for once more, and its ad is left out when it fails again", () => {
    const { answer, retries, refused } = createGuarded(1, 4);
    expect([answer(AD, "404").isTold, retries(), refused]).toEqual([false, 0, []]);
    vi.advanceTimersByTime(1000);
    expect(retries()).toBe(1);
    expect([answer(AD, "404").isTold, retries(), refused]).toEqual([false, 1, [REFUSED]]);
  });

  test("while the browser is offline nothing is given up: the segment is asked for when the network is back", () => {
    const { answer, retries, refused, guard } = createGuarded(3.9, 4);
    vi.stubGlobal("navigator", { onLine: false });
    guard.setWaiting(true);
    expect(answer(AD, "network").isTold).toBe(false);
    expect(answer(AD, "network").isTold).toBe(false);
    vi.advanceTimersByTime(20_000);
    expect([retries(), refused]).toEqual([0, []]);
    vi.stubGlobal("navigator", { onLine: true });
    vi.advanceTimersByTime(1000);
    expect(retries()).toBe(2);
  });

  test("an ad that the page makes itself is left out because its source cannot be read", () => {
    const made = `${VIRTUAL_ORIGIN}/one/0.ts`;
    const { answer, refused } = createGuarded(1, 4, "main", TEXT.replace(AD, made));
    answer(made, "refused");
    answer(made, "refused");
    expect(refused).toEqual([["mid", 0, "source-unreadable", true]]);
  });

  test("nothing is asked for once the player is let go", () => {
    const { answer, retries, guard } = createGuarded(1, 4);
    answer(AD, "404");
    guard.release();
    vi.advanceTimersByTime(5000);
    expect(retries()).toBe(0);
  });

  test("what fails in the content is VHS's own, and so is an ad that comes", () => {
    const { answer, refused } = createGuarded(1, 4);
    expect(answer("https://site.example/1.ts", "404").isTold).toBe(true);
    expect(answer(AD, null).isTold).toBe(true);
    expect(refused).toEqual([]);
  });

  test("bytes that are no media count as a failure in an ad, and as VHS likes in content that is encrypted", () => {
    const { answer, retries } = createGuarded(1, 4);
    const noise = new Uint8Array(16).fill(1).buffer;
    expect(answer("https://site.example/1.ts", null, noise).isTold).toBe(true);
    expect(answer(AD, null, noise).isTold).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(retries()).toBe(1);
  });

  test("the empty subtitles of an ad are no media, and no failure", () => {
    const { answer } = createGuarded(1, 4, "subtitles");
    expect(answer(AD, null, new TextEncoder().encode("WEBVTT\n\n").buffer).isTold).toBe(true);
  });

  test("the viewer is put behind the ad when the content in front of it has been played, and not before", () => {
    const { media, guard, answer } = createGuarded(1, 4);
    answer(AD, "404");
    answer(AD, "404");
    guard.check();
    expect(media.currentTime).toBe(1);
    media.currentTime = 3.95;
    guard.check();
    expect(media.currentTime).toBeCloseTo(8.01);
  });

  test("five seconds of waiting for an ad's media are enough: it is left out and jumped over", () => {
    const { media, guard, refused } = createGuarded(3.9, 4);
    guard.setWaiting(true);
    vi.advanceTimersByTime(4999);
    expect(media.currentTime).toBe(3.9);
    vi.advanceTimersByTime(1);
    expect([media.currentTime, refused]).toEqual([8.01, [REFUSED]]);
  });

  test("VHS is made to load anew where it waits for a segment that it has lost, in content as in an ad", () => {
    for (const [at, end] of [
      [3.9, 4],
      [1, 1.1],
    ] as const) {
      const { media, guard, refused, setIdle } = createGuarded(at, end);
      setIdle(true);
      guard.setWaiting(true);
      vi.advanceTimersByTime(1499);
      expect(media.currentTime).toBe(at);
      vi.advanceTimersByTime(1);
      // VHS takes what is nearer than 0.1 s to the end of its media for loaded
      expect(media.currentTime - end).toBeCloseTo(0.12);
      guard.setWaiting(true);
      vi.advanceTimersByTime(1000);
      expect([media.currentTime - end, refused]).toEqual([expect.closeTo(0.12), []]);
    }
  });

  test("VHS is made to load anew again where it loses that too, until the ad is given up", () => {
    const { media, guard, refused, setIdle } = createGuarded(3.95, 4);
    setIdle(true);
    guard.setWaiting(true);
    vi.advanceTimersByTime(1500);
    // nothing is left of what VHS had
    Object.assign(media, { buffered: { length: 0 } });
    for (const place of [4.12, 4.24, 4.36]) {
      expect([media.currentTime, refused]).toEqual([expect.closeTo(place), []]);
      vi.advanceTimersByTime(place < 4.3 ? 1500 : 500);
    }
    expect([media.currentTime, refused]).toEqual([8.01, [REFUSED]]);
  });

  test("where nothing more is listed VHS waits as long as it likes", () => {
    const { media, guard, setIdle } = createGuarded(11.95, 12);
    setIdle(true);
    guard.setWaiting(true);
    vi.advanceTimersByTime(10_000);
    expect(media.currentTime).toBe(11.95);
  });

  test("who has gone elsewhere meanwhile waits there from the start", () => {
    const { media, guard, refused } = createGuarded(1, 1.1);
    guard.setWaiting(true);
    vi.advanceTimersByTime(4500);
    Object.assign(media, { currentTime: 3.9, buffered: { length: 1, start: () => 0, end: () => 4 } });
    vi.advanceTimersByTime(4500);
    expect(refused).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(refused).toEqual([REFUSED]);
  });

  test("waiting for content is VHS's own, and waiting that has ended costs no ad", () => {
    const inContent = createGuarded(1, 1.1);
    inContent.guard.setWaiting(true);
    const over = createGuarded(3.9, 4);
    over.guard.setWaiting(true);
    over.guard.setWaiting(false);
    vi.advanceTimersByTime(10_000);
    expect([inContent.refused, over.refused, inContent.media.currentTime]).toEqual([[], [], 1]);
    inContent.guard.setWaiting(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
