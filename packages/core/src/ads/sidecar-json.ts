/**
 * Sidecars v1 and v2: JSON of Primetime's own making.
 *
 * @see primetime.md §2.3, §2.4
 */
import {
  byStartTime,
  roundTime,
  type SidecarAd,
  type SidecarBreak,
  type SidecarCompanion,
  type SidecarInput,
  type SidecarSkip,
  trackerTime,
  vastErrorOf,
} from "./sidecar-break.ts";

/** v1: URLs by time, without event names. `start` and `end` are the times of the first and the last sample. */
export interface TimesSidecar {
  readonly start: number;
  readonly end: number;
  readonly adtracking: readonly {
    readonly time: number;
    readonly trackingurls: readonly { readonly adsystem: string; readonly url: string }[];
  }[];
}

/** v2: pods, ads, and what each owes. */
export interface PodsSidecar {
  readonly startTime: number;
  readonly endTime: number;
  readonly scte35?: readonly ScteEntry[];
  readonly pods: readonly PodEntry[];
}

interface ScteEntry {
  readonly offset: number;
  /** Seconds since 1970; the offset where the content is not dated, as Primetime wrote it. */
  readonly programDateTime: number;
  readonly tagName: string;
  readonly tagAttributes: Readonly<Record<string, string>>;
}

interface PodEntry {
  readonly id: string;
  readonly startTime: number;
  readonly duration: number;
  readonly ads: readonly AdEntry[];
  readonly trackingUrls: readonly UrlEntry[];
  readonly skipped?: readonly SkipEntry[];
}

interface AdEntry {
  readonly id: string;
  readonly startTime: number;
  readonly duration: number;
  readonly companions: readonly CompanionEntry[];
  readonly trackingUrls: readonly UrlEntry[];
  readonly videoClicks: readonly Omit<UrlEntry, "startTime">[];
}

interface CompanionEntry {
  readonly id: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly resourceType: SidecarCompanion["resourceType"];
  readonly mimeType: string | undefined;
  readonly url: string;
  readonly trackingUrls: readonly UrlEntry[];
}

/** `adSystems` is one name, whatever its spelling says. */
interface UrlEntry {
  readonly startTime: number;
  readonly adSystems: string;
  readonly event: string;
  readonly url: string;
}

/** An addition of ours. */
interface SkipEntry {
  readonly adId: string | undefined;
  readonly adSystem: string;
  readonly creativeId: string | undefined;
  readonly reason: string;
  readonly vastError: number | undefined;
}

/** What VAST calls a quartile is `first` and `third` here; `third` goes by the pattern of `first`. */
const AD_EVENT: ReadonlyMap<string, string> = new Map([
  ["firstquartile", "first"],
  ["thirdquartile", "third"],
]);
const POD_EVENT: ReadonlyMap<string, string> = new Map([
  ["breakstart", "start"],
  ["breakend", "complete"],
]);

/** v1. A break or ad without anything timed is not in it; without any, `adtracking` is empty. */
export function buildTimes({ startTime, endTime, breaks }: SidecarInput): TimesSidecar {
  const timed = breaks.flatMap((entry) => [...listPodUrls(entry), ...entry.ads.flatMap((ad) => listAdUrls(ad))]);
  const groups = new Map<number, { readonly adsystem: string; readonly url: string }[]>();
  for (const { startTime: time, adSystems: adsystem, url } of byStartTime(timed)) {
    const group = groups.get(time) ?? [];
    group.push({ adsystem, url });
    groups.set(time, group);
  }
  const adtracking = [...groups].map(([time, trackingurls]) => ({ time, trackingurls }));
  return { start: roundTime(startTime), end: roundTime(endTime), adtracking };
}

/** v2. `scte35` is there only where it was asked for, `skipped` only where something was. */
export function buildPods({ startTime, endTime, breaks, signals }: SidecarInput): PodsSidecar {
  const scte35 = byStartTime(signals ?? []).map(({ startTime: time, date, tagName, attributes }) => {
    const offset = roundTime(time);
    const programDateTime = date === undefined ? offset : roundTime(date);
    return { offset, programDateTime, tagName, tagAttributes: attributes };
  });
  const pods = byStartTime(breaks).map(buildPod);
  return { startTime: roundTime(startTime), endTime: roundTime(endTime), ...(signals && { scte35 }), pods };
}

function buildPod(entry: SidecarBreak): PodEntry {
  return {
    id: entry.breakId,
    startTime: roundTime(entry.startTime),
    duration: roundTime(entry.duration),
    ads: byStartTime(entry.ads).map(buildAd),
    trackingUrls: byStartTime(listPodUrls(entry)),
    ...(entry.skipped.length > 0 && { skipped: entry.skipped.map(buildSkip) }),
  };
}

function buildAd(ad: SidecarAd): AdEntry {
  const { adSystem: adSystems, clickThrough, clickTrackers } = ad;
  const clicks = clickThrough === undefined ? [] : [{ adSystems, event: "clickThrough", url: clickThrough }];
  return {
    id: ad.adId,
    startTime: roundTime(ad.startTime),
    duration: roundTime(ad.duration),
    companions: ad.companions.map((companion) => buildCompanion(companion, ad)),
    trackingUrls: byStartTime(listAdUrls(ad)),
    videoClicks: [...clicks, ...clickTrackers.map((url) => ({ adSystems, event: "clickTracking", url }))],
  };
}

/** A companion's URLs are due when it shows, which is not before the ad starts. */
function buildCompanion(companion: SidecarCompanion, { startTime, adSystem: adSystems }: SidecarAd): CompanionEntry {
  const { id, width, height, resourceType, mimeType, resource, clickThrough, trackers } = companion;
  const clicks = clickThrough === undefined ? [] : [{ event: "clickThrough", url: clickThrough }];
  const trackingUrls = [...trackers, ...clicks].map(({ event, url }) => {
    return { startTime: roundTime(startTime), adSystems, event, url };
  });
  return { id, width, height, resourceType, mimeType, url: resource, trackingUrls };
}

function buildSkip(skip: SidecarSkip): SkipEntry {
  const { adId, adSystem, creativeId, reason } = skip;
  return { adId, adSystem, creativeId, reason, vastError: vastErrorOf(skip) };
}

/** What is due by playing alone: a client requests every URL of the list when its time comes. */
function listAdUrls(ad: SidecarAd): readonly UrlEntry[] {
  return ad.trackers.flatMap((tracker) => {
    const startTime = trackerTime(ad, tracker);
    const event = AD_EVENT.get(tracker.event.toLowerCase()) ?? tracker.event;
    return startTime === undefined ? [] : [{ startTime, adSystems: ad.adSystem, event, url: tracker.url }];
  });
}

/** The ad system of a pod is that of its first ad; "" where it has none. */
function listPodUrls({ startTime, duration, ads, trackers }: SidecarBreak): readonly UrlEntry[] {
  const adSystems = ads[0]?.adSystem ?? "";
  return trackers.flatMap((tracker) => {
    const event = POD_EVENT.get(tracker.event.toLowerCase());
    const time = roundTime(event === "complete" ? startTime + duration : startTime);
    return event === undefined ? [] : [{ startTime: time, adSystems, event, url: tracker.url }];
  });
}
