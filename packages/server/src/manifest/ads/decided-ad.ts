/**
 * What a decision keeps of an ad: what is played, and whom to tell.
 *
 * @see VAST 4.3 §3.12 (companions), §3.14.1 (events)
 */
import { type Ad, type Companion, type Creative, scheduleBeacons } from "@interlude/core";
import type { DecidedAd, DecidedCompanion, DecidedRendition, DecidedTracker } from "../breaks/decision.ts";

/** What of an ad is spliced. `duration` in seconds. */
export interface DecidedMedia {
  readonly playlistUrl: string;
  readonly isRepackaged: boolean;
  readonly duration: number;
  readonly renditions: readonly DecidedRendition[];
  /** What had it at its first encounter; absent: it was none. */
  readonly encounter?: "wait";
}

/** @param sequence place in the pod, from 1 */
export function buildDecidedAd(ad: Ad, creative: Creative, media: DecidedMedia, sequence: number): DecidedAd {
  return {
    adId: ad.id ?? "",
    adSystem: ad.adSystem,
    title: ad.title,
    creativeId: creative.id,
    sequence,
    ...media,
    trackers: buildTrackers(ad, creative, media),
    errors: ad.errors,
    clickThrough: creative.clickThrough,
    clickTrackers: creative.clickTrackers,
    companions: ad.companions.flatMap((companion) => buildCompanion(companion)),
    wrapperAdIds: ad.wrapperAdIds,
  };
}

/** Events that playing alone brings about; those of them that are not due in this ad are left out. */
const TIMED: ReadonlySet<string> = new Set([
  "loaded",
  "creativeview",
  "start",
  "firstquartile",
  "midpoint",
  "thirdquartile",
  "complete",
  "progress",
]);

/** Of the macros, [INTERLUDE_ENCOUNTER] is filled in: who requests the rest does not know it. */
function buildTrackers(ad: Ad, creative: Creative, { duration, encounter }: DecidedMedia): readonly DecidedTracker[] {
  const acts = creative.trackers.filter(({ event }) => !TIMED.has(event.toLowerCase()));
  return [
    ...scheduleBeacons(ad, creative, duration),
    ...acts.map(({ event, url }) => ({ event, url, time: undefined })),
  ].map((tracker) => ({ ...tracker, url: tracker.url.replaceAll("[INTERLUDE_ENCOUNTER]", encounter ?? "") }));
}

/** One without anything to show is left out. Its `creativeView` is due when it is shown, hence has no time. */
function buildCompanion(companion: Companion): readonly DecidedCompanion[] {
  const [resource] = companion.resources;
  if (!resource) return [];
  const { id, width, height, clickThrough, clickTrackers } = companion;
  const trackers = [
    ...companion.trackers.map(({ event, url }) => ({ event, url, time: undefined })),
    ...clickTrackers.map((url) => ({ event: "clickTracking", url, time: undefined })),
  ];
  const { kind: resourceType, creativeType: mimeType, value } = resource;
  return [{ id, width, height, resourceType, mimeType, resource: value, clickThrough, trackers }];
}
