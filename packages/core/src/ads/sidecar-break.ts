/**
 * What a sidecar tells of a session's breaks: where each is on the stitched timeline, and which requests it owes.
 *
 * @see primetime.md §2.2
 */
import { VAST_ERROR_OF_SKIP, type SkipReason } from "../skip-reason.ts";

/** Times are seconds on the stitched timeline: VOD from its start, live from the first segment listed, negative for what has left. */
export interface SidecarInput {
  readonly startTime: number;
  readonly endTime: number;
  /** In any order; empty gives a document without breaks. */
  readonly breaks: readonly SidecarBreak[];
  /** undefined: `scteTracking` was not asked for. Told by v2 alone. */
  readonly signals: readonly SidecarSignal[] | undefined;
}

/** One pod. A break whose ads were all skipped has no ads and lasts 0 seconds. */
export interface SidecarBreak {
  readonly breakId: string;
  readonly startTime: number;
  readonly duration: number;
  readonly ads: readonly SidecarAd[];
  readonly skipped: readonly SidecarSkip[];
  /** breakStart, breakEnd, error. */
  readonly trackers: readonly SidecarTracker[];
}

/** An ad as it was spliced. `startTime` and `duration` are those of its segments. */
export interface SidecarAd {
  readonly adId: string;
  readonly adSystem: string;
  readonly title: string;
  readonly creativeId: string | undefined;
  /** From 1. */
  readonly sequence: number;
  readonly startTime: number;
  readonly duration: number;
  /** The HLS that was spliced. */
  readonly playlistUrl: string;
  /** Impressions included, as event `impression`. */
  readonly trackers: readonly SidecarTracker[];
  readonly errors: readonly string[];
  readonly clickThrough: string | undefined;
  readonly clickTrackers: readonly string[];
  readonly companions: readonly SidecarCompanion[];
  /** Outermost first. */
  readonly wrapperAdIds: readonly string[];
}

/** `time`: seconds from the start of the ad or break; undefined: only when the viewer acts. Macros are left to the client. */
export interface SidecarTracker {
  readonly event: string;
  readonly url: string;
  readonly time: number | undefined;
}

/** @see VAST 4.3 §3.12 */
export interface SidecarCompanion {
  readonly id: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly resourceType: "static" | "iframe" | "html";
  readonly mimeType: string | undefined;
  readonly resource: string;
  readonly clickThrough: string | undefined;
  readonly trackers: readonly SidecarTracker[];
}

/** An ad that is not in the playlist; without `adId` the whole request gave nothing. */
export interface SidecarSkip {
  readonly adId: string | undefined;
  readonly adSystem: string;
  readonly creativeId: string | undefined;
  readonly reason: SkipReason;
}

/** A cue of the content. `date`: seconds since 1970, where the content is dated. */
export interface SidecarSignal {
  readonly startTime: number;
  readonly date: number | undefined;
  readonly tagName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Sorted as every sidecar lists them: by time, of equal times in the order given. */
export function byStartTime<T extends { readonly startTime: number }>(entries: readonly T[]): readonly T[] {
  return entries.toSorted((a, b) => a.startTime - b.startTime);
}

/** Seconds without the noise of sums: three decimals. */
export function roundTime(seconds: number): number {
  return Math.round(seconds * 1000) / 1000 || 0;
}

/** The VAST error number of a skip; undefined where skipping is no error. */
export function vastErrorOf({ reason }: SidecarSkip): number | undefined {
  return VAST_ERROR_OF_SKIP[reason];
}

/** When a tracker of an ad is due, on the stitched timeline: `complete` when the spliced ad ends, nothing after that. */
export function trackerTime(ad: SidecarAd, { event, time }: SidecarTracker): number | undefined {
  if (time === undefined) return undefined;
  const inAd = event.toLowerCase() === "complete" ? ad.duration : Math.min(time, ad.duration);
  return roundTime(ad.startTime + inAd);
}
