/**
 * The media playlists of ads: fetched and parsed once, then the same object for every viewer of every session.
 *
 * What is behind the address of a VOD playlist does not change, so one is kept until others need its room. A fetch that fails
 * is remembered for two seconds, and one is under way per address.
 *
 * @see DESIGN §5 (media playlists are immutable), §8
 */
import {
  AdError,
  type AdRendition,
  type MediaPlaylist,
  parseMediaPlaylist,
  type PodAd,
  type SkipReason,
} from "@interlude/core";
import type { DecidedAd, DecidedRendition, SkippedAd } from "../breaks/decision.ts";
import type { ManifestFetch } from "../manifest-fetch.ts";
import { timeAdManifest } from "./manifest-timing.ts";
import type { RequestTrace } from "../trace.ts";
import { createWeightedLru } from "../weighted-lru.ts";

/** A playlist and its address after redirects, against which its URIs are resolved. */
export interface LoadedPlaylist {
  readonly url: URL;
  readonly playlist: MediaPlaylist;
}

export interface AdPlaylists {
  /** The ad with its renditions, without those that cannot be loaded; a skipped one where none can. */
  load(ad: DecidedAd, trace: RequestTrace, rewrite?: Rewrite): Promise<PodAd | SkippedAd>;
  /**
   * @throws AdError as the fetch does; `upstream-status`; `playlist-malformed` also for one that is not VOD (no EXT-X-ENDLIST,
   * no segments, or I-frames only), of more than 2,000 segments or an hour, or with segments that are no http(s) address
   */
  loadPlaylist(url: string, trace: RequestTrace, rewrite?: Rewrite): Promise<LoadedPlaylist>;
  /**
   * Keeps one that came along with something else, as if it had been loaded.
   *
   * @param base its address after redirects
   * @throws AdError `playlist-malformed` as `loadPlaylist`
   */
  adopt(url: string, text: string, base: URL): LoadedPlaylist;
}

/** What is fetched in place of an address; the address itself where no rule says otherwise. */
export type Rewrite = (url: string) => string;

export interface AdPlaylistsDeps {
  readonly fetch: ManifestFetch;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Of all that is kept, about; default 64 MB. */
  readonly maxBytes?: number;
  /** Of one fetch; default 5 s. */
  readonly timeoutMs?: number;
}

const MAX_PLAYLIST_BYTES = 1_000_000;
/** Of one rendition of an ad. */
const MAX_SEGMENTS = 2000;
const MAX_SECONDS = 3600;
const MAX_FAILURES = 1000;
const FAILURE_MS = 2000;
/** What one parsed segment takes beside the text. */
const SEGMENT_BYTES = 250;

const HEADERS = { "user-agent": "Interlude" } as const;
const same: Rewrite = (url) => url;

export function createAdPlaylists(deps: AdPlaylistsDeps): AdPlaylists {
  const { maxBytes = 64_000_000, timeoutMs = 5000, now } = deps;
  const loaded = createWeightedLru<LoadedPlaylist>(maxBytes);
  const failures = createWeightedLru<{ readonly at: number; readonly error: unknown }>(MAX_FAILURES);
  const loading = new Map<string, Promise<LoadedPlaylist>>();

  const keep = (key: string, text: string, url: URL): LoadedPlaylist => {
    const playlist = checkVod(parseMediaPlaylist(text), url);
    const entry = { url, playlist };
    loaded.set(key, entry, text.length * 2 + playlist.segments.length * SEGMENT_BYTES);
    return entry;
  };
  const fetchPlaylist = async (key: string, url: string, fetched: string): Promise<LoadedPlaylist> => {
    try {
      const options = { headers: HEADERS, timeoutMs, maxBytes: MAX_PLAYLIST_BYTES };
      const asked = new URL(fetched);
      const response = await deps.fetch(asked, options);
      if (response.status !== 200)
        throw new AdError("upstream-status", `ad playlist at ${fetched}: expected status 200, got ${response.status}`);
      // A rule changes where a playlist is fetched, not where its segments are.
      const base = response.url.href === asked.href ? new URL(url) : response.url;
      return keep(key, response.text, base);
    } catch (error) {
      failures.set(key, { at: now(), error }, 1);
      throw error;
    }
  };

  const loadPlaylist: AdPlaylists["loadPlaylist"] = (url, trace, rewrite = same) => {
    const fetched = rewrite(url);
    const key = keyOf(url, fetched);
    const known = loaded.get(key);
    if (known) {
      trace.adManifestHits++;
      return Promise.resolve(known);
    }
    const failure = failures.get(key);
    if (failure && now() - failure.at < FAILURE_MS) return Promise.reject(failure.error);
    trace.adManifestMisses++;
    const fetching = loading.get(key) ?? fetchPlaylist(key, url, fetched).finally(() => loading.delete(key));
    loading.set(key, fetching);
    return timeAdManifest(trace, fetching);
  };
  const loadAll = async (ad: DecidedAd, trace: RequestTrace, rewrite: Rewrite): Promise<PodAd | SkippedAd> => {
    const results = await Promise.allSettled(ad.renditions.map(({ url }) => loadPlaylist(url, trace, rewrite)));
    const renditions = results.flatMap((result, index) =>
      result.status === "fulfilled" ? toRendition(ad.renditions[index], result.value) : [],
    );
    if (renditions.length > 0) return { adId: ad.adId, renditions };
    const failed = results.find((result) => result.status === "rejected");
    return skipUnloaded(ad, failed?.reason);
  };

  return {
    loadPlaylist,
    adopt: (url, text, base) => loaded.get(url) ?? keep(url, text, base),
    load: (ad, trace, rewrite = same) => {
      // Every viewer's every refresh comes here: where all is known, no promise is waited for.
      const renditions: AdRendition[] = [];
      for (const decided of ad.renditions) {
        const known = loaded.get(keyOf(decided.url, rewrite(decided.url)));
        if (!known) return loadAll(ad, trace, rewrite);
        renditions.push(...toRendition(decided, known));
      }
      trace.adManifestHits += renditions.length;
      return Promise.resolve(renditions.length > 0 ? { adId: ad.adId, renditions } : skipUnloaded(ad, "it has none"));
    },
  };
}

function keyOf(url: string, fetched: string): string {
  return fetched === url ? url : `${url} ${fetched}`;
}

function toRendition(decided: DecidedRendition | undefined, { url, playlist }: LoadedPlaylist): readonly AdRendition[] {
  return decided ? [{ bandwidthBps: decided.bandwidthBps, kind: decided.kind, url, playlist }] : [];
}

function skipUnloaded({ adId, adSystem, creativeId, errors }: DecidedAd, cause: unknown): SkippedAd {
  const message = `no rendition could be loaded: ${String(cause)}`.slice(0, 500);
  return { adId, adSystem, creativeId, reason: reasonOfLoad(cause), message, errors };
}

/** Why media that was found could not be had. */
export function reasonOfLoad(cause: unknown): SkipReason {
  return cause instanceof AdError && cause.code === "upstream-timeout" ? "media-timeout" : "media-unavailable";
}

function checkVod(playlist: MediaPlaylist, url: URL): MediaPlaylist {
  const got = selectFault(playlist) ?? selectExcess(playlist, url);
  if (got === undefined) return playlist;
  throw new AdError(
    "playlist-malformed",
    `ad playlist at ${url.href}: expected segments up to EXT-X-ENDLIST, got ${got}`,
  );
}

function selectFault(playlist: MediaPlaylist): string | undefined {
  if (!playlist.hasEndList) return "a live playlist";
  if (playlist.segments.length === 0) return "no segments";
  return playlist.isIFramesOnly ? "I-frames only" : undefined;
}

/** Whoever may place an ad writes into every viewer's playlist: no more than an ad needs, and nothing but media. */
function selectExcess({ segments }: MediaPlaylist, url: URL): string | undefined {
  if (segments.length > MAX_SEGMENTS) return `${segments.length}, more than ${MAX_SEGMENTS}`;
  const seconds = segments.reduce((sum, { duration }) => sum + duration, 0);
  if (seconds > MAX_SECONDS) return `${Math.round(seconds)} s of them, more than ${MAX_SECONDS}`;
  const strange = segments.find(({ uri }) => !/^https?:$/.test(protocolOf(uri, url)));
  return strange && `${JSON.stringify(strange.uri.slice(0, 80))}, which is no http(s) address`;
}

function protocolOf(uri: string, base: URL): string {
  return URL.canParse(uri, base.href) ? new URL(uri, base).protocol : "";
}
