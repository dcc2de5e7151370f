/**
 * One ad: which of its linear creatives is spliced, from which address, or why none is.
 *
 * The creatives of an ad are tried in their order, and the first that can be played is; usually there is one.
 *
 * @see DESIGN §4; primetime.md §3.2, §3.8 (HLS-to-HLS)
 */
import {
  type Ad,
  AdError,
  type AdErrorCode,
  type Creative,
  creativeKey,
  type EncounterSkip,
  type JitPorts,
  type MediaFile,
  normaliseCreativeUrl,
  type RepackageRequest,
  type Resolution,
  resolveCreative,
  resolveRepackaged,
  selectPackages,
  type SkipReason,
} from "@interlude/core";
import { type AdMedia, type AdMediaDeps, loadAdMedia } from "./ad-media.ts";
import { buildDecidedAd } from "./decided-ad.ts";
import type { DecidedAd, SkippedAd } from "../breaks/decision.ts";
import { type EncounterDeps, type EncounterJob, meetFirst, type Met } from "./first-encounter.ts";
import { formatFqAdId } from "./fq-ad-id.ts";
import type { ProbeCache } from "./probe-cache.ts";
import type { AskForRepackage } from "./repackage-asker.ts";
import type { RequestTrace } from "../trace.ts";

export interface CreativeDeps extends AdMediaDeps, Pick<EncounterDeps, "copies" | "onWaited"> {
  readonly probes: ProbeCache;
  readonly askForRepackage: AskForRepackage;
}

/** For whom creatives are looked for. */
export interface CreativeJob extends EncounterJob {
  readonly id3: boolean;
  /** For the trace. */
  readonly breakId: string;
  readonly trace: RequestTrace;
}

/** An ad that is not inserted; its error URLs come along. */
export function skipAd(ad: Ad, creative: Creative | undefined, reason: SkipReason, message: string): SkippedAd {
  const { id: adId = "", adSystem, errors } = ad;
  return { adId, adSystem, creativeId: creative?.id, reason, message: message.slice(0, 500), errors };
}

/**
 * Never rejects.
 *
 * @param sequence place in the pod, from 1
 */
export async function resolveAd(
  ad: Ad,
  sequence: number,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<DecidedAd | SkippedAd> {
  let skipped: SkippedAd | undefined;
  for (const creative of ad.creatives) {
    // none is waited for while there is another one to try
    const isLast = creative === ad.creatives.at(-1);
    const outcome = await resolveTraced(ad, creative, sequence, isLast ? job : { ...job, encounter: undefined }, deps);
    if ("renditions" in outcome) return outcome;
    skipped = { ...(skipped ?? outcome), ...(outcome.encounter && { encounter: outcome.encounter }) };
  }
  return skipped ?? skipAd(ad, undefined, "no-media-file", "VAST: expected a linear creative, got none");
}

async function resolveTraced(
  ad: Ad,
  creative: Creative,
  sequence: number,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<DecidedAd | SkippedAd> {
  const startedAt = performance.now();
  const outcome = await resolveLinear(ad, creative, sequence, job, deps).catch((error: unknown) =>
    skipAd(ad, creative, reasonOfError(error), String(error)),
  );
  const isInserted = "renditions" in outcome;
  const fields = [
    isInserted ? "OK" : "SKIPPED",
    job.breakId,
    ad.wrapperAdIds.length > 0 ? "REDIRECT" : "DIRECT",
    isInserted ? outcome.duration : creative.duration,
    creative.mediaFiles[0]?.url,
    isInserted ? outcome.playlistUrl : undefined,
    ad.adSystem,
    formatFqAdId(ad, creative),
    creative.id,
    undefined,
    Math.round(performance.now() - startedAt),
    isInserted ? undefined : outcome.reason,
  ];
  job.trace.records.push({ type: "TRACE_AD_RESOLVE", fields });
  if (isInserted) job.trace.records.push({ type: "TRACE_AD_INSERT", fields });
  return outcome;
}

/** A media file with what was found at its address. */
interface Found {
  readonly mediaFile: MediaFile;
  readonly playlistUrl: URL;
  readonly isRepackaged: boolean;
  readonly media: AdMedia;
  /** What had it at its first encounter; absent: it was none. */
  readonly encounter?: "wait";
}

async function resolveLinear(
  ad: Ad,
  creative: Creative,
  sequence: number,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<DecidedAd | SkippedAd> {
  const ports = portsFor(ad, job, deps);
  const resolution = await resolveCreative(creative, job.context, ports);
  const found =
    "skipped" in resolution
      ? await wait(resolution.skipped, creative, ports, job, deps)
      : await loadOrReplace(resolution, creative, ports, job, deps);
  const { encounter } = found;
  const outcome =
    "skipped" in found
      ? skipUnresolved(ad, creative, found, job)
      : selectOutcome(ad, creative, sequence, found, job, deps);
  return encounter && "reason" in outcome ? { ...outcome, encounter } : outcome;
}

/** What was found is inserted, if it fits. */
function selectOutcome(
  ad: Ad,
  creative: Creative,
  sequence: number,
  found: Found,
  job: CreativeJob,
  deps: CreativeDeps,
): DecidedAd | SkippedAd {
  const { media, playlistUrl, isRepackaged, encounter } = found;
  if (isRepackaged && job.id3) wantTimedMetadata(found.mediaFile, ad, creative, job, deps);
  if (media.renditions.length === 0) {
    const reason = media.misfit ?? "no-variant-match";
    return skipAd(ad, creative, reason, `${playlistUrl.href}: no rendition fits the content`);
  }
  const { duration, renditions } = media;
  if (isMismatch(duration, creative.duration)) {
    const message = `${playlistUrl.href}: expected ${creative.duration} s as VAST declares, got ${duration} s`;
    return skipAd(ad, creative, "duration-mismatch", message);
  }
  const decided = { playlistUrl: playlistUrl.href, isRepackaged, duration, renditions };
  return buildDecidedAd(ad, creative, { ...decided, ...(encounter && { encounter }) }, sequence);
}

type Inserted = Exclude<Resolution, { skipped: SkipReason }>;

async function load(
  { playlistUrl, mediaFile, isRepackaged }: Inserted,
  { context, rewrite, trace }: CreativeJob,
  deps: CreativeDeps,
): Promise<Found> {
  const media = await loadAdMedia(playlistUrl, { splice: context.needs, rewrite, trace }, deps);
  return { mediaFile, playlistUrl, isRepackaged, media };
}

/** What this creative's first encounter comes to. */
async function wait(
  reason: SkipReason,
  creative: Creative,
  { asked }: CreativePorts,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<Met<Found>> {
  const request = asked();
  const mediaFile = creative.mediaFiles.find(({ url }) => url === request?.creativeUrl);
  const message = `${creative.mediaFiles[0]?.url ?? "no media file"} was not inserted`;
  if (!request || !mediaFile) return { skipped: reason, message };
  const loadCopy = (playlistUrl: URL): Promise<Found> =>
    load({ playlistUrl, mediaFile, isRepackaged: true }, job, deps);
  return meetFirst(request, { skipped: reason, message }, job, deps, loadCopy);
}

async function loadOrReplace(
  resolution: Inserted,
  creative: Creative,
  ports: CreativePorts,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<Met<Found>> {
  const original = await load(resolution, job, deps);
  return original.media.misfit && !original.isRepackaged ? replace(original, creative, ports, job, deps) : original;
}

/** HLS-to-HLS: the repackaged copy of HLS that does not fit; without one the original, as far as it can be used. */
async function replace(
  original: Found,
  creative: Creative,
  ports: CreativePorts,
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<Met<Found>> {
  const resolution = await resolveRepackaged(creative, original.mediaFile, job.context, ports);
  if (!("skipped" in resolution)) {
    const copy = await load(resolution, job, deps).catch(() => undefined);
    if (copy && copy.media.renditions.length > 0) return copy;
  }
  if (original.media.renditions.length > 0) return original;
  const waited = "skipped" in resolution ? await wait(resolution.skipped, creative, ports, job, deps) : undefined;
  if (waited && !("skipped" in waited) && waited.media.renditions.length > 0) return waited;
  const state = "skipped" in resolution ? resolution.skipped : "its copy cannot be used either";
  const skipped = original.media.misfit ?? "no-variant-match";
  const message = `${original.playlistUrl.href}: HLS that does not fit the content (${state})`;
  return { skipped, message, ...(waited?.encounter && { encounter: waited.encounter }) };
}

interface CreativePorts extends JitPorts {
  /** What CRS was asked for; undefined: nothing. */
  readonly asked: () => RepackageRequest | undefined;
}

function portsFor(ad: Ad, { id3, rewrite, trace }: CreativeJob, deps: CreativeDeps): CreativePorts {
  let asked: RepackageRequest | undefined;
  return {
    asked: () => asked,
    probe: async (url) => (await deps.probes.probe(new URL(rewrite(url.href)), trace)).result,
    requestRepackage: (request) => {
      asked = request;
      const { creativeUrl, creative, cut } = request;
      const type = creative.mediaFiles.find(({ url }) => url === creativeUrl)?.type;
      const fields = [formatFqAdId(ad, creative), creativeUrl, type, id3 ? "ID3" : undefined, cut.targetDuration];
      trace.records.push({ type: "TRACE_TRANSCODING_REQUESTED", fields });
      return deps.askForRepackage(request, ad, id3);
    },
  };
}

/** A copy that was made for others may have none; once asked for, CRS puts it into what players load next. Nobody waits. */
function wantTimedMetadata(
  { url: creativeUrl }: MediaFile,
  ad: Ad,
  creative: Creative,
  { context, id3 }: CreativeJob,
  deps: CreativeDeps,
): void {
  const { zone, normalise } = context.zone;
  const [cut] = selectPackages(context.needs, context.zone);
  const key = creativeKey(zone, normaliseCreativeUrl(creativeUrl, normalise));
  if (cut) void deps.askForRepackage({ zone, creativeUrl, key, cut, creative }, ad, id3);
}

/** What has nothing that could be transcoded. */
const NO_MEDIA: ReadonlySet<SkipReason> = new Set([
  "no-media-file",
  "unsupported-media-file",
  "interactive-unsupported",
]);

function skipUnresolved(ad: Ad, creative: Creative, { skipped, message }: EncounterSkip, job: CreativeJob): SkippedAd {
  if (NO_MEDIA.has(skipped))
    job.trace.records.push({ type: "TRACE_TRANSCODING_NO_MEDIA_TO_TRANSCODE", fields: [formatFqAdId(ad, creative)] });
  return skipAd(ad, creative, skipped, message);
}

/** Seconds; `declared` is 0 where VAST says nothing. */
function isMismatch(duration: number, declared: number): boolean {
  return declared > 0 && Math.abs(duration - declared) > Math.max(1, declared / 10);
}

/** Codes that are not here: `media-unavailable`. */
const REASON_OF_CODE: { readonly [Code in AdErrorCode]?: SkipReason } = {
  "upstream-timeout": "media-timeout",
  "url-malformed": "no-media-file",
  "option-invalid": "cdn-error",
};

function reasonOfError(error: unknown): SkipReason {
  return (error instanceof AdError && REASON_OF_CODE[error.code]) || "media-unavailable";
}
