import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderResponse,
  LoaderStats,
} from "hls.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VIRTUAL_ORIGIN } from "../../src/ads/virtual-media.ts";
import { createVirtualLoader, type LoaderClass, serveInHls } from "../../src/hosts/hls-virtual-segments.ts";
import { createFakeEngine, type FakeEngine } from "../fake-engine.ts";
import { createFakeShelf, type FakeShelf, SEGMENT, settle } from "./fake-shelf.ts";

const REAL = "https://site.example/a.ts";

/** hls.js's own loader, or a page's: notes what it is asked for. */
function createHostLoader(asked: string[]): LoaderClass {
  return class implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    stats: LoaderStats = {
      aborted: false,
      loaded: 0,
      retry: 0,
      total: 0,
      chunkCount: 0,
      bwEstimate: 0,
      loading: { start: 0, first: 0, end: 0 },
      parsing: { start: 0, end: 0 },
      buffering: { start: 0, first: 0, end: 0 },
    };
    destroy(): void {
      asked.push("destroy");
    }
    abort(): void {
      asked.push("abort");
    }
    load({ url }: LoaderContext): void {
      asked.push(url);
    }
    getCacheAge(): number | null {
      return 7;
    }
    getResponseHeader(name: string): string | null {
      return name;
    }
  };
}

function isClass(value: unknown): value is LoaderClass {
  return typeof value === "function";
}

interface Loading {
  readonly loader: Loader<LoaderContext>;
  readonly stats: LoaderStats;
  /** What hls.js is told, in order. */
  readonly told: readonly string[];
  readonly answers: readonly LoaderResponse[];
}

interface Stage {
  readonly shelf: FakeShelf;
  /** Of the loaders that were there before. */
  readonly asked: readonly string[];
  readonly load: (url: string, members?: object) => Loading;
}

/** One configuration of hls.js, and what it loads with it; `before` is what the page has set for fragments. */
function createStage(before?: LoaderClass, isGuarded?: () => boolean): Stage {
  const asked: string[] = [];
  const shelf = createFakeShelf();
  const LoaderOfPage = createVirtualLoader(shelf, before, isGuarded);
  // the loader reads no more of it than this
  const config: HlsConfig = Object.assign(Object.create(null), { loader: createHostLoader(asked) });
  const load: Stage["load"] = (url, members = {}) => {
    const [told, answers]: [string[], LoaderResponse[]] = [[], []];
    const loader = new LoaderOfPage(config);
    const { stats } = loader;
    const callbacks: LoaderCallbacks<LoaderContext> = {
      onSuccess: (response) => {
        told.push("success");
        answers.push(response);
      },
      onError: ({ code, text }) => told.push(`error ${code} ${text}`),
      onTimeout: () => told.push("timeout"),
      onAbort: () => told.push("abort"),
    };
    const loadPolicy = { maxTimeToFirstByteMs: 10, maxLoadTimeMs: 5000, timeoutRetry: null, errorRetry: null };
    const limits: LoaderConfiguration = { loadPolicy, maxRetry: 0, timeout: 0, retryDelay: 0, maxRetryDelay: 0 };
    const context: LoaderContext = Object.assign(Object.create(null), { url, responseType: "arraybuffer", ...members });
    loader.load(context, limits, callbacks);
    return { loader, stats, told, answers };
  };
  return { shelf, asked, load };
}

describe("createVirtualLoader", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("a segment of the page's comes from the shelf, everything else from the loader that was there", async () => {
    const { load, shelf, asked } = createStage();
    load(REAL);
    const { answers } = load(SEGMENT);
    await shelf.asked[0]?.make();
    expect([asked, answers]).toEqual([
      [REAL],
      [{ url: SEGMENT, data: new Uint8Array([0x47, 1, 2]).buffer, code: 200 }],
    ]);
  });

  test("a fragment loader of the page's own, as a P2P one, goes on loading what is served somewhere", () => {
    const own: string[] = [];
    const { load, asked } = createStage(createHostLoader(own));
    const { loader } = load(REAL);
    loader.abort();
    expect([own, asked, loader.getCacheAge?.(), loader.getResponseHeader?.("age")]).toEqual([
      [REAL, "abort"],
      [],
      7,
      "age",
    ]);
  });

  test("hls.js learns what the network took, not how long a segment that was made ahead was waited for", async () => {
    const { load, shelf } = createStage();
    const { stats } = load(SEGMENT);
    await shelf.asked[0]?.make();
    const { start, first, end } = stats.loading;
    expect([end - start, first - start, stats.loaded, stats.total]).toEqual([1000, 100, 125_000, 125_000]);
  });

  test("while it is read hls.js sees how far it is", () => {
    const { load, shelf } = createStage();
    const { stats } = load(SEGMENT);
    vi.advanceTimersByTime(40);
    shelf.asked[0]?.progress(10, 100);
    vi.advanceTimersByTime(40);
    shelf.asked[0]?.progress(20, 100);
    expect([stats.loading.first - stats.loading.start, stats.loaded, stats.total]).toEqual([40, 20, 100]);
  });

  test("a segment that hls.js gives up is waited for no longer, and never comes", async () => {
    const { load, shelf } = createStage();
    const { loader, stats, told } = load(SEGMENT);
    loader.abort();
    expect([shelf.asked[0]?.signal.aborted, stats.aborted, told]).toEqual([true, true, ["abort"]]);
    await shelf.asked[0]?.make();
    expect(told).toEqual(["abort"]);
    loader.abort();
    expect(stats.aborted).toBe(true);
  });

  test("a loader that hls.js has destroyed tells nothing", async () => {
    const { load, shelf, asked } = createStage();
    const { loader, told } = load(SEGMENT);
    loader.destroy();
    await shelf.asked[0]?.fail(new Error("late"));
    vi.advanceTimersByTime(10_000);
    expect([told, asked]).toEqual([[], ["destroy"]]);
  });

  test("what cannot be made is an error without a status: hls.js asks no server again", async () => {
    const { load, shelf } = createStage();
    const { told } = load(SEGMENT);
    await shelf.asked[0]?.fail(new Error("moov: expected 8 bytes, got 3"));
    expect(told).toEqual(["error 0 Error: moov: expected 8 bytes, got 3"]);
  });

  test("what cannot be made once nobody leaves out its ad is an error that hls.js asks again after", async () => {
    let isGuarded = true;
    const { load, shelf } = createStage(undefined, () => isGuarded);
    const { told } = load(`${SEGMENT}?_HLS_primary_id=x`);
    isGuarded = false;
    await shelf.asked[0]?.fail(new Error("no byte for 4000 ms"));
    expect(told).toEqual(["error 503 Error: no byte for 4000 ms"]);
  });

  test("a segment of a creative that was let go is an error, and no request to an address that is nobody's", async () => {
    const { load, asked } = createStage();
    const { told } = load(`${VIRTUAL_ORIGIN}/two/0.ts`);
    await settle();
    expect([told.length, told[0]?.startsWith("error 0 "), asked]).toEqual([1, true, []]);
  });

  test("a segment that takes longer than hls.js allows is timed out once", async () => {
    const { load, shelf } = createStage();
    const { told, stats } = load(SEGMENT);
    vi.advanceTimersByTime(5000);
    await shelf.asked[0]?.make();
    expect([told, stats.aborted]).toEqual([["timeout"], true]);
  });

  test("the fragment that hls.js has tested its bandwidth with is made and sampled once", async () => {
    const { load, shelf } = createStage();
    const test = load(SEGMENT, { frag: { bitrateTest: true } });
    await shelf.asked[0]?.make();
    load(`${VIRTUAL_ORIGIN}/one/v.mp4`, { frag: { type: "main", sn: "initSegment" } });
    load(`${VIRTUAL_ORIGIN}/one/a0.m4s`, { frag: { type: "audio", sn: 0 } });
    const played = load(SEGMENT, { frag: { bitrateTest: false, type: "main", sn: 0 } });
    await settle();
    expect([shelf.asked.length, test.stats.loaded, played.stats.loaded]).toEqual([3, 125_000, 0]);
    expect(played.answers[0]?.data).toBe(test.answers[0]?.data);
    load(SEGMENT);
    expect(shelf.asked.length).toBe(4);
  });

  test("the fragment that hls.js has tested its bandwidth with is kept until hls.js plays another", async () => {
    const { load, shelf } = createStage();
    const frag = { bitrateTest: false, type: "main", sn: 0 };
    load(SEGMENT, { frag: { ...frag, bitrateTest: true } });
    await shelf.asked[0]?.make();
    load(REAL, { frag: { ...frag, sn: 7 } });
    load(SEGMENT, { frag });
    expect(shelf.asked.at(-1)?.url).toBe(SEGMENT);
    expect(shelf.asked).toHaveLength(2);
  });
});

/** hls.js at a content, as far as its loaders go. */
function createServed(): { readonly engine: FakeEngine; readonly config: { fLoader: unknown }; url: string | null } {
  const config = { fLoader: undefined };
  const url: string | null = "https://site.example/film.m3u8";
  const source: { url: string | null; engine: FakeEngine } = { engine: createFakeEngine(undefined), url };
  Object.defineProperty(source.engine, "url", { get: () => source.url });
  return Object.assign(source, { config, engine: Object.assign(source.engine, { config }) });
}

describe("serveInHls", () => {
  test("fragments of the content's playlists go by the shelf from now on", async () => {
    const { engine, config } = createServed();
    serveInHls(engine, createFakeShelf(), () => undefined);
    expect(config.fLoader).toBeTypeOf("function");
  });

  test("the player of an interstitial's ad reads playlists and fragments from it, as long as hls.js lives", () => {
    const { engine } = createServed();
    serveInHls(engine, createFakeShelf(), () => undefined);
    const config = { fLoader: undefined, pLoader: undefined };
    const player = { hls: { config }, destroy: () => undefined };
    engine.tell("interstitialAssetPlayerCreated", { player });
    expect([config.fLoader, config.pLoader]).toEqual([expect.any(Function), expect.any(Function)]);
    engine.tell("destroying", {});
    const later = { fLoader: undefined };
    engine.tell("interstitialAssetPlayerCreated", { player: { ...player, hls: { config: later } } });
    expect(later.fLoader).toBeUndefined();
  });

  test("hls.js asks again for what fails once the insertion guards it no more, in the player of an ad as well", async () => {
    const { engine, config } = createServed();
    const shelf = createFakeShelf();
    serveInHls(
      engine,
      shelf,
      () => undefined,
      () => false,
    );
    const child = { fLoader: undefined, pLoader: undefined };
    engine.tell("interstitialAssetPlayerCreated", { player: { hls: { config: child }, destroy: () => undefined } });
    for (const loader of [config.fLoader, child.fLoader, child.pLoader]) {
      const { told } = createStage(isClass(loader) ? loader : undefined).load(SEGMENT);
      await shelf.asked.at(-1)?.fail(new Error("silent"));
      expect(told).toEqual(["error 503 Error: silent"]);
    }
  });

  test("the shelf is let go with hls.js", () => {
    const shelf = createFakeShelf();
    const { engine } = createServed();
    serveInHls(engine, shelf, () => undefined);
    expect(shelf.released.aborted).toBe(false);
    engine.tell("destroying", {});
    expect(shelf.released.aborted).toBe(true);
  });

  test("the shelf is let go when another content is loaded, not when the same is loaded once more to recover", () => {
    const shelf = createFakeShelf();
    const served = createServed();
    const { url } = served;
    // hls.js has no address before its first content
    served.url = null;
    serveInHls(served.engine, shelf, () => undefined);
    served.url = url;
    served.engine.tell("manifestLoading", {});
    served.engine.tell("manifestLoading", {});
    expect(shelf.released.aborted).toBe(false);
    served.url = "https://site.example/next.m3u8";
    served.engine.tell("manifestLoading", {});
    expect(shelf.released.aborted).toBe(true);
  });

  test("an hls.js that goes on with the next content keeps one loader, which serves what there is", async () => {
    const { engine, config } = createServed();
    const [first, second] = [createFakeShelf(), createFakeShelf()];
    serveInHls(engine, first, () => undefined);
    const { fLoader } = config;
    first.release();
    serveInHls(engine, second, () => undefined);
    expect(config.fLoader).toBe(fLoader);
    const { load } = createStage(isClass(fLoader) ? fLoader : undefined);
    load(SEGMENT);
    expect([first.asked, second.asked]).toMatchObject([[], [{ url: SEGMENT }]]);
  });

  test("a playlist is text, and the query that hls.js hangs on it is none of the shelf's", async () => {
    const { load, shelf } = createStage();
    const { answers } = load(`${VIRTUAL_ORIGIN}/one/main.m3u8?_HLS_primary_id=x`, { responseType: "text" });
    await shelf.asked[0]?.make({ bytes: new Uint8Array([0x23, 0x45]).buffer });
    expect([shelf.asked[0]?.url, answers[0]?.data]).toEqual([`${VIRTUAL_ORIGIN}/one/main.m3u8`, "#E"]);
  });
});
