/**
 * The breaks as the policies see them, where the player has them.
 */
import type { PlacedAd, PlacedBreak } from "@interlude/core";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Span, Spot } from "./seeking.ts";
import type { Watched } from "./watched.ts";

/** Seconds of stream time: of the player's timeline, or as a playlist lists them. */
export interface Places {
  readonly startOf: (placed: PlacedAd | PlacedBreak) => number;
  readonly endOf: (placed: PlacedAd | PlacedBreak) => number;
}

export interface SpotFacts {
  readonly entries: () => readonly BreakEntry[];
  readonly watched: Watched;
  readonly isLive: () => boolean;
}

/** In order of their start. */
export function describeSpots(
  placed: readonly PlacedBreak[],
  { startOf, endOf }: Places,
  { entries, watched, isLive }: SpotFacts,
): readonly Spot[] {
  const positions = new Map(entries().map(({ planned }) => [planned.breakId, planned.position]));
  // content that was only taken out is no break
  const spots = placed
    .filter(({ ads }) => ads.length > 0)
    .map((item): Spot => {
      const { breakId, contentTime } = item;
      const [start, end] = [startOf(item), endOf(item)];
      return {
        breakId,
        position: positions.get(breakId) ?? (isLive() ? "live" : "mid"),
        isLive: isLive(),
        contentTime,
        duration: end - start,
        adCount: item.ads.length,
        watched: watched.has(breakId),
        sinceLastBreak: watched.sinceLastBreak(),
        start,
        end,
        replaced: item.replaced,
        ads: item.ads.map((ad) => ({ start: startOf(ad), end: endOf(ad) })),
      };
    });
  return spots.toSorted((a, b) => a.start - b.start);
}

/** Breaks, and content that was taken out, in order of their start. */
export function describeSpans(placed: readonly PlacedBreak[], { startOf, endOf }: Places): readonly Span[] {
  const spans = placed.map((item) => ({ start: startOf(item), end: endOf(item), replaced: item.replaced }));
  return spans.toSorted((a, b) => a.start - b.start);
}

/** As the playlist lists them, before a player has any of it. */
export const LISTED: Places = {
  startOf: ({ startTime }) => startTime,
  endOf: ({ startTime, duration }) => startTime + duration,
};
