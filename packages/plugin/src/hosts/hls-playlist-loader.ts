/**
 * A playlist loader for hls.js that gives the host's own loader the request and the plugin the answer.
 *
 * The host's loader class is read from the configuration that hls.js hands to every loader, so nothing of hls.js is needed here
 * at run time, and a loader that the host has set (`loader`) goes on working.
 *
 * @see hls.js 1.7 API.md `pLoader`, `loader`
 */
import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderResponse,
  LoaderStats,
  PlaylistLoaderConstructor,
  PlaylistLoaderContext,
} from "hls.js";
import type { FetchedPlaylist } from "../content/content.ts";
import type { PlaylistTap } from "../tap.ts";

/** hls.js loads the playlists of interstitials with the same configuration: ads get no ads. */
function isAdPlayer(config: HlsConfig): boolean {
  return "assetPlayerId" in config && config.assetPlayerId !== undefined;
}

export function createPlaylistLoader(tap: PlaylistTap): PlaylistLoaderConstructor {
  return class InterludePlaylistLoader implements Loader<PlaylistLoaderContext> {
    readonly #inner: Loader<LoaderContext>;
    readonly #isAdPlayer: boolean;
    #isEnded = false;
    context: PlaylistLoaderContext | null = null;

    constructor(config: HlsConfig) {
      this.#inner = new config.loader(config);
      this.#isAdPlayer = isAdPlayer(config);
    }

    get stats(): LoaderStats {
      return this.#inner.stats;
    }

    destroy(): void {
      this.#isEnded = true;
      this.#inner.destroy();
    }

    abort(): void {
      this.#isEnded = true;
      this.#inner.abort();
    }

    getCacheAge(): number | null {
      return this.#inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.#inner.getResponseHeader?.(name) ?? null;
    }

    load(
      context: PlaylistLoaderContext,
      configuration: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
    ): void {
      this.context = context;
      const type: string = context.type;
      if (type === "manifest" && !this.#isAdPlayer) tap.begin?.(context.url);
      const inner = nameContext(callbacks, context, (response, deliver) => {
        if (this.#isAdPlayer || typeof response.data !== "string") deliver(response);
        else this.#deliver(response, response.data, context, deliver);
      });
      this.#inner.load(context, configuration, inner);
    }

    #deliver(
      response: LoaderResponse,
      text: string,
      context: PlaylistLoaderContext,
      deliver: (response: LoaderResponse) => void,
    ): void {
      const fetched = describeResponse(text, response.url || context.url, context);
      if (!fetched) {
        tap.readMaster(text);
        return deliver(response);
      }
      void tap.stitch(fetched).then((data) => {
        if (!this.#isEnded) deliver({ ...response, data });
      });
    }
  };
}

/**
 * The callbacks of hls.js as the host's own loader calls them, which knows nothing of playlists.
 *
 * @param onResponse given each answer before hls.js is
 */
function nameContext(
  { onSuccess, onError, onTimeout, onAbort, onProgress }: LoaderCallbacks<PlaylistLoaderContext>,
  context: PlaylistLoaderContext,
  onResponse: (response: LoaderResponse, deliver: (response: LoaderResponse) => void) => void,
): LoaderCallbacks<LoaderContext> {
  return {
    onSuccess: (response, stats, _context, details) =>
      onResponse(response, (data) => onSuccess(data, stats, context, details)),
    onError: (error, _context, details, stats) => onError(error, context, details, stats),
    onTimeout: (stats, _context, details) => onTimeout(stats, context, details),
    ...(onAbort && { onAbort: (stats, _context, details) => onAbort(stats, context, details) }),
    ...(onProgress && { onProgress: (stats, _context, data, details) => onProgress(stats, context, data, details) }),
  };
}

const KIND: Readonly<Record<string, FetchedPlaylist["content"]["kind"]>> = {
  manifest: "main",
  level: "main",
  audioTrack: "audio",
  subtitleTrack: "subtitles",
};

/** Undefined for a master playlist. */
function describeResponse(text: string, url: string, context: PlaylistLoaderContext): FetchedPlaylist | undefined {
  const type: string = context.type;
  if (type === "manifest" && !text.includes("#EXTINF:")) return undefined;
  const bandwidthBps = context.levelOrTrack?.bitrate || undefined;
  const trackKey = `${type} ${context.level ?? context.id ?? 0} ${context.groupId ?? ""}`;
  return { text, content: { url: new URL(url, context.url), bandwidthBps, kind: KIND[type] ?? "main" }, trackKey };
}
