/**
 * EXT-X-MARKER on the segments of a break: the pod's begin, each ad's begin, the pod's end.
 *
 * @see primetime.md §2.7
 */
import {
  type AdSegmentPlace,
  formatAdFragment,
  formatMarker,
  formatPodFragment,
  type Marker,
  sortMarkers,
} from "@interlude/core";
import { createBreakCache } from "./break-cache.ts";
import type { BreakDecision } from "../breaks/decision.ts";
import { findAd } from "./schedule.ts";

/** The tags of all sessions. */
export interface MarkerTags {
  /** Gives the segments of a break their tags: whole lines in order, the same for the same place; empty in the middle of an ad. */
  readonly open: (sessionId: string, decision: BreakDecision) => TagWriter;
}

/** Answers the same for the same place. */
export type TagWriter = (place: AdSegmentPlace) => readonly string[];

const NONE: readonly string[] = [];
const MAX_CHARACTERS = 64_000_000;

/** @param options.maxCharacters of all tags that are remembered; default 64 million, which are 64 MB */
export function createMarkerTags(options: { readonly maxCharacters?: number } = {}): MarkerTags {
  const cache = createBreakCache<Map<string, readonly string[]>>(options.maxCharacters ?? MAX_CHARACTERS);
  return {
    open: (sessionId, decision) => {
      const entry = cache.open(sessionId, decision.breakId, () => new Map<string, readonly string[]>());
      return (place) => {
        if (place.index > 0 && !place.isLastOfBreak) return NONE;
        const key = `${place.adIndex} ${place.index} ${place.duration}`;
        const known = entry.value.get(key);
        if (known) return known;
        const tags = sortMarkers(listMarkers(decision, place)).map(formatMarker);
        entry.value.set(key, tags);
        entry.grow(tags.reduce((total, tag) => total + tag.length, 0));
        return tags;
      };
    },
  };
}

function listMarkers(decision: BreakDecision, place: AdSegmentPlace): readonly Marker[] {
  const { breakId, position, ads } = decision;
  const isPreRoll = position === "pre" && decision.place.kind === "live";
  const markers: Marker[] = [];
  if (place.isFirstOfBreak) {
    const duration = ads.reduce((total, ad) => total + ad.duration, 0);
    const type = isPreRoll ? "PrerollPodBegin" : "PodBegin";
    const counts = { count: ads.length, breakDuration: duration };
    markers.push({ id: `${breakId}-begin`, type, duration, data: formatPodFragment(decision), ...counts });
  }
  const index = findAd(decision, place.adId, place.adIndex);
  const ad = ads[index];
  if (place.index === 0 && ad) {
    const data = formatAdFragment({ ...ad, startTime: 0 });
    markers.push({ id: `${breakId}-ad-${index}`, type: "AdBegin", duration: ad.duration, data });
  }
  if (place.isLastOfBreak) {
    const type = isPreRoll ? "PrerollPodEnd" : "PodEnd";
    const data = formatPodFragment(decision);
    markers.push({ id: `${breakId}-end`, type, duration: 0, offset: place.duration, data });
  }
  return markers;
}
