/**
 * The sidecar, version 2: which ads are in the playlist, what each owes and when, and why others are not in it.
 *
 * @see docs/tracking.md
 */
import { type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { BreakSnapshot } from "@interlude/plugin/hls";
import { listOf, member, numberOf, textOf } from "../json.ts";

/** Times are seconds on the sidecar's own timeline; `event` by VAST's and VMAP's names. */
export interface SidecarUrl {
  readonly time: number;
  readonly event: string;
  readonly url: string;
}

export interface SidecarAd {
  readonly id: string;
  readonly startTime: number;
  readonly duration: number;
  readonly urls: readonly SidecarUrl[];
}

export interface SidecarPod {
  readonly id: string;
  readonly startTime: number;
  readonly duration: number;
  readonly ads: readonly SidecarAd[];
  readonly urls: readonly SidecarUrl[];
  /** Of the first ad that is not in the playlist. */
  readonly reason: SkipReason | undefined;
}

const AD_EVENT: Readonly<Record<string, string>> = { first: "firstQuartile", third: "thirdQuartile" };
const POD_EVENT: Readonly<Record<string, string>> = { start: "breakStart", complete: "breakEnd" };

/** The pods of a sidecar in their order; none for what is no sidecar. */
export function readSidecar(value: unknown): readonly SidecarPod[] {
  return listOf(value, "pods").map((pod) => ({
    id: textOf(pod, "id") ?? "",
    startTime: numberOf(pod, "startTime"),
    duration: numberOf(pod, "duration"),
    ads: listOf(pod, "ads").map(readAd),
    urls: readUrls(pod, POD_EVENT),
    reason: readReason(listOf(pod, "skipped")[0]),
  }));
}

function readAd(ad: unknown): SidecarAd {
  const [startTime, duration] = [numberOf(ad, "startTime"), numberOf(ad, "duration")];
  return { id: textOf(ad, "id") ?? "", startTime, duration, urls: readUrls(ad, AD_EVENT) };
}

function readUrls(owner: unknown, names: Readonly<Record<string, string>>): readonly SidecarUrl[] {
  return listOf(owner, "trackingUrls").map((entry) => {
    const event = textOf(entry, "event") ?? "";
    return { time: numberOf(entry, "startTime"), event: names[event] ?? event, url: textOf(entry, "url") ?? "" };
  });
}

function readReason(skipped: unknown): SkipReason | undefined {
  return parseReason(member(skipped, "reason"));
}

/** undefined for what is not one of the closed list. */
export function parseReason(value: unknown): SkipReason | undefined {
  return typeof value === "string" && isReason(value) ? value : undefined;
}

function isReason(value: string): value is SkipReason {
  return Object.hasOwn(VAST_ERROR_OF_SKIP, value);
}

/** A segment as the player has it: seconds of the element's timeline; `cc` counts discontinuities. */
export interface PlacedSegment {
  readonly start: number;
  readonly duration: number;
  readonly cc: number;
}

const SAME = 0.2;

/**
 * Where the sidecar's second 0 is on the player's timeline: the start of the listed playlist. Between playlist and sidecar a live
 * window may have moved on by a segment or two, which shows by breaks that then begin at no discontinuity.
 */
export function locateSidecar(pods: readonly SidecarPod[], segments: readonly PlacedSegment[]): number {
  const first = segments[0];
  if (!first) return 0;
  const edges = segments.flatMap(({ start, cc }, index) => (segments[index - 1]?.cc === cc ? [] : [start]));
  const inner = edges.slice(1);
  const spliced = pods.filter(({ ads }) => ads.length > 0);
  const isEdge = (time: number): boolean => inner.some((edge) => Math.abs(edge - time) < SAME);
  const isRight = (origin: number): boolean =>
    spliced.some(({ startTime, duration }) => isEdge(origin + startTime) || isEdge(origin + startTime + duration));
  const origin = segments.slice(0, 4).find(({ start }) => isRight(start));
  return (origin ?? first).start;
}

/** Pods with all their times moved by `seconds`. */
export function movePods(pods: readonly SidecarPod[], seconds: number): readonly SidecarPod[] {
  const moveUrls = (urls: readonly SidecarUrl[]): readonly SidecarUrl[] =>
    urls.map((entry) => ({ ...entry, time: entry.time + seconds }));
  return pods.map((pod) => ({
    ...pod,
    startTime: pod.startTime + seconds,
    urls: moveUrls(pod.urls),
    ads: pod.ads.map((ad) => ({ ...ad, startTime: ad.startTime + seconds, urls: moveUrls(ad.urls) })),
  }));
}

/**
 * The breaks as the timeline shows them. The sidecar has no titles: an ad is named by its id.
 *
 * @param end seconds of a VOD's stitched timeline; undefined: live
 */
export function listBreaks(pods: readonly SidecarPod[], end: number | undefined): readonly BreakSnapshot[] {
  let ads = 0;
  return pods.map((pod): BreakSnapshot => {
    const contentTime = pod.startTime - ads;
    ads += pod.duration;
    const isPlaced = pod.ads.length > 0;
    return {
      breakId: pod.id,
      position: selectPosition(pod, end),
      state: isPlaced ? "placed" : "skipped",
      reason: isPlaced ? undefined : (pod.reason ?? "no-ads"),
      contentTime,
      startTime: pod.startTime,
      duration: pod.duration,
      ads: pod.ads.map(({ id: adId, startTime, duration }, index) => {
        return { adId, index, title: adId, creativeId: undefined, clickThrough: undefined, startTime, duration };
      }),
      watched: false,
    };
  });
}

function selectPosition(pod: SidecarPod, end: number | undefined): BreakSnapshot["position"] {
  if (pod.id === "preroll") return "pre";
  if (end === undefined) return "live";
  if (pod.startTime < SAME) return "pre";
  return pod.startTime + pod.duration > end - SAME ? "post" : "mid";
}
