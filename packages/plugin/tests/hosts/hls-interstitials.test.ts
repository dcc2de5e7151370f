import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createInterstitials } from "../../src/hosts/hls-interstitials.ts";
import { createFakeEngine } from "../fake-engine.ts";
import { createFakeWeb, HOST, ZONE } from "../fake-web.ts";
import { startViewing } from "../fake-viewing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a break that is in the second playlist and not in the first yet is found where it plays", () => {
  const { parts } = startViewing(createFakeWeb({ "/v1/zones/1.json": ZONE }));
  const { timeline } = parts;
  const ad = { breakId: "mid", adId: "0", index: 0, startTime: 8, duration: 4, firstMediaSequence: 1, segmentCount: 1 };
  const interstitials = createInterstitials(createFakeEngine(undefined), parts);
  timeline.setBreaks(`${HOST}/180.m3u8`, [], true);
  interstitials.onLevelUpdated(`${HOST}/180.m3u8`);
  const mid = { breakId: "mid", contentTime: 8, startTime: 8, duration: 4, firstMediaSequence: 1, ads: [ad] };
  timeline.setBreaks(`${HOST}/360.m3u8`, [mid], true);
  interstitials.onLevelUpdated(`${HOST}/360.m3u8`);
  expect(timeline.locate(9)).toMatchObject({ placed: { breakId: "mid", adId: "0" } });
  interstitials.stop();
});

test("an element that is taken away for good is looked at no more, neither by its events nor by the clock", () => {
  const { parts } = startViewing(createFakeWeb({ "/v1/zones/1.json": ZONE }));
  const target = new EventTarget();
  let reads = 0;
  const element: HTMLMediaElement = Object.assign(Object.create(null), {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  Object.defineProperties(element, {
    currentTime: {
      get: () => {
        reads += 1;
        return 4;
      },
    },
    paused: { value: false },
    ended: { value: false },
  });
  const interstitials = createInterstitials(createFakeEngine(undefined, element), parts);
  interstitials.wrap(element);
  target.dispatchEvent(new Event("seeking"));
  vi.advanceTimersByTime(2000);
  expect(reads).toBeGreaterThan(1);

  expect(interstitials.onMediaDetaching()).toBe(false);
  reads = 0;
  target.dispatchEvent(new Event("seeking"));
  vi.advanceTimersByTime(2000);
  expect(reads).toBe(0);
  interstitials.stop();
});

interface Standing {
  paused: boolean;
  ended: boolean;
  readyState: number;
  readonly dispatchEvent: EventTarget["dispatchEvent"];
}

/** An element that hls.js has lent to an ad, and what it was told. */
function lendElement(): { readonly element: Standing; readonly calls: readonly string[]; readonly stop: () => void } {
  const { parts } = startViewing(createFakeWeb({ "/v1/zones/1.json": ZONE }));
  const target = new EventTarget();
  const calls: string[] = [];
  const element = Object.assign(Object.create(null), {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
    currentTime: 0,
    HAVE_NOTHING: 0,
    readyState: 4,
    paused: false,
    ended: false,
    play: () => {
      calls.push("play");
      return Promise.resolve();
    },
  });
  const interstitialsManager = { playingItem: { event: {} }, skip: () => undefined };
  const engine = Object.assign(createFakeEngine(undefined), { interstitialsManager });
  const interstitials = createInterstitials(engine, parts);
  interstitials.wrap(element);
  return { element, calls, stop: interstitials.stop };
}

test.each([
  ["before the element is given away", { ended: true, readyState: 2 }],
  ["when the element is empty already", { ended: false, readyState: 0 }],
] as const)("an ad behind a film that was over first plays: the pause is told %s", (_when, state) => {
  const { element, calls, stop } = lendElement();
  Object.assign(element, state, { paused: true });
  element.dispatchEvent(new Event("pause"));
  element.dispatchEvent(new Event("emptied"));
  Object.assign(element, { ended: false, readyState: 2 });
  element.dispatchEvent(new Event("loadeddata"));
  expect(calls).toEqual(["play"]);
  stop();
});

test("an ad whose viewer has paused the film stays paused", () => {
  const { element, calls, stop } = lendElement();
  element.paused = true;
  element.dispatchEvent(new Event("pause"));
  element.dispatchEvent(new Event("emptied"));
  element.dispatchEvent(new Event("loadeddata"));
  expect(calls).toEqual([]);
  stop();
});
