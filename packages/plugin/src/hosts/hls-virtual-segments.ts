/**
 * Segments that the page makes, for hls.js: its fragment loader is asked for them as for any other, and whatever loader the page has set
 * goes on loading everything else.
 *
 * hls.js learns its bandwidth from how long a fragment took. A segment that was made before it was asked for comes at once; so hls.js is
 * told what the network gave for it and took, and not how long it was waited for.
 *
 * @see hls.js 1.7 API.md `fLoader`, `loader`; src/loader/fragment-loader.ts reads `fLoader` for each fragment and each initialisation
 * segment; src/controller/abr-controller.ts reads `stats`
 */
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from "hls.js";
import { isVirtual, loadVirtual, type VirtualMediaShelf, type VirtualSegment } from "../ads/virtual-media.ts";
import type { Emit } from "../events.ts";
import { type Engine, ENGINE_EVENT } from "./hls-engine.ts";
import { type EngineListeners, listenTo } from "./hls-listen.ts";

/** A loader of hls.js, as it is made for each request. */
export type LoaderClass = new (config: HlsConfig) => Loader<LoaderContext>;

type Shelf = Pick<VirtualMediaShelf, "find">;

/**
 * From now on: for the content's fragments, and for the players of interstitials that are still to be made.
 *
 * @returns what ends the latter; the fragments that the content's playlists list are served as long as hls.js lives
 */
export function serveInHls(engine: Engine, shelf: Shelf, emit: Emit): () => void {
  const { config } = engine;
  if (config) config.fLoader = createVirtualLoader(shelf, config.fLoader);
  const listeners: EngineListeners = {
    // made of what the page has set, and told before it loads anything
    [ENGINE_EVENT.interstitialAssetPlayerCreated]: ({ player }) => {
      const child = player?.hls?.config;
      if (!child) return;
      child.fLoader = createVirtualLoader(shelf, child.fLoader);
      child.pLoader = createVirtualLoader(shelf, child.pLoader);
    },
  };
  return listenTo(engine, listeners, emit);
}

/** @param before the loader that was set; whatever is no class stands for hls.js's `loader` */
export function createVirtualLoader(shelf: Shelf, before: unknown): LoaderClass {
  const take = createTaker(shelf);
  return class InterludeVirtualLoader implements Loader<LoaderContext> {
    /** Its `stats` are handed out before the address is known: those of a virtual segment are written into them. */
    readonly #inner: Loader<LoaderContext>;
    #delivery: Delivery | undefined;
    context: LoaderContext | null = null;

    constructor(config: HlsConfig) {
      const Inner = isLoaderClass(before) ? before : config.loader;
      this.#inner = new Inner(config);
    }

    get stats(): LoaderStats {
      return this.#inner.stats;
    }

    destroy(): void {
      this.#delivery?.end();
      this.#inner.destroy();
    }

    abort(): void {
      if (this.#delivery) this.#delivery.abort();
      else this.#inner.abort();
    }

    getCacheAge(): number | null {
      return (!this.#delivery && this.#inner.getCacheAge?.()) || null;
    }

    getResponseHeader(name: string): string | null {
      return (!this.#delivery && this.#inner.getResponseHeader?.(name)) || null;
    }

    load(context: LoaderContext, configuration: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      if (!isVirtual(context.url)) return this.#inner.load(context, configuration, callbacks);
      const timeoutMs = configuration.loadPolicy.maxLoadTimeMs;
      this.#delivery = deliver({ context, callbacks, stats: this.stats, timeoutMs }, take);
    }
  };
}

function isLoaderClass(value: unknown): value is LoaderClass {
  return typeof value === "function";
}

interface Order {
  readonly context: LoaderContext;
  readonly callbacks: LoaderCallbacks<LoaderContext>;
  readonly stats: LoaderStats;
  readonly timeoutMs: number;
}

interface Delivery {
  /** Nothing is told any more. */
  readonly end: () => void;
  readonly abort: () => void;
}

/**
 * Never before it has returned. The time until the first byte is not limited by itself: asked again, it would be the same segment that is
 * being made.
 */
function deliver(order: Order, take: Take): Delivery {
  const { context, callbacks, stats, timeoutMs } = order;
  const ended = new AbortController();
  const end = (): void => {
    clearTimeout(timer);
    ended.abort();
  };
  const stop = (): void => {
    stats.aborted ||= !ended.signal.aborted;
    end();
  };
  const timer = setTimeout(
    () => {
      stop();
      callbacks.onTimeout(stats, context, null);
    },
    Math.min(timeoutMs, MAX_TIMEOUT_MS),
  );
  const onProgress = (loaded: number, total: number): void => {
    stats.loading.first ||= performance.now();
    Object.assign(stats, { loaded, total });
  };
  stats.loading.start = performance.now();
  void take(context, ended.signal, onProgress).then(
    (segment) => {
      if (ended.signal.aborted) return;
      end();
      handOver(segment, order);
    },
    (cause: unknown) => {
      if (ended.signal.aborted) return;
      end();
      callbacks.onError({ code: 0, text: String(cause) }, context, null, stats);
    },
  );
  return {
    end,
    abort: () => {
      stop();
      callbacks.onAbort?.(stats, context, null);
    },
  };
}

/** The longest that a browser's timer takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

function handOver(segment: VirtualSegment, { context, callbacks, stats }: Order): void {
  const { bytes, networkBytes, networkMs, ttfbMs } = segment;
  const end = performance.now();
  const start = end - networkMs;
  Object.assign(stats.loading, { start, first: start + Math.min(ttfbMs, networkMs), end });
  // none of the network's is no sample of it
  Object.assign(stats, { loaded: networkBytes, total: networkBytes });
  const data = context.responseType === "arraybuffer" ? bytes : new TextDecoder().decode(bytes);
  // where hls.js reads as it loads, the answer itself is not read any more
  callbacks.onProgress?.(stats, context, data, null);
  callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
}

type Take = (
  context: LoaderContext,
  signal: AbortSignal,
  onProgress: (loaded: number, total: number) => void,
) => Promise<VirtualSegment>;

/**
 * hls.js may load its very first fragment once to see how fast it comes, reads nothing of it, and asks for it once more to play it: its
 * bytes are kept for that.
 *
 * @see hls.js 1.7 `testBandwidth`; src/controller/stream-controller.ts `_loadBitrateTestFrag`
 */
function createTaker(shelf: Shelf): Take {
  let tested: { readonly url: string; readonly segment: VirtualSegment } | undefined;
  return async (context, signal, onProgress) => {
    const { url } = context;
    const kept = tested?.url === url ? tested.segment : undefined;
    if (kept) tested = undefined;
    const segment = kept ?? (await loadVirtual(shelf, url, signal, onProgress));
    if (isBitrateTest(context)) tested = { url, segment: { ...segment, networkBytes: 0, networkMs: 0, ttfbMs: 0 } };
    return segment;
  };
}

function isBitrateTest(context: LoaderContext): boolean {
  if (!("frag" in context)) return false;
  const { frag } = context;
  return typeof frag === "object" && frag !== null && "bitrateTest" in frag && frag.bitrateTest === true;
}
