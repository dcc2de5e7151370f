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
import { type Engine, ENGINE_EVENT, type EngineFragment } from "./hls-engine.ts";
import { type EngineListeners, listenTo } from "./hls-listen.ts";

/** A loader of hls.js, as it is made for each request. */
export type LoaderClass = new (config: HlsConfig) => Loader<LoaderContext>;

/** A shelf that loaders are to serve. */
interface Shelf extends Pick<VirtualMediaShelf, "find"> {
  /** Whether an ad of which a segment fails is left out by somebody else. */
  readonly isGuarded: () => boolean;
}

const SHELVES = Symbol("shelves");

/** One that serves shelves already, or what somebody has made of it. */
type VirtualLoaderClass = LoaderClass & { readonly [SHELVES]: Set<Shelf> };

/**
 * From now on, whatever becomes of the insertion: for the content's fragments, and for the players of interstitials that are still to be
 * made. The shelf is released when hls.js is destroyed, or loads another content.
 *
 * @param isGuarded whether an ad of which a segment fails is left out by somebody else; where not, hls.js asks for the segment again
 */
export function serveInHls(
  engine: Engine,
  shelf: Pick<VirtualMediaShelf, "find" | "release" | "released">,
  emit: Emit,
  isGuarded: () => boolean = () => true,
): void {
  const { config } = engine;
  let served = engine.url;
  if (config) config.fLoader = createVirtualLoader(shelf, config.fLoader, isGuarded);
  const listeners: EngineListeners = {
    // made of what the page has set, and told before it loads anything
    [ENGINE_EVENT.interstitialAssetPlayerCreated]: ({ player }) => {
      const child = player?.hls?.config;
      if (!child) return;
      child.fLoader = createVirtualLoader(shelf, child.fLoader, isGuarded);
      child.pLoader = createVirtualLoader(shelf, child.pLoader, isGuarded);
    },
    [ENGINE_EVENT.destroying]: shelf.release,
    // the same once more, to recover, is the same content
    [ENGINE_EVENT.manifestLoading]: () => {
      served ??= engine.url;
      if (engine.url !== served) shelf.release();
    },
  };
  shelf.released.addEventListener("abort", listenTo(engine, listeners, emit));
}

/**
 * @param shelf until it is released
 * @param before the loader that was set: one of these serves this shelf, too; whatever is no class stands for hls.js's `loader`
 */
export function createVirtualLoader(
  { find, released }: Pick<VirtualMediaShelf, "find" | "released">,
  before: unknown,
  isGuarded: () => boolean = () => true,
): LoaderClass {
  const loader = isVirtualLoader(before) ? before : wrapLoader(before);
  const shelf: Shelf = { find, isGuarded };
  loader[SHELVES].add(shelf);
  released.addEventListener("abort", () => loader[SHELVES].delete(shelf));
  return loader;
}

function isVirtualLoader(value: unknown): value is VirtualLoaderClass {
  return isLoaderClass(value) && SHELVES in value;
}

function wrapLoader(before: unknown): VirtualLoaderClass {
  const shelves = new Set<Shelf>();
  const findShelf = (url: string): Shelf | undefined => [...shelves].find(({ find }) => find(url) !== undefined);
  const taker = createTaker((url) => findShelf(url)?.find(url));
  const describeError = ({ url }: LoaderContext): number => {
    const [address = ""] = url.split("?");
    return findShelf(address)?.isGuarded() === false ? RETRIED : NOT_RETRIED;
  };
  return class InterludeVirtualLoader implements Loader<LoaderContext> {
    static readonly [SHELVES] = shelves;
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
      taker.note(context);
      if (!isVirtual(context.url)) return this.#inner.load(context, configuration, callbacks);
      const timeoutMs = configuration.loadPolicy.maxLoadTimeMs;
      this.#delivery = deliver({ context, callbacks, stats: this.stats, timeoutMs, describeError }, taker.take);
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
  /** The status that hls.js is told of what cannot be made. */
  readonly describeError: (context: LoaderContext) => number;
}

/** @see hls.js 1.7 src/utils/error-helper.ts `retryForHttpStatus`: 0 is asked for again only where the browser is offline */
const NOT_RETRIED = 0;
const RETRIED = 503;

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
  const { context, callbacks, stats, timeoutMs, describeError } = order;
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
      callbacks.onError({ code: describeError(context), text: String(cause) }, context, null, stats);
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

interface Taker {
  readonly take: Take;
  /** Told of everything that is loaded. */
  readonly note: (context: LoaderContext) => void;
}

/**
 * hls.js may load its very first fragment once to see how fast it comes, reads nothing of it, and asks for it once more to play it: its
 * bytes are kept for that, until it plays another.
 *
 * @see hls.js 1.7 `testBandwidth`; src/controller/stream-controller.ts `_loadBitrateTestFrag`
 */
function createTaker(find: VirtualMediaShelf["find"]): Taker {
  let tested: { readonly url: string; readonly segment: VirtualSegment } | undefined;
  return {
    note: (context) => {
      if (context.url !== tested?.url && isMainFragment(readFragment(context))) tested = undefined;
    },
    take: async (context, signal, onProgress) => {
      const { url } = context;
      const kept = tested?.url === url ? tested.segment : undefined;
      if (kept) tested = undefined;
      const segment = kept ?? (await loadVirtual({ find }, url, signal, onProgress));
      const isTest = readFragment(context).bitrateTest === true;
      if (isTest) tested = { url, segment: { ...segment, networkBytes: 0, networkMs: 0, ttfbMs: 0 } };
      return segment;
    },
  };
}

type FragmentFacts = Partial<Pick<EngineFragment, "bitrateTest" | "type" | "sn">>;

/** Empty: it is none. */
function readFragment(context: LoaderContext): FragmentFacts {
  return "frag" in context && typeof context.frag === "object" && context.frag !== null ? context.frag : {};
}

/** Initialisation segments have a name for a number. */
function isMainFragment({ type, sn }: FragmentFacts): boolean {
  return type === "main" && typeof sn === "number";
}
