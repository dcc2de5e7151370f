import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { attachEngine } from "../../src/hosts/hls-attachment.ts";
import type { FakeEngine } from "../fake-engine.ts";
import { createFakeEngine, listFragments } from "../fake-engine.ts";
import { createFakeShelf } from "./fake-shelf.ts";
import { type Answer, createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const CONTENT = `${HOST}/content/720.m3u8`;
const VAST = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` });
const ANSWERS: Readonly<Record<string, Answer>> = {
  "/v1/zones/1.json": ZONE,
  "/ads/vast": { text: VAST },
  "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
};

/** An ad of 8 s before the content, and an element that waits for media in it: hls.js has all that it has asked for. */
async function waitInAd(): Promise<{ readonly viewing: Viewing; readonly engine: FakeEngine }> {
  const viewing = startViewing(createFakeWeb(ANSWERS), { adTagUrl: "/ads/vast" });
  const playing = viewing.play(formatVod(5));
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(2000);
  await playing;
  const details = listFragments(
    CONTENT,
    Array.from({ length: 7 }, () => 4),
  );
  viewing.timeline.setDetails(details);
  const buffered: TimeRanges = { length: 1, start: () => 0, end: () => 2 };
  // the plugin reads no more of it than this
  const read: Partial<HTMLMediaElement> = { currentTime: 2, buffered, paused: false, ended: false, error: null };
  const media: HTMLMediaElement = Object.assign(Object.create(null), read);
  return { viewing, engine: createFakeEngine(details, media) };
}

/** The element is hls.js's, yet nobody follows it: that needs a document. */
function attach({ parts }: Viewing, engine: FakeEngine): ReturnType<typeof attachEngine> {
  const watch = (): void => undefined;
  const interstitialsManager = { playingItem: null, skip: () => undefined };
  const listener = { addEventListener: watch, removeEventListener: watch };
  Object.assign(engine.media ?? {}, listener);
  return attachEngine(
    Object.assign(engine, { interstitialsManager }),
    { ...parts, viewing: { ...parts.viewing, watch } },
    true,
  );
}

test("who waits in a spliced ad is taken out of it", async () => {
  const { viewing, engine } = await waitInAd();
  const side = attach(viewing, engine);
  await vi.advanceTimersByTimeAsync(10_000);
  side.detach();
  expect(viewing.skips).toMatchObject([{ reason: "source-unreadable", vastError: 405 }]);
});

test("where breaks are interstitials, an element's time is no place of spliced ads: none is told as broken", async () => {
  const { viewing, engine } = await waitInAd();
  const side = attach(viewing, engine);
  await side.playInterstitials?.();
  await vi.advanceTimersByTimeAsync(10_000);
  side.detach();
  expect(viewing.skips).toEqual([]);
  expect(engine.calls).toEqual([]);
});

test("hls.js has measured its bandwidth when it goes by another than it was given", async () => {
  const { viewing, engine } = await waitInAd();
  const side = attach(viewing, engine);
  const told = [undefined, Number.NaN, 500_000, 2_000_000].map((bandwidthEstimate) => {
    Object.assign(engine, { bandwidthEstimate, abrEwmaDefaultEstimate: 500_000 });
    return side.bandwidthBps?.();
  });
  side.detach();
  expect(told).toEqual([undefined, undefined, undefined, 2_000_000]);
});

test("segments that the page makes are served from when they are first needed, by one loader, and never once it has gone", async () => {
  const { viewing, engine } = await waitInAd();
  const config: { fLoader?: unknown } = {};
  const side = attach(viewing, Object.assign(engine, { config }));
  const shelf = createFakeShelf();
  expect(config.fLoader).toBeUndefined();
  await side.serveVirtual?.(shelf);
  const { fLoader } = config;
  await side.serveVirtual?.(shelf);
  side.detach();
  expect([typeof fLoader, config.fLoader]).toEqual(["function", fLoader]);
  const gone = attach(viewing, Object.assign(engine, { config: Object.assign(config, { fLoader: undefined }) }));
  gone.detach();
  await gone.serveVirtual?.(shelf);
  expect(config.fLoader).toBeUndefined();
});

test("segments that the page makes outlive the plugin's side, and go with hls.js", async () => {
  const { viewing, engine } = await waitInAd();
  const side = attach(viewing, Object.assign(engine, { config: {} }));
  const shelf = createFakeShelf();
  await side.serveVirtual?.(shelf);
  side.detach();
  expect(shelf.released.aborted).toBe(false);
  engine.tell("destroying", {});
  expect(shelf.released.aborted).toBe(true);
});

test("where serving what the page makes has failed once, the next creative has it tried again", async () => {
  const { viewing, engine } = await waitInAd();
  let isBlocked = true;
  let fLoader: unknown;
  const config = {
    get fLoader(): unknown {
      if (isBlocked) throw new Error("chunk: 503");
      return fLoader;
    },
    set fLoader(value: unknown) {
      fLoader = value;
    },
  };
  const side = attach(viewing, Object.assign(engine, { config }));
  await expect(side.serveVirtual?.(createFakeShelf())).rejects.toThrow("chunk: 503");
  isBlocked = false;
  await side.serveVirtual?.(createFakeShelf());
  expect(fLoader).toBeTypeOf("function");
  side.detach();
});
