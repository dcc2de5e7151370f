/**
 * What is at the address of an ad: its renditions, loaded, and which of them can be spliced into a content.
 *
 * @see primetime.md §3.8 (HLS-to-HLS), §3.9
 */
import {
  AdError,
  type FittingRenditions,
  isMasterPlaylist,
  listAdCandidates,
  type LoadedCandidate,
  parseMasterPlaylist,
  selectFitting,
  type SpliceNeeds,
} from "@interlude/core";
import type { AdPlaylists, Rewrite } from "./ad-playlists.ts";
import type { DecidedRendition } from "../breaks/decision.ts";
import type { ProbeCache } from "./probe-cache.ts";
import type { RequestTrace } from "../trace.ts";

/** What was found at the address of an ad; renditions as they are remembered. */
export type AdMedia = Omit<FittingRenditions<LoadedCandidate>, "renditions"> & {
  readonly renditions: readonly DecidedRendition[];
};

export interface AdMediaDeps {
  readonly probes: Pick<ProbeCache, "load">;
  readonly playlists: Pick<AdPlaylists, "loadPlaylist" | "adopt">;
}

/** For whom it is loaded. */
export interface MediaRequest {
  readonly splice: SpliceNeeds;
  readonly rewrite: Rewrite;
  readonly trace: RequestTrace;
}

/** @throws AdError as the fetch does; `upstream-status`, `playlist-malformed`, also where no rendition can be loaded */
export async function loadAdMedia(url: URL, request: MediaRequest, deps: AdMediaDeps): Promise<AdMedia> {
  const asked = new URL(request.rewrite(url.href));
  const { playlist, cause, status } = await deps.probes.load(asked, request.trace);
  if (!playlist) {
    if (cause instanceof AdError) throw cause;
    throw new AdError("upstream-status", `ad at ${url.href}: expected a playlist, got status ${status ?? "none"}`);
  }
  const base = playlist.url.href === asked.href ? url : playlist.url;
  if (!isMasterPlaylist(playlist.text)) {
    const adopted = deps.playlists.adopt(url.href, playlist.text, base);
    const only = { bandwidthBps: 0, url: url.href, kind: "main", hasOwnSound: false } as const;
    return selectMedia([{ ...only, playlist: adopted.playlist }], request.splice);
  }
  const candidates = listAdCandidates(parseMasterPlaylist(playlist.text), base);
  const results = await Promise.allSettled(
    candidates.map(async (candidate) => {
      const loaded = await deps.playlists.loadPlaylist(candidate.url, request.trace, request.rewrite);
      return { ...candidate, playlist: loaded.playlist };
    }),
  );
  const found = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (found.length > 0) return selectMedia(found, request.splice);
  const failed = results.find((result) => result.status === "rejected");
  throw failed?.reason ?? new AdError("playlist-malformed", `ad at ${url.href}: expected variants, got none`);
}

function selectMedia(found: readonly LoadedCandidate[], needs: SpliceNeeds): AdMedia {
  const fitting = selectFitting(found, needs);
  const renditions = fitting.renditions.map(({ bandwidthBps, url, kind }) => ({ bandwidthBps, url, kind }));
  return { ...fitting, renditions };
}
