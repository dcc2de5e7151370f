/**
 * Ranges of the content that the page names: told when the viewer gets there, or given way to breaks.
 *
 * @see primetime.md §4.9 (mark, delete, replace)
 */
import type { AdServer } from "../ads/ad-server.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import type { Emit, RangeEvent } from "../events.ts";
import type { TimeRange } from "../opportunity-options.ts";

/** One break for each range, none where its replacement lasts 0 s. The content itself is taken out apart from it. */
export function planReplacements(
  ranges: readonly TimeRange[],
  planAvail: AdServer["planAvail"],
): readonly PlannedBreak[] {
  return ranges.flatMap(({ begin, replacementDuration }, index) => {
    if (replacementDuration === 0) return [];
    const order = {
      breakId: `range-${index + 1}`,
      position: begin === 0 ? "pre" : "mid",
      timeOffset: { seconds: begin },
      maxDuration: replacementDuration,
    } as const;
    return planAvail(order) ?? [];
  });
}

/** Tells of each range that the viewer enters and leaves; one that a seek jumps over is not told. */
export function createMarks(ranges: readonly TimeRange[], emit: Emit): (contentTime: number) => void {
  let current: RangeEvent | undefined;
  return (contentTime) => {
    const index = ranges.findIndex(({ begin, end }) => contentTime >= begin && contentTime < end);
    if (index === (current?.index ?? -1)) return;
    if (current) emit("rangeend", current);
    const range = ranges[index];
    current = range && { index, begin: range.begin, end: range.end };
    if (current) emit("rangestart", current);
  };
}
