/**
 * The ads of a break as an interstitial's asset list: those that are HLS already, in the order of the pod.
 *
 * Each has its tracking beside it as SVTA 2053-2 carries it, so that players that know it report as from VAST; others ignore it.
 *
 * @see draft-pantos-hls-rfc8216bis Appendix D.2 (X-ASSET-LIST); SVTA 2053-2 (Ad Creative Signaling in DASH and HLS)
 */
import {
  type Ad,
  buildPod,
  type Creative,
  isHls,
  rankMediaFiles,
  selectNoMediaReason,
  type TimeOffset,
} from "@interlude/core";

export interface AssetList {
  readonly ASSETS: readonly Asset[];
}

interface Asset {
  readonly URI: string;
  /** Seconds. */
  readonly DURATION: number;
  readonly "X-AD-CREATIVE-SIGNALING": {
    readonly version: 2;
    readonly type: "slot";
    readonly payload: readonly [AdSlot];
  };
}

interface AdSlot {
  readonly type: "linear";
  readonly start: 0;
  readonly duration: number;
  readonly identifiers: readonly { readonly scheme: string; readonly value: string }[];
  readonly tracking: readonly { readonly type: string; readonly offset?: number; readonly urls: readonly string[] }[];
  /** Seconds. */
  readonly skipOffset?: number;
  readonly clickThrough?: string;
}

export interface ListedAds {
  /** Without any that can be played it is empty: no fill. */
  readonly list: AssetList;
  /** The pod's ads that are not in it. */
  readonly left: readonly LeftAd[];
}

export interface LeftAd {
  readonly ad: Ad;
  readonly reason: LeftReason;
}

/** `new-creative`: it can be made HLS, and played another time. */
export type LeftReason = "new-creative" | ReturnType<typeof selectNoMediaReason>;

/** @param mediaTypes the zone's order; a stand-alone ad takes the place of a pod of which nothing can be played */
export function buildAssetList(ads: readonly Ad[], mediaTypes: readonly string[]): ListedAds {
  const { pod, standIns } = buildPod(ads);
  const assetOf = (ad: Ad): readonly Asset[] =>
    ad.creatives.slice(0, 1).flatMap((one) => buildAsset(ad, one, mediaTypes));
  const assets = pod.flatMap(assetOf);
  const left = pod
    .filter((ad) => assetOf(ad).length === 0)
    .map((ad) => ({ ad, reason: explainLeft(ad.creatives[0], mediaTypes) }));
  return { list: { ASSETS: assets.length > 0 ? assets : standIns.flatMap(assetOf).slice(0, 1) }, left };
}

function explainLeft(creative: Creative | undefined, mediaTypes: readonly string[]): LeftReason {
  if (!creative) return "no-media-file";
  if (rankMediaFiles(creative, mediaTypes).length === 0) return selectNoMediaReason(creative);
  return creative.duration > 0 ? "new-creative" : "unsupported-media-file";
}

function buildAsset(ad: Ad, creative: Creative, mediaTypes: readonly string[]): readonly Asset[] {
  const file = rankMediaFiles(creative, mediaTypes).find(isHls);
  // A player plans its break by DURATION: an ad that tells none cannot be planned.
  if (!file || creative.duration <= 0) return [];
  const { duration } = creative;
  const skipOffset = creative.skipOffset && secondsOf(creative.skipOffset, duration);
  const slot: AdSlot = {
    type: "linear",
    start: 0,
    duration,
    identifiers: creative.universalAdIds.map(({ registry, value }) => ({ scheme: registry, value })),
    tracking: listTracking(ad, creative),
    ...(skipOffset !== undefined && { skipOffset }),
    ...(creative.clickThrough !== undefined && { clickThrough: creative.clickThrough }),
  };
  const signalling = { version: 2, type: "slot", payload: [slot] } as const;
  return [{ URI: file.url, DURATION: duration, "X-AD-CREATIVE-SIGNALING": signalling }];
}

/** One entry per event; `progress` has one per offset. */
function listTracking(ad: Ad, { trackers, clickTrackers, duration }: Creative): AdSlot["tracking"] {
  const found = new Map<string, { readonly type: string; readonly offset?: number; readonly urls: string[] }>();
  const add = (type: string, url: string, offset?: number): void => {
    const key = `${type} ${offset ?? ""}`;
    const entry = found.get(key) ?? { type, ...(offset !== undefined && { offset }), urls: [] };
    entry.urls.push(url);
    found.set(key, entry);
  };
  for (const url of ad.impressions) add("impression", url);
  for (const { event, url, offset } of trackers) add(event, url, offset && secondsOf(offset, duration));
  for (const url of clickTrackers) add("clickTracking", url);
  for (const url of ad.errors) add("error", url);
  return [...found.values()];
}

function secondsOf(offset: TimeOffset, duration: number): number {
  return "seconds" in offset ? offset.seconds : offset.share * duration;
}
