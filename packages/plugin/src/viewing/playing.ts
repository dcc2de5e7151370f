/**
 * The ad on screen: what it is, where it begins and what it owes.
 */
import { type ScheduledBeacon, scheduleBeacons } from "@interlude/core";
import type { BeaconSubject } from "./beacons.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { AdEvent, BreakEvent } from "../events.ts";
import type { ReadyAd } from "../insertion.ts";
import type { AdSpan, Timeline } from "./timeline.ts";

export interface Playing {
  readonly span: AdSpan;
  readonly entry: BreakEntry;
  readonly ready: ReadyAd;
  readonly startTime: number;
  readonly event: AdEvent;
  readonly beacons: readonly ScheduledBeacon[];
  /** Seconds into the ad up to which it was played. */
  time: number;
  progressAt: number;
  isPaused: boolean;
  /** It is over, and told to be. */
  isLeft: boolean;
  /** Each ad of its break up to it was played to its end, or may still be. */
  isWhole: boolean;
}

/** Undefined where nobody knows the ad. */
export function startAd(span: AdSpan, entries: readonly BreakEntry[], timeline: Timeline): Playing | undefined {
  const { breakId, duration } = span.placed;
  const index = Number(span.placed.adId);
  const entry = entries.find(({ planned }) => planned.breakId === breakId);
  const ready = entry?.ads[index];
  if (!entry || !ready) return undefined;
  const { ad, creative } = ready;
  const event: AdEvent = {
    breakId,
    adId: ad.id ?? `ad-${index + 1}`,
    index,
    adCount: span.placedBreak.ads.length,
    title: ad.title,
    creativeId: creative.id,
    clickThrough: creative.clickThrough,
    duration,
  };
  const startTime = timeline.startOf(span.placed);
  const beacons = ready.schedule?.(duration) ?? scheduleBeacons(ad, creative, duration);
  const told = { time: 0, progressAt: 0, isPaused: false, isLeft: false, isWhole: true };
  return { span, entry, ready, startTime, event, beacons, ...told };
}

/** @param contentTime seconds of content at the playhead */
export function describeSubject({ event, ready, entry }: Playing, contentTime: number): BeaconSubject {
  return {
    breakId: event.breakId,
    position: entry.planned.position,
    adId: ready.ad.id,
    ad: ready.ad,
    creative: ready.creative,
    index: event.index,
    adCount: event.adCount,
    mediaUrl: ready.mediaUrl,
    encounter: ready.encounter,
    contentTime,
  };
}

/** As {@link describeSubject}, of its break. */
export function describeBreakSubject(playing: Playing, contentTime: number): BeaconSubject {
  return { ...describeSubject(playing, contentTime), ...NO_AD };
}

const NO_AD = { ad: undefined, adId: undefined, creative: undefined, index: undefined, mediaUrl: undefined } as const;

export function describeBreak({ span: { placedBreak }, entry }: Playing, timeline: Timeline): BreakEvent {
  return {
    breakId: placedBreak.breakId,
    position: entry.planned.position,
    startTime: timeline.startOf(placedBreak),
    duration: placedBreak.duration,
    adCount: placedBreak.ads.length,
  };
}
