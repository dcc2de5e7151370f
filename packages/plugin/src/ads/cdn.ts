/**
 * The CDN as the client sees it: is there a playlist at this address, and which renditions of the ad does this content need.
 *
 * A hit brings the master playlist along, so that nothing is fetched twice.
 *
 * @see primetime.md §3.3 step 2, §1.9 (bit rate matching)
 */
import {
  type AdCandidate,
  AdError,
  type AdRendition,
  type FittingRenditions,
  isMasterPlaylist,
  listAdCandidates,
  type LoadedCandidate,
  type MediaPlaylist,
  parseMasterPlaylist,
  parseMediaPlaylist,
  type ProbeResult,
  selectFitting,
  selectRendition,
  type SkipReason,
} from "@interlude/core";
import type { MediaNeeds } from "../content/packaging.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";

/** What a CDN answered, with the playlist where it is a hit. `status` is undefined where no answer came. */
export interface Probe {
  readonly result: ProbeResult;
  readonly status: number | undefined;
  readonly ms: number;
  readonly playlist: { readonly text: string; readonly url: URL } | undefined;
}

/** What of an ad fits the content. */
export interface SplicedMedia {
  /** Empty only where `misfit` says why. */
  readonly renditions: readonly AdRendition[];
  /** Seconds. */
  readonly duration: number;
  /** Why some of what was looked at do not fit. */
  readonly misfit: FittingRenditions<LoadedCandidate>["misfit"];
}

/** Why nothing of an ad can be spliced. */
export interface SkippedMedia {
  readonly skipped: SkipReason;
  readonly message: string;
}

export interface Cdn {
  /** Never throws: what goes wrong is `error`. An answer is good for ten seconds. */
  readonly probe: (url: URL) => Promise<Probe>;
  /**
   * Loads what the content's variants and tracks take, and no more; for a content of unknown variants the highest rendition. An answer
   * is good for ten seconds.
   *
   * @throws AdError as `FetchText` does, and `upstream-status`, `playlist-malformed`
   */
  readonly loadMedia: (url: URL, needs: MediaNeeds) => Promise<SplicedMedia | SkippedMedia>;
  /** What was answered is no longer good. */
  readonly forget: (url: URL) => void;
}

const MAX_BYTES = 1_000_000;
const FRESH_MS = 10_000;
const MISSES: readonly number[] = [404, 410];

export function createCdn(settings: Settings, ports: PluginPorts): Cdn {
  const probes = new Map<string, { readonly at: number; readonly probe: Promise<Probe> }>();
  const media = new Map<string, { readonly at: number; readonly media: Promise<SplicedMedia | SkippedMedia> }>();
  const isFresh = (at: number): boolean => ports.now() - at < FRESH_MS;

  const findProbe = (url: URL): Promise<Probe> | undefined => {
    for (const [href, { at }] of probes) if (!isFresh(at)) probes.delete(href);
    return probes.get(url.href)?.probe;
  };
  const probe = (url: URL): Promise<Probe> => {
    const known = findProbe(url);
    if (known) return known;
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
  const load = async (url: URL, needs: MediaNeeds): Promise<SplicedMedia | SkippedMedia> => {
    const first = (await findProbe(url))?.playlist ?? (await fetchPlaylist(url));
    if (!isMasterPlaylist(first.text)) {
      const only = { bandwidthBps: 0, url: first.url.href, kind: "main", hasOwnSound: false } as const;
      return selectMedia([{ ...only, base: first.url, playlist: parseMediaPlaylist(first.text) }], needs);
    }
    const candidates = selectCandidates(listAdCandidates(parseMasterPlaylist(first.text), first.url), needs);
    const loaded = await Promise.allSettled(
      candidates.map(async (candidate): Promise<Loaded> => {
        const fetched = await fetchPlaylist(new URL(candidate.url));
        return { ...candidate, base: fetched.url, playlist: parseMediaPlaylist(fetched.text) };
      }),
    );
    const found = loaded.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (found.length === 0) throw selectCause(loaded, url);
    return selectMedia(found, needs);
  };

  return {
    probe,
    loadMedia: (url, needs) => {
      for (const [href, { at }] of media) if (!isFresh(at)) media.delete(href);
      const known = media.get(url.href);
      if (known) return known.media;
      const loading = load(url, needs);
      media.set(url.href, { at: ports.now(), media: loading });
      loading.catch(() => media.delete(url.href));
      return loading;
    },
    forget: ({ href }) => {
      probes.delete(href);
      media.delete(href);
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

interface Loaded extends LoadedCandidate {
  /** Of the playlist, after redirects. */
  readonly base: URL;
  readonly playlist: MediaPlaylist;
}

/** One rendition for each variant of the content, the same choice as the splice makes, and a sound where it has playlists of sound. */
function selectCandidates(candidates: readonly AdCandidate[], needs: MediaNeeds): readonly AdCandidate[] {
  const { splice, bandwidths, hasSoundApart } = needs;
  const wanted = bandwidths.length > 0 ? bandwidths : [undefined];
  const select = (kind: AdCandidate["kind"]): readonly AdCandidate[] => {
    const ofKind = candidates.filter((candidate) => candidate.kind === kind);
    return wanted.flatMap((bandwidth) => selectRendition(ofKind, bandwidth) ?? []);
  };
  if (splice.isAudioOnly) return [...new Set(select("audio"))];
  const sound = candidates.find(({ kind }) => kind === "audio");
  // without a sound of its own, a TS ad gives playlists of sound its lowest rendition
  const lowest = selectRendition(
    candidates.filter(({ kind }) => kind === "main"),
    0,
  );
  const apart =
    hasSoundApart || splice.packaging === "cmaf" ? [sound ?? lowest].filter((one) => one !== undefined) : [];
  return [...new Set([...select("main"), ...apart])];
}

function selectMedia(found: readonly Loaded[], { splice }: MediaNeeds): SplicedMedia | SkippedMedia {
  const faults = found.flatMap(({ playlist }) => selectFault(playlist) ?? []);
  const whole = found.filter(({ playlist }) => selectFault(playlist) === undefined);
  if (whole.length === 0)
    return { skipped: "no-variant-match", message: faults[0] ?? "ad: expected renditions, got none" };
  const { renditions, duration, misfit } = selectFitting(whole, splice);
  const kept = renditions.map(({ bandwidthBps, kind, base, playlist }) => ({
    bandwidthBps,
    kind,
    url: base,
    playlist,
  }));
  return { renditions: kept, duration, misfit };
}

function selectFault(playlist: MediaPlaylist): string | undefined {
  if (!playlist.hasEndList) return "ad playlist: expected EXT-X-ENDLIST, got a live playlist";
  if (playlist.segments.length === 0) return "ad playlist: expected segments, got none";
  if (playlist.isIFramesOnly) return "ad playlist: expected segments, got I-frames only";
  return undefined;
}
