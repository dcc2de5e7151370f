/**
 * Which beacons the delivery of one ad segment owes: those whose time falls into it, and those of the break at its two ends.
 *
 * @see primetime.md §2.1 (sstm), §2.8
 */
import { type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { BreakDecision, DecidedAd } from "../breaks/decision.ts";

/** What part of a break a segment is. Seconds from the start of the ad. */
export interface SegmentSpan {
  /** Place in the decision's ads. */
  readonly adIndex: number;
  readonly startTime: number;
  readonly duration: number;
  readonly isLastOfAd: boolean;
  readonly isFirstOfBreak: boolean;
  readonly isLastOfBreak: boolean;
}

/** A request that is owed once. */
export interface DueBeacon {
  /** The same for every rendition of the ad; another for each of several equal URLs. */
  readonly key: string;
  readonly event: string;
  /** Macros unexpanded. */
  readonly url: string;
  /** undefined: of the break. */
  readonly ad: DecidedAd | undefined;
  /** Seconds from the start of the ad; undefined: of the break. */
  readonly time: number | undefined;
  /** For [ERRORCODE], of an ad that was skipped. */
  readonly vastError?: number;
  /** For [INTERLUDE_REASON], of an ad that was skipped. */
  readonly reason?: SkipReason;
}

/**
 * Renditions differ by milliseconds in where their segments start. Who changes from one to the other at a boundary would lose a
 * beacon that is due right there.
 */
const OVERLAP = 0.1;

/**
 * In the order in which they are reported; empty where the decision has no such ad. What is due at or beyond the end of the media
 * belongs to the last segment.
 */
export function selectDue(decision: BreakDecision, span: SegmentSpan): readonly DueBeacon[] {
  const ad = decision.ads[span.adIndex];
  if (!ad) return [];
  const from = span.startTime === 0 ? 0 : span.startTime - OVERLAP;
  const to = span.isLastOfAd ? Number.POSITIVE_INFINITY : span.startTime + span.duration;
  const due = ad.trackers.flatMap(({ event, url, time: planned }, index) => {
    const time = event.toLowerCase() === "complete" && planned !== undefined ? Math.max(planned, ad.duration) : planned;
    if (time === undefined || time < from || time >= to) return [];
    return [{ key: JSON.stringify([decision.breakId, span.adIndex, index]), event, url, ad, time }];
  });
  return [
    ...(span.isFirstOfBreak ? selectOfBreak(decision, "breakstart") : []),
    ...due.toSorted((a, b) => a.time - b.time),
    ...(span.isLastOfBreak ? selectOfBreak(decision, "breakend") : []),
  ];
}

function selectOfBreak({ breakId, trackers }: BreakDecision, wanted: string): readonly DueBeacon[] {
  return trackers.flatMap(({ event, url }, index) => {
    const key = JSON.stringify([breakId, index]);
    return event.toLowerCase() === wanted ? [{ key, event, url, ad: undefined, time: undefined }] : [];
  });
}

/** With the decision; when the playlist did not take an ad of it; when an answer came to a break that had been given up. */
export type SkipMoment = "decided" | "refused" | "late";

/** What the ads that were answered and are not in the playlist owe; nothing where leaving them out was no error. */
export function selectSkipped({ breakId, skipped }: BreakDecision, when: SkipMoment): readonly DueBeacon[] {
  return skipped.flatMap(({ adId = "", reason, errors = [], place }, skip) => {
    const vastError = VAST_ERROR_OF_SKIP[reason];
    if (vastError === undefined) return [];
    return errors.map((url, index) => {
      const key = JSON.stringify([breakId, "skipped", when, adId, place ?? skip, index]);
      return { key, event: "error", url, ad: undefined, time: undefined, vastError, reason };
    });
  });
}

/** The place of a spliced ad among those decided, also where others of the pod were left out on the way; -1: none. */
export function findAd({ ads }: BreakDecision, adId: string, index: number): number {
  return ads[index]?.adId === adId ? index : ads.findIndex((ad) => ad.adId === adId);
}
