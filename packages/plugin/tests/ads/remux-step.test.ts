import type { MediaFile } from "@interlude/core";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OpenedRemux } from "../../src/ads/first-encounter.ts";
import { createRemuxStep, type WantedRemux } from "../../src/ads/remux-step.ts";
import {
  createVirtualMediaShelf,
  loadVirtual,
  VIRTUAL_ORIGIN,
  type VirtualMediaShelf,
  type VirtualSegment,
} from "../../src/ads/virtual-media.ts";
import type { RemuxModule } from "../../src/load-remux.ts";
import type { RemuxedCreative } from "../../src/remux/remuxed-creative.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SEGMENT: VirtualSegment = { bytes: new ArrayBuffer(1), networkBytes: 1, networkMs: 1, ttfbMs: 1 };

const FILE: Omit<MediaFile, "url"> = {
  type: "video/mp4",
  delivery: "progressive",
  id: undefined,
  width: undefined,
  height: undefined,
  bitrateKbps: 1000,
  codec: undefined,
  apiFramework: undefined,
  fileSize: undefined,
};

/** One opening of a file, answered by hand. */
interface Asked {
  readonly id: string;
  readonly path: string;
  readonly signal: AbortSignal;
  /** Its tables are read. @param failed its segments cannot be read. */
  readonly open: (facts?: { readonly duration?: number; readonly failed?: Error }) => Promise<void>;
  readonly isReleased: () => boolean;
  /** Whether anything still holds what was made of it. */
  readonly isHeld: () => boolean;
}

interface Stage {
  readonly shelf: VirtualMediaShelf;
  readonly asked: readonly Asked[];
  /** First ranges. */
  readonly requested: number;
  readonly makerEnded: () => boolean | undefined;
  /** A break wants the file. */
  readonly want: (name?: string, more?: Partial<Pick<WantedRemux, "serve" | "timeToBreak">>) => OpenedRemux;
  readonly load: (id: string) => Promise<unknown>;
  /** The insertion is destroyed. */
  readonly end: () => void;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function createOpening(
  id: string,
  url: URL,
  signal: AbortSignal,
): { readonly asked: Asked; readonly opened: Promise<RemuxedCreative> } {
  const { promise: opened, ...settle } = Promise.withResolvers<RemuxedCreative>();
  // what settles a promise holds what it has become
  let open: typeof settle | undefined = settle;
  let isReleased = false;
  let made: WeakRef<object> | undefined;
  signal.addEventListener("abort", () => open?.reject(new Error("given up")));
  const asked: Asked = {
    id,
    path: url.pathname,
    signal,
    isReleased: () => isReleased,
    isHeld: () => made?.deref() !== undefined,
    open: async ({ duration = 6, failed } = {}) => {
      const load = async (): Promise<VirtualSegment> => {
        if (failed) throw failed;
        return SEGMENT;
      };
      const release = (): void => {
        isReleased = true;
      };
      const media = { load, release };
      made = new WeakRef(media);
      const stats = () => ({ bytesRead: 0, requests: 0, openMs: 0, busyMs: [] });
      open?.resolve({ id, renditions: [], duration, media, stats });
      open = undefined;
      await turn();
    },
  };
  return { asked, opened };
}

/** @param loadModule called for the code each time */
function createStage(loadModule: (module: RemuxModule) => Promise<RemuxModule> = async (module) => module): Stage {
  const shelf = createVirtualMediaShelf();
  const ended = new AbortController();
  const asked: Asked[] = [];
  let maker: AbortSignal | undefined;
  let ids = 0;
  let requested = 0;
  const module: RemuxModule = {
    createMaker: (signal) => {
      maker = signal;
      return {
        warmUp: () => undefined,
        make: () => Promise.reject(new Error("expected no segment to be made")),
        stats: () => ({ place: undefined, longestSliceMs: 0 }),
        release: () => undefined,
      };
    },
    openRemux: ({ url }, _needs, _limits, { createId, signal }) => {
      const opening = createOpening(createId(), url, signal);
      asked.push(opening.asked);
      return opening.opened;
    },
  };
  const open = createRemuxStep({
    load: () => loadModule(module),
    shelf,
    fetchRange: () => {
      requested += 1;
      return new Promise(() => undefined);
    },
    maxBytes: 1000,
    now: () => 0,
    createId: () => `creative-${++ids}`,
    ended: ended.signal,
  });
  const needs = { packaging: "hls", targetDuration: 4, isLive: false } as const;
  return {
    shelf,
    asked,
    get requested() {
      return requested;
    },
    makerEnded: () => maker?.aborted,
    want: (name = "one", { serve = async () => undefined, timeToBreak = () => 0 } = {}) =>
      open({ file: { ...FILE, url: `https://site.example/${name}.mp4` }, duration: 6, needs, timeToBreak, serve }),
    load: (id) => loadVirtual(shelf, `${VIRTUAL_ORIGIN}/${id}/0.ts`, new AbortController().signal, () => undefined),
    end: () => ended.abort(),
  };
}

describe("a creative that the page makes", () => {
  test("is opened once for all breaks that show it, and lives as long as one of them does", async () => {
    const { want, asked, load } = createStage();
    const [one, two] = [want(), want()];
    await turn();
    await asked[0]?.open();
    expect([await one.outcome, await two.outcome]).toMatchObject([{ media: { duration: 6 } }, { media: {} }]);
    one.leave();
    expect(await load("creative-1")).toBe(SEGMENT);
    two.leave();
    await turn();
    expect([asked.length, asked[0]?.isReleased()]).toEqual([1, true]);
    await expect(load("creative-1")).rejects.toThrow("still there");
    want();
    await turn();
    expect(asked).toHaveLength(2);
  });

  test("that is still being opened when the insertion ends is given up, and nothing is left of it", async () => {
    const { want, asked, end, shelf, makerEnded } = createStage();
    const { outcome } = want();
    await turn();
    end();
    expect(await outcome).toMatchObject({ skipped: "media-unavailable" });
    expect([asked[0]?.signal.aborted, shelf.released.aborted, makerEnded()]).toEqual([true, true, true]);
  });

  test("that a playlist lists outlives the insertion, until the player goes", async () => {
    const { want, asked, end, shelf, load, makerEnded } = createStage();
    want();
    const late = want("two");
    await turn();
    await asked[0]?.open();
    end();
    expect(await late.outcome).toMatchObject({ skipped: "media-unavailable" });
    expect([await load("creative-1"), makerEnded(), asked[1]?.signal.aborted]).toEqual([SEGMENT, false, true]);
    shelf.release();
    await turn();
    expect([asked[0]?.isReleased(), makerEnded(), vi.getTimerCount()]).toEqual([true, true, 0]);
    await expect(load("creative-1")).rejects.toThrow("still there");
  });

  test("that its break does not show after the insertion has ended keeps nothing alive", async () => {
    const { want, asked, end, shelf, makerEnded } = createStage();
    const { leave } = want();
    await turn();
    await asked[0]?.open();
    end();
    leave();
    expect([shelf.released.aborted, makerEnded(), vi.getTimerCount()]).toEqual([true, true, 0]);
  });

  test("whose tables come in the turn in which the insertion ends is let go", async () => {
    const { want, asked, end, shelf } = createStage();
    const { outcome } = want();
    await turn();
    const opening = asked[0]?.open();
    end();
    await opening;
    expect(await outcome).toMatchObject({ skipped: "media-unavailable" });
    expect([asked[0]?.isReleased(), shelf.isEmpty()]).toEqual([true, true]);
  });

  test("whose file fails is opened anew by the next break, and for what is listed of it", async () => {
    const { want, asked, load } = createStage();
    want();
    await turn();
    await asked[0]?.open({ failed: new Error("200, expected 206") });
    await expect(load("creative-1")).rejects.toThrow("200, expected 206");
    await turn();
    expect(asked[0]?.isReleased()).toBe(true);
    const next = want();
    await turn();
    await asked[1]?.open();
    expect(await next.outcome).toMatchObject({ media: { duration: 6 } });
    const listed = load("creative-1");
    await turn();
    await asked[2]?.open();
    expect([await listed, asked.map(({ id }) => id)]).toEqual([SEGMENT, ["creative-1", "creative-2", "creative-1"]]);
  });

  test("that nobody has asked for a minute is let go, and read again for who does, unless the file is another by then", async () => {
    const { want, asked, load } = createStage();
    want();
    await turn();
    await asked[0]?.open();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked[0]?.isReleased()).toBe(true);
    const other = load("creative-1");
    await turn();
    void asked[1]?.open({ duration: 7 });
    await expect(other).rejects.toThrow("expected 6 s as before, got 7");
    const same = load("creative-1");
    await turn();
    await asked[2]?.open();
    expect([await same, asked[1]?.isReleased()]).toEqual([SEGMENT, true]);
  });

  test("that nobody has asked for a minute takes no memory", async () => {
    const { want, asked, load } = createStage();
    want();
    await turn();
    await asked[0]?.open();
    await load("creative-1");
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    // what was looked at in this turn is held until its end
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(asked[0]?.isHeld()).toBe(false);
  });

  test("that its break has left before it was open is opened anew by the next", async () => {
    const { want, asked } = createStage();
    const { outcome, leave } = want();
    await turn();
    leave();
    expect(await outcome).toMatchObject({ skipped: "media-unavailable" });
    const next = want();
    await turn();
    await asked[1]?.open();
    expect(await next.outcome).toMatchObject({ media: { duration: 6 } });
  });

  test("whose code cannot be loaded is skipped, and the next one asks for it again", async () => {
    let isBlocked = true;
    const { want, asked } = createStage(async (module) => {
      if (isBlocked) throw new Error("chunk: 503");
      return module;
    });
    expect(await want().outcome).toEqual({ skipped: "media-unavailable", message: "chunk: 503" });
    isBlocked = false;
    want("two");
    await turn();
    expect(asked).toHaveLength(1);
  });

  test("that the player does not take is skipped, and read no further", async () => {
    const { want, asked } = createStage();
    const serve = (): Promise<void> => Promise.reject(new Error("blocked by the page's policy"));
    const { outcome } = want("one", { serve });
    expect(await outcome).toMatchObject({ skipped: "media-unavailable", message: "blocked by the page's policy" });
    await turn();
    expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
  });
});

describe("of the creatives of many breaks", () => {
  const paths = ({ asked }: Stage): readonly string[] => asked.map(({ path }) => path);

  test("two are opened at once, then what is due first, as it is due by then", async () => {
    const stage = createStage();
    const { want, asked } = stage;
    let late = 900;
    want("a", { timeToBreak: () => 600 });
    want("b", { timeToBreak: () => 700 });
    want("c", { timeToBreak: () => 800 });
    want("d", { timeToBreak: () => late });
    want("pre");
    await turn();
    expect([paths(stage), stage.requested]).toEqual([["/a.mp4", "/b.mp4"], 2]);
    late = 10;
    await asked[1]?.open();
    await asked[0]?.open();
    expect(paths(stage).slice(2)).toEqual(["/pre.mp4", "/d.mp4"]);
    await asked[2]?.open();
    expect(paths(stage).slice(4)).toEqual(["/c.mp4"]);
  });

  test("one that another break shows sooner has its turn sooner", async () => {
    const stage = createStage();
    for (const name of ["a", "b", "c", "d"]) stage.want(name, { timeToBreak: () => 600 });
    stage.want("d");
    await turn();
    await stage.asked[0]?.open();
    expect(paths(stage)).toEqual(["/a.mp4", "/b.mp4", "/d.mp4"]);
  });

  test("one whose break has no more time before its turn is never read, and one that fails takes no turn", async () => {
    const stage = createStage();
    const [one] = ["a", "b", "c", "d"].map((name) => stage.want(name));
    const late = stage.want("late");
    late.leave();
    expect(await late.outcome).toMatchObject({ skipped: "media-unavailable" });
    one?.leave();
    await turn();
    await stage.asked[1]?.open();
    await stage.asked[2]?.open();
    await stage.asked[3]?.open();
    expect(paths(stage)).toEqual(["/a.mp4", "/b.mp4", "/c.mp4", "/d.mp4"]);
  });
});
