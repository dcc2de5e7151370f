import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createMediaKeeper, type MediaKeeper } from "../../src/ads/media-keeper.ts";
import type { VirtualMedia, VirtualSegment } from "../../src/ads/virtual-media.ts";

const MINUTE = 60_000;
const SEGMENT: VirtualSegment = { bytes: new ArrayBuffer(1), networkBytes: 1, networkMs: 1, ttfbMs: 1 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Kept {
  /** What becomes of it, in order: `open`, `load`, `release`, `close`. */
  readonly told: string[];
  readonly ask: (signal?: AbortSignal) => Promise<VirtualSegment>;
  readonly release: () => void;
}

const settled = async (): Promise<VirtualSegment> => SEGMENT;

/** @param load of each time that it is open, as often as it is asked */
function keep(keeper: MediaKeeper, load: (signal: AbortSignal) => Promise<VirtualSegment> = settled): Kept {
  const told: string[] = [];
  const media: VirtualMedia = {
    load: (_path, signal) => {
      told.push("load");
      return load(signal);
    },
    release: () => told.push("release"),
  };
  const kept = keeper.keep({
    media,
    open: async () => {
      told.push("open");
      return media;
    },
    onClose: () => told.push("close"),
  });
  const ask: Kept["ask"] = (signal = new AbortController().signal) => kept.load("0.ts", signal, () => undefined);
  return { told, ask, release: kept.release };
}

/** Until what was closed is told. */
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe("createMediaKeeper", () => {
  test("what nobody has asked for a minute is closed, and opened again by whoever asks", async () => {
    const one = keep(createMediaKeeper());
    await one.ask();
    await vi.advanceTimersByTimeAsync(MINUTE - 1);
    await one.ask();
    await vi.advanceTimersByTimeAsync(MINUTE - 1);
    expect(one.told).toEqual(["load", "load"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(one.told.slice(2)).toEqual(["close", "release"]);
    expect(await one.ask()).toBe(SEGMENT);
    expect(one.told.slice(4)).toEqual(["open", "load"]);
  });

  test("the fifth that is asked for closes the one that was asked for longest ago", async () => {
    const keeper = createMediaKeeper();
    const all = Array.from({ length: 4 }, () => keep(keeper));
    for (const one of all) await one.ask();
    await all[0]?.ask();
    await keep(keeper).ask();
    await turn();
    expect(all.map(({ told }) => told.includes("release"))).toEqual([false, true, false, false]);
  });

  test("of five that nobody has asked for yet the last to come is closed: it is the last to be played", async () => {
    const keeper = createMediaKeeper();
    const all = Array.from({ length: 5 }, () => keep(keeper));
    await turn();
    expect(all.map(({ told }) => told)).toEqual([[], [], [], [], ["close", "release"]]);
  });

  test("what is waited for stays open, however long it takes and however many there are", async () => {
    const keeper = createMediaKeeper();
    const given = Promise.withResolvers<VirtualSegment>();
    const all = Array.from({ length: 5 }, () => keep(keeper, () => given.promise));
    const asked = all.map(({ ask }) => ask());
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    // the fifth was closed before it was asked for
    expect(all.map(({ told }) => told.filter((one) => one === "release").length)).toEqual([0, 0, 0, 0, 1]);
    given.resolve(SEGMENT);
    await Promise.all(asked);
    await turn();
    expect(all.filter(({ told }) => told.at(-1) === "load")).toHaveLength(4);
  });

  test("what fails is opened anew for who asks next, what is given up is not", async () => {
    let isBroken = true;
    const one = keep(createMediaKeeper(), async (signal) => {
      signal.throwIfAborted();
      if (isBroken) throw new Error("200, expected 206");
      return SEGMENT;
    });
    await expect(one.ask()).rejects.toThrow("200, expected 206");
    await turn();
    isBroken = false;
    expect(await one.ask()).toBe(SEGMENT);
    await expect(one.ask(AbortSignal.abort())).rejects.toThrow("aborted");
    await one.ask();
    expect(one.told).toEqual(["load", "close", "release", "open", "load", "load", "load"]);
  });

  test("what cannot be opened again is tried again by who asks next", async () => {
    let isOffline = true;
    const media: VirtualMedia = { load: settled, release: () => undefined };
    const open = async (): Promise<VirtualMedia> => {
      if (isOffline) throw new Error("no network");
      return media;
    };
    const { load } = createMediaKeeper().keep({ media, open, onClose: () => undefined });
    const ask = (): Promise<unknown> => load("0.ts", new AbortController().signal, () => undefined);
    await vi.advanceTimersByTimeAsync(MINUTE);
    await expect(ask()).rejects.toThrow("no network");
    isOffline = false;
    expect(await ask()).toBe(SEGMENT);
  });

  test("what is released leaves no timer, not even where somebody still waits for it", async () => {
    const given = Promise.withResolvers<VirtualSegment>();
    const one = keep(createMediaKeeper(), () => given.promise);
    const asked = one.ask();
    await turn();
    one.release();
    given.resolve(SEGMENT);
    await asked;
    expect(vi.getTimerCount()).toBe(0);
    one.release();
    expect(one.told).toEqual(["load", "close", "release"]);
  });
});
