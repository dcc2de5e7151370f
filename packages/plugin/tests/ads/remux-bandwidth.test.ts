/** What a creative that the page makes must fit into, and when. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRemuxStep } from "../../src/ads/remux-step.ts";
import { createVirtualMediaShelf, loadVirtual, VIRTUAL_ORIGIN } from "../../src/ads/virtual-media.ts";
import type { RemuxModule } from "../../src/load-remux.ts";
import { MP4 } from "./cold-creative.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a creative must fit into the bandwidth when it is opened, but not when what is listed of it is read again", async () => {
  const shelf = createVirtualMediaShelf();
  const { signal } = new AbortController();
  const asked: (number | undefined)[] = [];
  const load = async () => ({ bytes: new ArrayBuffer(1), networkBytes: 1, networkMs: 1, ttfbMs: 1 });
  const stats = () => ({ bytesRead: 0, requests: 0, openMs: 0, busyMs: [] });
  const module: RemuxModule = {
    createMaker: () => ({
      warmUp: () => undefined,
      make: () => Promise.reject(new Error("expected no segment to be made")),
      stats: () => ({ place: undefined, longestSliceMs: 0 }),
      release: () => undefined,
    }),
    openRemux: async ({ bandwidthBps }) => {
      asked.push(bandwidthBps?.());
      return { id: "one", renditions: [], duration: 6, media: { load, release: () => undefined }, stats };
    },
  };
  const open = createRemuxStep({
    load: async () => module,
    shelf,
    fetchRange: () => new Promise(() => undefined),
    maxBytes: 1000,
    now: () => 0,
    createId: () => "one",
    ended: signal,
  });
  const wanted = {
    file: MP4,
    duration: 6,
    needs: { packaging: "hls", targetDuration: 4, isLive: false },
    timeToBreak: () => 0,
    bandwidthBps: () => 5_000_000,
    serve: async () => undefined,
  } as const;
  expect(await open(wanted).outcome).toMatchObject({ media: { duration: 6 } });
  await vi.advanceTimersByTimeAsync(60_000);
  await loadVirtual(shelf, `${VIRTUAL_ORIGIN}/one/0.ts`, signal, () => undefined);
  expect(asked).toEqual([5_000_000, undefined]);
});
