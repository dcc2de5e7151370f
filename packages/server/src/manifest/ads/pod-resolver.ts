/**
 * JIT repackaging initiated by the manifest server: the ads of one answer, from what the ad server said to what is spliced.
 *
 *   1  HLS creatives                                            resolveCreative → loadAdMedia
 *   2  others: the CDN that `ptcdn` names is asked               resolveCreative → probe
 *   3  there: inserted. Not there: logged, CRS asked,            askForRepackage
 *      and the content goes on without that ad
 *   4  a stand-in takes the place of an ad that cannot be played  (VAST 4.3 §2.4.2)
 *
 * Ads resolve in parallel and keep their order; one failing ad costs no other. An ad whose media is more than a second, and more
 * than a tenth, longer or shorter than VAST declares is skipped (primetime.md §1.9 leaves the limit open).
 *
 * @see Primetime JIT workflow initiated by the manifest server (primetime.md §3.2); DESIGN §4
 */
import {
  type Ad,
  buildPod,
  type EncounterStep,
  type JitContext,
  parseZoneDocument,
  selectCdn,
  type SpliceNeeds,
  type VastResult,
} from "@interlude/core";
import { formatZoneDocument, type ZoneConfig } from "../../zones.ts";
import type { AdAnswer } from "./ad-call.ts";
import { type CreativeDeps, type CreativeJob, resolveAd, skipAd } from "./ad-creative.ts";
import type { Rewrite } from "./ad-playlists.ts";
import type { DecidedAd, SkippedAd } from "../breaks/decision.ts";
import type { RequestTrace } from "../trace.ts";

/** What the content and its session ask of an ad. */
export interface PodNeeds {
  readonly zone: ZoneConfig;
  /** `ptcdn`; undefined: the zone's default. */
  readonly cdn: string | undefined;
  readonly splice: SpliceNeeds;
  /** Timed metadata in what CRS makes (`ptplayer=ios-mobileweb`). */
  readonly id3: boolean;
  readonly baseUrl: URL;
  /** Where ads are fetched instead (`adfetch_…` rules); default: nowhere else. */
  readonly rewrite?: Rewrite;
  /** What becomes of creatives that have no copy yet; default: what is usual. */
  readonly firstEncounter?: readonly EncounterStep[] | undefined;
  /** Resolves when the break has no more time for what is not there yet; default: it never had any. */
  readonly over?: Promise<void>;
}

/** In the order of the pod. What the ad server could not give is among the skipped. */
export interface ResolvedPod {
  readonly ads: readonly DecidedAd[];
  readonly skipped: readonly SkippedAd[];
}

export interface PodResolver {
  /** Never rejects for what upstreams do. */
  resolvePod(answer: Pick<AdAnswer, "result" | "breakId">, needs: PodNeeds, trace: RequestTrace): Promise<ResolvedPod>;
}

export function createPodResolver(deps: CreativeDeps): PodResolver {
  return {
    resolvePod: async ({ result, breakId }, needs, trace) => {
      const failed = skipFailed(result);
      const { pod, standIns } = buildPod(result.ads);
      const job = startJob(breakId, needs, trace);
      if (typeof job === "string") {
        const message = job;
        return { ads: [], skipped: [...failed, ...pod.map((ad) => skipAd(ad, undefined, "cdn-error", message))] };
      }
      // a stand-in that plays now is worth more than a copy that may come, and would have no time after the wait
      const podJob = standIns.length > 0 ? { ...job, encounter: undefined } : job;
      const outcomes = await Promise.all(pod.map((ad, index) => resolveAd(ad, index + 1, podJob, deps)));
      const all = await fillIn(outcomes, standIns, podJob, deps);
      return {
        ads: all.filter((outcome) => "renditions" in outcome),
        skipped: [...failed, ...all.filter((outcome) => "reason" in outcome)],
      };
    },
  };
}

/** What the ad server could not give. */
export function skipFailed({ failures }: VastResult): readonly SkippedAd[] {
  return failures.map(({ adId, reason, message, errorUrls }) => {
    return { adId, adSystem: "", creativeId: undefined, reason, message, errors: errorUrls };
  });
}

/** Or why no creative can be looked for. */
function startJob(breakId: string, needs: PodNeeds, trace: RequestTrace): CreativeJob | string {
  try {
    const { zone, cdn, splice, id3, baseUrl, rewrite = (url) => url, firstEncounter: policy, over } = needs;
    const document = parseZoneDocument(formatZoneDocument(zone), new URL("/v1/zones/zone.json", baseUrl));
    const context: JitContext = { zone: document, cdnBase: selectCdn(document, cdn), needs: splice };
    const encounter = over && { policy, cdn: cdn ?? zone.defaultCdn, over };
    return { context, id3, rewrite, encounter, breakId, trace };
  } catch (error) {
    return String(error);
  }
}

type Outcome = DecidedAd | SkippedAd;

/** Puts stand-ins, in their order and each once, into the places of ads that cannot be played. */
async function fillIn(
  outcomes: readonly Outcome[],
  standIns: readonly Ad[],
  job: CreativeJob,
  deps: CreativeDeps,
): Promise<readonly Outcome[]> {
  const filled = outcomes.map((outcome) => [outcome]);
  let gaps = filled.flatMap((place, index) => (place.some((outcome) => "renditions" in outcome) ? [] : [index]));
  const waiting = [...standIns];
  while (gaps.length > 0 && waiting.length > 0) {
    const tried = waiting.splice(0, gaps.length);
    const found = await Promise.all(tried.map((ad) => resolveAd(ad, 0, job, deps)));
    const left = [...gaps];
    for (const outcome of found) {
      const index = "renditions" in outcome ? left.shift() : left[0];
      if (index === undefined) continue;
      filled[index]?.push("renditions" in outcome ? { ...outcome, sequence: index + 1 } : outcome);
    }
    gaps = left;
  }
  return filled.flat();
}
