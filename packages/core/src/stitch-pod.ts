/**
 * Which segments each ad of a pod gives to one content playlist, or why it gives none.
 *
 * All that decides whether an ad is taken, and how long it counts, is the same for every rendition of the content.
 *
 * @see primetime.md §1.9; DESIGN §6
 */
import {
  type AdSegment,
  blankSubtitles,
  gapSegments,
  readAdSegments,
  requiredVersion,
  totalDuration,
} from "./hls/ad-segments.ts";
import { selectRendition } from "./hls/align.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { type PictureLead, readPictureLead } from "./hls/picture-lead.ts";
import type { SkipReason } from "./skip-reason.ts";
import type { AdRendition, ContentPlaylist, PlacedAd, PlacedBreak, Pod, PodAd, RefusedAd } from "./stitched.ts";

/** An ad that fits, with its segments for one content playlist. Survives JSON. */
export interface ChosenAd {
  readonly adId: string;
  /** Place in the pod as given. */
  readonly index: number;
  readonly segments: readonly AdSegment[];
  /** Seconds, the same for every content playlist (that of the lowest rendition). */
  readonly duration: number;
  readonly targetDuration: number;
  /** As {@link PlacedAd.pictureLead}. */
  readonly pictureLead?: PictureLead;
}

/** The content playlist that ads are chosen for. `maxTargetDuration` and `maxDuration` are seconds; infinite in VOD. */
export interface PodTarget {
  readonly content: ContentPlaylist;
  readonly playlist: MediaPlaylist;
  readonly maxTargetDuration: number;
  readonly maxDuration: number;
  readonly blankSubtitleUri: string | undefined;
}

/** The ads of a pod that fit, in order, and the others with their reason. */
export function choosePod(
  pod: Pod,
  target: PodTarget,
): { readonly ads: readonly ChosenAd[]; readonly refused: readonly RefusedAd[] } {
  const ads: ChosenAd[] = [];
  const refused: RefusedAd[] = [];
  let duration = 0;
  for (const [index, ad] of pod.ads.entries()) {
    const chosen = chooseAd(ad, index, target);
    const reason = typeof chosen === "string" ? chosen : undefined;
    if (typeof chosen !== "string" && duration + chosen.duration <= target.maxDuration) {
      ads.push(chosen);
      duration += chosen.duration;
    } else {
      refused.push({ breakId: pod.breakId, adId: ad.adId, index, reason: reason ?? "break-duration-exceeded" });
    }
  }
  return { ads, refused };
}

/** The place of a break and of each of its ads, one after the other from `at`. */
export function placeBreak(
  breakId: string,
  ads: readonly ChosenAd[],
  at: Pick<PlacedBreak, "contentTime" | "startTime" | "firstMediaSequence">,
): PlacedBreak {
  const placed: PlacedAd[] = [];
  let { startTime, firstMediaSequence } = at;
  for (const { adId, index, segments, pictureLead } of ads) {
    const duration = totalDuration(segments);
    const count = { firstMediaSequence, segmentCount: segments.length };
    const lead = pictureLead === undefined ? {} : { pictureLead };
    placed.push({ breakId, adId, index, startTime, duration, ...count, ...lead });
    startTime += duration;
    firstMediaSequence += segments.length;
  }
  return { breakId, ...at, duration: startTime - at.startTime, ads: placed };
}

/** The lowest EXT-X-VERSION that allows the content with these ads in it. */
export function selectVersion(playlist: MediaPlaylist, ads: readonly ChosenAd[]): number {
  return Math.max(playlist.version, playlist.hasImplicitIv ? 2 : 1, ...ads.map((ad) => requiredVersion(ad.segments)));
}

function chooseAd(ad: PodAd, index: number, target: PodTarget): ChosenAd | SkipReason {
  if (ad.renditions.length === 0) return "media-unavailable";
  const measured = selectMeasured(ad.renditions);
  const rendition = selectFor(ad.renditions, target);
  const lowest = selectRendition(measured, 0);
  if (!rendition || !lowest) return "no-variant-match";
  const segments = readAdSegments(rendition.playlist, rendition.url);
  const duration = totalDuration(lowest.playlist.segments);
  if (!segments || !(duration > 0)) return "media-unavailable";
  const longest = Math.max(
    ...measured.map(({ playlist }) => longestSegment(playlist)),
    longestSegment(rendition.playlist),
  );
  if (longest > target.maxTargetDuration) return "target-duration-exceeded";
  const targetDuration = Math.max(longest, ...measured.map(({ playlist }) => playlist.targetDuration));
  const pictureLead = target.content.kind === "main" ? readPictureLead(rendition.playlist) : undefined;
  const lead = pictureLead === undefined ? {} : { pictureLead };
  return { adId: ad.adId, index, segments: standIn(segments, target), duration, targetDuration, ...lead };
}

/** What stands for an ad: itself, or as much time without subtitles or pictures. */
export function standIn(
  segments: readonly AdSegment[],
  { content, playlist, blankSubtitleUri }: Pick<PodTarget, "content" | "playlist" | "blankSubtitleUri">,
): readonly AdSegment[] {
  // subtitles in fMP4: there is no blank one that every map fits
  if (content.kind === "subtitles" && playlist.hasMap) return gapSegments(segments);
  if (content.kind === "subtitles") return blankSubtitles(segments, blankSubtitleUri);
  return content.kind === "iframes" ? gapSegments(segments) : segments;
}

/** The segments of the ad's lowest rendition, whose durations count for all renditions; empty where it has none. */
export function measureAd(ad: PodAd): readonly { readonly duration: number }[] {
  return selectRendition(selectMeasured(ad.renditions), 0)?.playlist.segments ?? [];
}

/** The renditions that tell how long an ad is: those with a picture, where there are any. */
function selectMeasured(renditions: readonly AdRendition[]): readonly AdRendition[] {
  const main = renditions.filter((rendition) => rendition.kind !== "audio");
  return main.length > 0 ? main : renditions;
}

function selectFor(renditions: readonly AdRendition[], { content, playlist }: PodTarget): AdRendition | undefined {
  const { hasMap } = playlist;
  if (content.kind === "iframes") return selectRendition(selectMeasured(renditions), 0);
  if (playlist.isIFramesOnly) return undefined;
  if (content.kind === "subtitles") return selectRendition(selectMeasured(renditions), 0);
  // A map stays in force to the end: where the first segment has one, all have.
  const fitting = renditions.filter(
    (rendition) =>
      rendition.playlist.hasMap === hasMap && (rendition.playlist.segments[0]?.map !== undefined) === hasMap,
  );
  if (content.kind === "main") {
    return selectRendition(
      fitting.filter((rendition) => rendition.kind !== "audio"),
      content.bandwidthBps,
    );
  }
  const audio = fitting.filter((rendition) => rendition.kind === "audio");
  return audio.length > 0
    ? selectRendition(audio, content.bandwidthBps)
    : selectRendition(fitting, content.bandwidthBps ?? 0);
}

/** Seconds, rounded as EXT-X-TARGETDURATION counts (RFC 8216 §4.3.3.1). */
function longestSegment(playlist: MediaPlaylist): number {
  let longest = 0;
  for (const segment of playlist.segments) longest = Math.max(longest, Math.round(segment.duration));
  return longest;
}
