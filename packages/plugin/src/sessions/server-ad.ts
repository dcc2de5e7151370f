/**
 * The ads of a sidecar as playback, beacons and clicks know ads, so that all of that is the same code for ads of either origin.
 */
import {
  type Ad,
  type Companion,
  type Creative,
  type ScheduledBeacon,
  scheduleBeacons,
  type SidecarAd,
  type SidecarTracker,
} from "@interlude/core";
import type { ReadyAd } from "../insertion.ts";

/** What is due by playing, with its share of the ad. */
const SHARE_OF_EVENT: ReadonlyMap<string, number> = new Map([
  ["impression", 0],
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

/** Without renditions: a server has spliced it. An event at a time of its own keeps it, and its name. */
export function toReadyAd(source: SidecarAd): ReadyAd {
  const { adId, adSystem, title, creativeId, sequence, duration, playlistUrl: mediaUrl, errors, wrapperAdIds } = source;
  const [atTimes, atShares] = splitTrackers(source);
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
    trackers: atShares
      .filter((tracker) => !isImpression(tracker))
      .map(({ event, url }) => ({ event, url, offset: undefined })),
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
    impressions: atShares.filter(isImpression).map(({ url }) => url),
    errors,
    creatives: [creative],
    companions: source.companions.map(toCompanion),
    wrapperAdIds,
  };
  const schedule = (played: number): readonly ScheduledBeacon[] => {
    // the segments may turn out milliseconds shorter
    const isAtEnd = (time: number): boolean => time >= duration - MAX_DRIFT / 2;
    const timed = atTimes.map(({ event, url, time }) => ({ event, url, time: isAtEnd(time) ? played : time }));
    return [...timed, ...scheduleBeacons(ad, creative, played)].toSorted((a, b) => a.time - b.time);
  };
  return { ad, creative, mediaUrl, renditions: [], duration, ...(atTimes.length > 0 ? { schedule } : {}) };
}

/** What is due at a time of its own, and what is due by its share of the ad or by what the viewer does. */
function splitTrackers({ trackers, duration }: SidecarAd): readonly [ScheduledBeacon[], SidecarTracker[]] {
  const atTimes: ScheduledBeacon[] = [];
  const atShares: SidecarTracker[] = [];
  for (const tracker of trackers) {
    const { event, url, time } = tracker;
    const share = SHARE_OF_EVENT.get(event.toLowerCase());
    const isAtShare = time === undefined || (share !== undefined && Math.abs(share * duration - time) <= MAX_DRIFT);
    if (isAtShare) atShares.push(tracker);
    else atTimes.push({ event, url, time });
  }
  return [atTimes, atShares];
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
