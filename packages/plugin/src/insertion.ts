/**
 * JIT repackaging initiated by the client: the ads of one break, from the ad request to what is spliced. Reads beside the
 * numbered list of the workflow:
 *
 *   1  the client requests an ad from the ad server                      requestAds
 *   2  the ad server returns the ad                                      requestAds
 *   3  the client checks the format   a HLS → insert it                  resolveCreative → loadFitting
 *                                     b not HLS → ask the CDN            resolveCreative → probe
 *   4  the client checks the answer   a there → insert it                loadFitting
 *                                     b not there → ask the ad server,   requestRepackage
 *                                       do not insert
 *   5  the ad server requests transcoding                                requestRepackage's answer
 *   6  CRS creates an HLS version and uploads it to the CDN              followRepackaging
 *
 * What becomes of an ad that has got to 4b, its first encounter, is for the policy to say: meetCold.
 *
 * Ads resolve in parallel and keep their order; one failing ad costs no other, and none costs content.
 *
 * @see Detailed Workflows for JIT Repackaging, "initiated by the client"; primetime.md §3.3, §4.5 (stand-ins)
 */
import {
  type Ad,
  AdError,
  type AdErrorCode,
  type AdRendition,
  buildPod,
  type Creative,
  type JitContext,
  type JitPorts,
  type ProbeResult,
  type RepackageAnswer,
  type RepackageRequest,
  resolveCreative,
  type ScheduledBeacon,
  type SkipReason,
  VAST_ERROR_OF_SKIP,
  type VastResult,
} from "@interlude/core";
import type { PlannedBreak } from "./ads/planned-break.ts";
import type { Probe, SkippedMedia, SplicedMedia } from "./ads/cdn.ts";
import type { ColdAd, FirstEncounter } from "./ads/first-encounter.ts";
import { type FoundMedia, loadFitting } from "./ads/hls-copy.ts";
import { fillPod, type PlaceTerms } from "./ads/pod.ts";
import type { BreakTerms } from "./ads/wait-deadline.ts";
import type { WorkflowStepEvent } from "./events.ts";
import type { RepackageExchange } from "./ads/repackage.ts";

/** An ad that can be spliced. */
export interface ReadyAd {
  readonly ad: Ad;
  readonly creative: Creative;
  readonly mediaUrl: string;
  readonly renditions: readonly AdRendition[];
  /** Seconds, of the media. */
  readonly duration: number;
  /** What falls due by playing media of so many seconds, sorted by time. Absent: as VAST has it, {@link scheduleBeacons}. */
  readonly schedule?: (duration: number) => readonly ScheduledBeacon[];
  /** How it was had at its first encounter; absent: it is HLS, or had a copy already. */
  readonly encounter?: "remux" | "wait";
}

/** An ad, or a whole answer, that gives nothing to splice. `errorUrls` are told `vastError`; undefined: no error. */
export interface SkippedAd {
  readonly adId: string | undefined;
  /** For the macros of its error URLs; absent: the answer brought none. */
  readonly ad?: Ad;
  readonly creativeUrl: string | undefined;
  readonly reason: SkipReason;
  readonly vastError: number | undefined;
  readonly message: string;
  readonly errorUrls: readonly string[];
  /** Tells it from other ads of its break, whose ids may be the same: of one that was ready its index, else a name of its own. */
  readonly place?: string;
}

/** Order of the pod; empty `ads` means that content plays. */
export interface ResolvedBreak {
  readonly ads: readonly ReadyAd[];
  readonly skipped: readonly SkippedAd[];
}

export interface InsertionPorts {
  /** Of a VOD break. */
  readonly maxAds: number;
  readonly requestAds: (planned: PlannedBreak) => Promise<VastResult>;
  /** Starts what can be known before the content's playlist is there. */
  readonly prefetch: (ads: readonly Ad[]) => void;
  /** Zone, CDN and what the content needs; or why no ad fits this content. Settles with the first media playlist. */
  readonly context: (
    planned: PlannedBreak,
  ) => Promise<JitContext | { readonly skipped: SkipReason; readonly message: string }>;
  readonly probe: (url: URL) => Promise<Probe>;
  readonly loadMedia: (url: URL) => Promise<SplicedMedia | SkippedMedia>;
  readonly requestRepackage: (request: RepackageRequest, ad: Ad) => Promise<RepackageExchange>;
  /** What can be done about an ad whose creative turns out to have no copy. */
  readonly meetCold: (cold: ColdAd, context: JitContext) => FirstEncounter;
  readonly followRepackaging: (
    statusUrl: URL,
    step: Pick<WorkflowStepEvent, "breakId" | "adId" | "creativeUrl">,
  ) => void;
  readonly report: (step: WorkflowStepEvent) => void;
}

/**
 * Never throws.
 *
 * @param onHopeless called once as soon as no ad of the break can come any more: where nothing is tried at a first encounter, before the
 * ad server has taken the requests
 */
export async function resolveBreak(
  planned: PlannedBreak,
  ports: InsertionPorts,
  onHopeless: () => void,
  terms: BreakTerms,
): Promise<ResolvedBreak> {
  const answer = await ports.requestAds(planned);
  const failed = answer.failures.map((failure) => ({ ...failure, creativeUrl: undefined }));
  const { pod: wanted, standIns } = buildPod(answer.ads);
  const count = planned.isLive ? wanted.length : ports.maxAds;
  const pod = wanted.slice(0, count);
  const surplus = wanted.slice(count).map((ad) => skipAd(ad, findUrl(ad), "break-duration-exceeded", SURPLUS));
  ports.prefetch(pod);
  const tried = await fillPod<ReadyAd | SkippedAd>(pod, standIns, onHopeless, {
    terms,
    resolve: (ad, place) => resolveAd(ad, { ...place, planned }, ports),
    isReady: (outcome) => "renditions" in outcome,
    describeLate: (ad) => skipAd(ad, findUrl(ad), "ads-timeout", LATE),
  });
  const all = [...failed, ...tried, ...surplus];
  return {
    ads: all.filter((outcome) => "renditions" in outcome),
    skipped: all
      .filter((outcome) => "reason" in outcome)
      .map((outcome, index) => ({ ...outcome, place: `skipped-${index}` })),
  };
}

const LATE = "not ready when its break had to be decided";
const SURPLUS = "more than its break has room for";

function findUrl({ creatives: [creative] }: Ad): string | undefined {
  return creative?.mediaFiles[0]?.url;
}

function skipAd(ad: Ad, creativeUrl: string | undefined, reason: SkipReason, message: string): SkippedAd {
  const vastError = VAST_ERROR_OF_SKIP[reason];
  return { adId: ad.id, ad, creativeUrl, reason, vastError, message, errorUrls: ad.errors };
}

type About = Pick<WorkflowStepEvent, "breakId" | "adId">;

/** What the break of an ad asks and grants. */
interface Place extends PlaceTerms {
  readonly planned: PlannedBreak;
}

/** Steps 3 to 6 for one ad. Never throws. */
async function resolveAd(ad: Ad, place: Place, ports: InsertionPorts): Promise<ReadyAd | SkippedAd> {
  const [creative] = ad.creatives;
  let creativeUrl = creative?.mediaFiles[0]?.url;
  const skip = (reason: SkipReason, message: string): SkippedAd => {
    place.onLost();
    return skipAd(ad, creativeUrl, reason, message);
  };
  if (!creative) return skip("no-media-file", "VAST: expected a linear creative, got none");
  const onFile = (url: string): void => {
    creativeUrl = url;
  };
  try {
    const context = await ports.context(place.planned);
    if ("skipped" in context) return skip(context.skipped, context.message);
    const found = await findMedia(ad, creative, { ...place, context, onFile }, ports);
    if ("skipped" in found) return skip(found.skipped, found.message);
    const { mediaUrl, renditions, duration, encounter } = found;
    return { ad, creative, mediaUrl, renditions, duration, ...(encounter && { encounter }) };
  } catch (cause) {
    return skip((cause instanceof AdError && REASON_OF_CODE[cause.code]) || "media-unavailable", String(cause));
  }
}

interface KnownPlace extends Place {
  readonly context: JitContext;
  /** Told which media file it is about. */
  readonly onFile: (url: string) => void;
}

/** @throws as {@link resolveCreative} and {@link loadFitting} */
async function findMedia(
  ad: Ad,
  creative: Creative,
  { planned, terms, onLost, whenNeeded, context, onFile }: KnownPlace,
  ports: InsertionPorts,
): Promise<(FoundMedia & Pick<ReadyAd, "encounter">) | SkippedMedia> {
  const about: About = { breakId: planned.breakId, ...(ad.id === undefined ? {} : { adId: ad.id }) };
  const jit: JitPorts = {
    probe: (url) => probeReported(url, about, ports),
    requestRepackage: (request) => askForRepackaging(request, ad, about, ports),
  };
  const encounter = ports.meetCold({ planned, terms, onLost, adId: ad.id }, context);
  try {
    const resolution = await resolveCreative(creative, context, {
      ...jit,
      requestRepackage: async (request) => {
        onFile(request.creativeUrl);
        await whenNeeded();
        return encounter.ask(request, (isLost) => askForRepackaging(request, ad, about, ports, isLost));
      },
    });
    if ("skipped" in resolution) {
      const outcome = await encounter.follow(resolution.skipped, resolution.statusUrl);
      return "skipped" in outcome ? outcome : { ...outcome.media, encounter: outcome.encounter };
    }
    const creativeUrl = resolution.mediaFile.url;
    onFile(creativeUrl);
    if (!resolution.isRepackaged)
      ports.report({ ...about, step: 3, part: "a", title: "HLS already: the client inserts it", creativeUrl });
    return await loadFitting(resolution, creative, context, { ...jit, loadMedia: ports.loadMedia });
  } finally {
    encounter.end();
  }
}

/** Codes that are not here: `media-unavailable`. */
const REASON_OF_CODE: { readonly [Code in AdErrorCode]?: SkipReason } = {
  "upstream-timeout": "media-timeout",
  "url-malformed": "no-media-file",
  "option-invalid": "cdn-error",
};

/** Steps 3b and 4a. */
async function probeReported(url: URL, about: About, ports: InsertionPorts): Promise<ProbeResult> {
  const step = { ...about, method: "GET", url: url.href } as const;
  ports.report({ ...step, step: 3, part: "b", title: "Not HLS: the client requests an HLS version from the CDN" });
  const { result, status, ms } = await ports.probe(url);
  const answered = { ...step, ...(status === undefined ? {} : { status }), ms };
  if (result === "hit")
    ports.report({ ...answered, step: 4, part: "a", title: "The CDN has it: the client inserts it" });
  else ports.report({ ...answered, step: 4, title: "The CDN does not have it" });
  return result;
}

/** Steps 4b, 5 and 6. */
async function askForRepackaging(
  request: RepackageRequest,
  ad: Ad,
  about: About,
  ports: InsertionPorts,
  isLost = true,
): Promise<RepackageAnswer> {
  const { answer, url, status, ms } = await ports.requestRepackage(request, ad);
  const { creativeUrl } = request;
  const exchange = { method: "POST", url, ...(status === undefined ? {} : { status }), ms } as const;
  const step = { ...about, creativeUrl } as const;
  const rest = isLost ? "; the ad is not inserted" : "";
  const title = `The client asks the ad server to request one from CRS${rest}`;
  ports.report({ ...step, ...exchange, step: 4, part: "b", title });
  if (answer.outcome === "accepted") {
    const { state, statusUrl } = answer;
    ports.report({ ...step, ...exchange, step: 5, title: "The ad server requests that the ad be transcoded", state });
    if (statusUrl) ports.followRepackaging(statusUrl, step);
  }
  return answer;
}
