/**
 * JIT repackaging: what to do with one creative, right now.
 *
 *   HLS already            → splice it
 *   repackaged copy on CDN → splice that copy
 *   neither                → ask for repackaging, splice nothing this time
 *
 * Player and manifest server run this same function; they differ only in their ports.
 *
 * @see Primetime JIT workflows: initiated by the manifest server, steps 2-5; by the client, steps 3-5 (primetime.md §3.2, §3.3)
 */
import type { Creative, MediaFile } from "./ads/ad.ts";
import { isHls, rankMediaFiles } from "./ads/creative.ts";
import {
  creativeKey,
  masterPath,
  normaliseCreativeUrl,
  type Package,
  parseCreativeUrl,
  selectPackages,
  type SpliceNeeds,
} from "./cdn.ts";
import type { SkipReason } from "./skip-reason.ts";
import type { ZoneDocument } from "./zone.ts";

/** A creative version's life, as CRS tells it. */
export type CreativeState =
  "absent" | "queued" | "fetching" | "transcoding" | "publishing" | "ready" | "failed" | "blocked";

/** What the CDN said at one address: there, not there, or no answer that can be trusted. */
export type ProbeResult = "hit" | "miss" | "error";

/** One creative that is to be repackaged. `creativeUrl` is the original, never the normalised one. */
export interface RepackageRequest {
  readonly zone: string;
  readonly creativeUrl: string;
  readonly key: string;
  readonly cut: Package;
  readonly creative: Creative;
}

/**
 * What became of the request. `accepted` tells the state that CRS had before (`absent`: this request started the work)
 * and the key that it computed itself; `statusUrl` where how it goes on can be asked for.
 */
export type RepackageAnswer =
  | { readonly outcome: "accepted"; readonly state: CreativeState; readonly key: string; readonly statusUrl?: URL }
  | { readonly outcome: "refused" | "unavailable" };

/** What the decision asks of its platform. */
export interface JitPorts {
  /** Asks the CDN for a master playlist: a HEAD or GET whose 200 is a hit and whose 404 or 410 is a miss. */
  readonly probe: (url: URL) => Promise<ProbeResult>;
  /** Client: to the ad server; manifest server: to CRS. */
  readonly requestRepackage: (request: RepackageRequest) => Promise<RepackageAnswer>;
}

/** What stays the same for all creatives of a session. */
export interface JitContext {
  readonly zone: ZoneDocument;
  /** From {@link selectCdn}, chosen once per session. */
  readonly cdnBase: URL;
  readonly needs: SpliceNeeds;
}

/** Splice the master playlist at `playlistUrl`, or skip the ad; `statusUrl` tells how its repackaging goes on. */
export type Resolution =
  | { readonly playlistUrl: URL; readonly mediaFile: MediaFile; readonly isRepackaged: boolean }
  | { readonly skipped: SkipReason; readonly statusUrl?: URL };

const SKIP_OF_STATE: Readonly<Record<CreativeState, SkipReason>> = {
  absent: "new-creative",
  queued: "repackage-in-progress",
  fetching: "repackage-in-progress",
  transcoding: "repackage-in-progress",
  publishing: "repackage-in-progress",
  ready: "repackage-in-progress",
  failed: "repackage-failed",
  blocked: "creative-blocked",
};

/**
 * Decides about one creative. Never throws for what upstreams do: each outcome is a value.
 *
 * @throws whatever a port throws, and AdError `url-malformed` for a media file without an absolute URL
 */
export async function resolveCreative(creative: Creative, context: JitContext, ports: JitPorts): Promise<Resolution> {
  const [mediaFile] = rankMediaFiles(creative, context.zone.mediaTypes);
  if (!mediaFile) return { skipped: selectNoMediaReason(creative) };
  if (isHls(mediaFile)) return { playlistUrl: parseCreativeUrl(mediaFile.url), mediaFile, isRepackaged: false };
  return resolveRepackaged(creative, mediaFile, context, ports);
}

/**
 * The repackaged copy of a media file, HLS included: its segments may not fit the content (HLS-to-HLS, primetime.md §3.8).
 *
 * @throws as {@link resolveCreative}
 */
export async function resolveRepackaged(
  creative: Creative,
  mediaFile: MediaFile,
  context: JitContext,
  ports: JitPorts,
): Promise<Resolution> {
  const packages = selectPackages(context.needs, context.zone);
  const [wanted] = packages;
  if (!wanted) return { skipped: "target-duration-exceeded" };

  const zone = context.zone.zone;
  const key = creativeKey(zone, normaliseCreativeUrl(mediaFile.url, context.zone.normalise));
  let isCdnBroken = false;
  for (const cut of packages) {
    const playlistUrl = new URL(masterPath(zone, key, cut), context.cdnBase);
    const found = await ports.probe(playlistUrl);
    if (found === "hit") return { playlistUrl, mediaFile, isRepackaged: true };
    isCdnBroken ||= found === "error";
  }

  const request = { zone, creativeUrl: mediaFile.url, key, cut: wanted, creative };
  const answer = await ports.requestRepackage(request);
  return selectSkip(answer, key, isCdnBroken);
}

/** Of a creative of whose media files {@link rankMediaFiles} keeps none. */
export function selectNoMediaReason(
  creative: Creative,
): "interactive-unsupported" | "unsupported-media-file" | "no-media-file" {
  if (creative.interactiveOnly) return "interactive-unsupported";
  return creative.mediaFiles.length > 0 ? "unsupported-media-file" : "no-media-file";
}

function selectSkip(answer: RepackageAnswer, key: string, isCdnBroken: boolean): Resolution {
  if (answer.outcome === "accepted") {
    const status = answer.statusUrl && { statusUrl: answer.statusUrl };
    if (answer.key !== key) return { skipped: "key-mismatch", ...status };
    return { skipped: isCdnBroken ? "cdn-error" : SKIP_OF_STATE[answer.state], ...status };
  }
  if (isCdnBroken) return { skipped: "cdn-error" };
  return { skipped: answer.outcome === "refused" ? "repackage-refused" : "repackage-unavailable" };
}
