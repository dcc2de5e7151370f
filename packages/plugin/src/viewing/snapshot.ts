/**
 * The breaks as a page draws them.
 */
import type { AdSnapshot, BreakSnapshot } from "../events.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import { toStreamTime } from "./content-time.ts";
import type { Span } from "./seeking.ts";
import { describeSpans } from "./spots.ts";
import type { Timeline } from "./timeline.ts";

/**
 * In order of their content time; a break whose place is not known yet is left out.
 *
 * @param contentDuration seconds, where a post-roll stands
 */
export function describeBreaks(
  entries: readonly BreakEntry[],
  timeline: Timeline,
  contentDuration: number | undefined,
  isWatched: (breakId: string) => boolean,
): readonly BreakSnapshot[] {
  const spans = describeSpans(timeline.breaks(), timeline);
  return entries
    .flatMap((entry) => describeEntry(entry, timeline, spans, contentDuration, isWatched(entry.planned.breakId)) ?? [])
    .toSorted((a, b) => a.contentTime - b.contentTime);
}

function describeEntry(
  entry: BreakEntry,
  timeline: Timeline,
  spans: readonly Span[],
  contentDuration: number | undefined,
  watched: boolean,
): BreakSnapshot | undefined {
  const { breakId, position } = entry.planned;
  const placed = timeline.breaks().find((item) => item.breakId === breakId);
  const known = { breakId, position, reason: entry.reason, watched } as const;
  if (!placed || entry.status !== "placed") {
    const contentTime = entry.time === "end" ? contentDuration : entry.time;
    if (contentTime === undefined) return undefined;
    const state = entry.status === "skipped" ? "skipped" : "pending";
    return { ...known, state, contentTime, startTime: toStreamTime(contentTime, spans), duration: 0, ads: [] };
  }
  const ads = placed.ads.flatMap((ad): readonly AdSnapshot[] => {
    const index = Number(ad.adId);
    const ready = entry.ads[index];
    if (!ready) return [];
    return [
      {
        adId: ready.ad.id ?? `ad-${index + 1}`,
        index,
        title: ready.ad.title,
        creativeId: ready.creative.id,
        clickThrough: ready.creative.clickThrough,
        startTime: timeline.startOf(ad),
        duration: ad.duration,
      },
    ];
  });
  const { contentTime, duration } = placed;
  return { ...known, state: "placed", contentTime, startTime: timeline.startOf(placed), duration, ads };
}
