/**
 * The ads of a sidecar as playback, beacons and clicks know ads, so that all of that is the same code for ads of either origin.
 */
import {
  type Ad,
  type Companion,
  type Creative,
  type SidecarAd,
  type SidecarTracker,
  type Tracker,
} from "@interlude/core";
import type { ReadyAd } from "../insertion.ts";

/** What is due by playing, with its share of the ad. */
const SHARE_OF_EVENT: ReadonlyMap<string, number> = new Map([
  ["loaded", 0],
  ["creativeview", 0],
  ["start", 0],
  ["firstquartile", 0.25],
  ["midpoint", 0.5],
  ["thirdquartile", 0.75],
  ["complete", 1],
]);
/** Seconds that an event may be off its share and still be meant by it. */
const MAX_DRIFT = 0.25;

/** Without renditions: a server has spliced it. An event at a time of its own, as in v1, is told as `progress`. */
export function toReadyAd(source: SidecarAd): ReadyAd {
  const { adId, adSystem, title, creativeId, sequence, duration, playlistUrl: mediaUrl, errors, wrapperAdIds } = source;
  const isImpression = ({ event }: SidecarTracker): boolean => event.toLowerCase() === "impression";
  const creative: Creative = {
    id: creativeId,
    adId: creativeId,
    universalAdIds: [],
    duration,
    skipOffset: undefined,
    mediaFiles: [],
    mezzanines: [],
    interactiveOnly: false,
    adParameters: undefined,
    trackers: source.trackers
      .filter((tracker) => !isImpression(tracker))
      .map((tracker) => toTracker(tracker, duration)),
    clickThrough: source.clickThrough,
    clickTrackers: source.clickTrackers,
    icons: [],
  };
  const ad: Ad = {
    id: adId || undefined,
    sequence,
    adSystem,
    title,
    adServingId: undefined,
    impressions: source.trackers.filter(isImpression).map(({ url }) => url),
    errors,
    creatives: [creative],
    companions: source.companions.map(toCompanion),
    wrapperAdIds,
  };
  return { ad, creative, mediaUrl, renditions: [], duration };
}

function toTracker({ event, url, time }: SidecarTracker, duration: number): Tracker {
  const share = SHARE_OF_EVENT.get(event.toLowerCase());
  if (time === undefined || (share !== undefined && Math.abs(share * duration - time) <= MAX_DRIFT))
    return { event, url, offset: undefined };
  // by share, because the segments may turn out milliseconds shorter
  const isAtEnd = time >= duration - MAX_DRIFT / 2;
  return { event: "progress", url, offset: isAtEnd ? { share: 1 } : { seconds: time } };
}

function toCompanion(companion: SidecarAd["companions"][number]): Companion {
  const { id, width, height, resourceType: kind, mimeType: creativeType, resource: value, clickThrough } = companion;
  return {
    id,
    width,
    height,
    adSlotId: undefined,
    renderingMode: undefined,
    required: undefined,
    altText: undefined,
    resources: [{ kind, creativeType, value }],
    clickThrough,
    clickTrackers: [],
    trackers: companion.trackers.map(({ event, url }) => ({ event, url, offset: undefined })),
  };
}
