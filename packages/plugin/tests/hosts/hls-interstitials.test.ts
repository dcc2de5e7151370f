import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createInterstitials } from "../../src/hosts/hls-interstitials.ts";
import { createFakeEngine } from "../fake-engine.ts";
import { createFakeWeb, ZONE } from "../fake-web.ts";
import { startViewing } from "../fake-viewing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
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
