/**
 * The CDN as the client sees it: is there a playlist at this address, and which renditions of the ad does this content need.
 *
 * A hit brings the master playlist along, so that nothing is fetched twice.
 *
 * @see primetime.md §3.3 step 2, §1.9 (bit rate matching)
 */
import {
  AdError,
  type AdRendition,
  isMasterPlaylist,
  type MediaPlaylist,
  parseMasterPlaylist,
  parseMediaPlaylist,
  type ProbeResult,
  selectRendition,
  type SkipReason,
  type Variant,
} from "@interlude/core";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";

/** What a CDN answered, with the playlist where it is a hit. `status` is undefined where no answer came. */
export interface Probe {
  readonly result: ProbeResult;
  readonly status: number | undefined;
  readonly ms: number;
  readonly playlist: { readonly text: string; readonly url: URL } | undefined;
}

/** The renditions of an ad, or why this content cannot take it. */
export type AdMedia =
  | { readonly renditions: readonly AdRendition[]; readonly duration: number }
  | { readonly skipped: SkipReason; readonly message: string };

export interface Cdn {
  /** Never throws: what goes wrong is `error`. An answer is good for ten seconds. */
  readonly probe: (url: URL) => Promise<Probe>;
  /**
   * @param bandwidths of the content's variants; empty: unknown, the ad's highest rendition alone
   * @throws AdError as `FetchText` does, and `upstream-status`, `playlist-malformed`
   */
  readonly loadMedia: (url: URL, bandwidths: Promise<readonly number[]>) => Promise<AdMedia>;
}

const MAX_BYTES = 1_000_000;
const FRESH_MS = 10_000;
const MISSES: readonly number[] = [404, 410];

export function createCdn(settings: Settings, ports: PluginPorts): Cdn {
  const probes = new Map<string, { readonly at: number; readonly probe: Promise<Probe> }>();
  const media = new Map<string, { readonly at: number; readonly media: Promise<AdMedia> }>();
  const isFresh = (at: number): boolean => ports.now() - at < FRESH_MS;

  const probe = (url: URL): Promise<Probe> => {
    const known = probes.get(url.href);
    if (known && isFresh(known.at)) return known.probe;
    const asked = fetchProbe(url, settings.probeTimeoutMs, ports);
    probes.set(url.href, { at: ports.now(), probe: asked });
    return asked;
  };
  const fetchPlaylist = async (url: URL): Promise<{ readonly text: string; readonly url: URL }> => {
    const options = { timeoutMs: settings.playlistTimeoutMs, maxBytes: MAX_BYTES };
    const response = await ports.fetchText(url, options);
    if (response.status === 200) return response;
    throw new AdError("upstream-status", `${url.href}: expected status 200, got ${response.status}`, {
      url: url.href,
    });
  };
  const load = async (url: URL, bandwidths: Promise<readonly number[]>): Promise<AdMedia> => {
    const first = (await probes.get(url.href)?.probe)?.playlist ?? (await fetchPlaylist(url));
    if (!isMasterPlaylist(first.text)) {
      const playlist = parseMediaPlaylist(first.text);
      return checkMedia([{ bandwidthBps: 0, url: first.url, playlist }]);
    }
    const variants = selectVariants(parseMasterPlaylist(first.text).variants, await bandwidths);
    const loaded = await Promise.allSettled(
      variants.map(async ({ uri, bandwidthBps }) => {
        const fetched = await fetchPlaylist(new URL(uri, first.url));
        return { bandwidthBps, url: fetched.url, playlist: parseMediaPlaylist(fetched.text) };
      }),
    );
    const renditions = loaded.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (renditions.length === 0) throw selectCause(loaded, url);
    return checkMedia(renditions);
  };

  return {
    probe,
    loadMedia: (url, bandwidths) => {
      const known = media.get(url.href);
      if (known && isFresh(known.at)) return known.media;
      const loading = load(url, bandwidths);
      media.set(url.href, { at: ports.now(), media: loading });
      loading.catch(() => media.delete(url.href));
      return loading;
    },
  };
}

async function fetchProbe(url: URL, timeoutMs: number, ports: PluginPorts): Promise<Probe> {
  const startedAt = ports.now();
  try {
    const response = await ports.fetchText(url, { timeoutMs, maxBytes: MAX_BYTES });
    const { status } = response;
    const isHit = status === 200 && response.text.startsWith("#EXTM3U");
    const result = isHit ? "hit" : MISSES.includes(status) ? "miss" : "error";
    return { result, status, ms: ports.now() - startedAt, playlist: isHit ? response : undefined };
  } catch {
    return { result: "error", status: undefined, ms: ports.now() - startedAt, playlist: undefined };
  }
}

function selectCause(loaded: readonly PromiseSettledResult<unknown>[], url: URL): unknown {
  const failed = loaded.find((result) => result.status === "rejected");
  return failed?.reason ?? new AdError("playlist-malformed", `${url.href}: expected variants, got none`);
}

/** One ad variant for each content variant; the same choice as the splice makes. */
function selectVariants(variants: readonly Variant[], bandwidths: readonly number[]): readonly Variant[] {
  const wanted = bandwidths.length > 0 ? bandwidths : [undefined];
  return [...new Set(wanted.flatMap((bandwidth) => selectRendition(variants, bandwidth) ?? []))];
}

function checkMedia(renditions: readonly AdRendition[]): AdMedia {
  const wrong = renditions.map(({ playlist }) => selectFault(playlist)).find((message) => message !== undefined);
  if (wrong !== undefined) return { skipped: "no-variant-match", message: wrong };
  const durations = renditions.map(({ playlist }) =>
    playlist.segments.reduce((sum, { duration }) => sum + duration, 0),
  );
  return { renditions, duration: Math.max(...durations) };
}

function selectFault(playlist: MediaPlaylist): string | undefined {
  if (!playlist.hasEndList) return "ad playlist: expected EXT-X-ENDLIST, got a live playlist";
  if (playlist.segments.length === 0) return "ad playlist: expected segments, got none";
  if (playlist.isIFramesOnly) return "ad playlist: expected segments, got I-frames only";
  return undefined;
}
