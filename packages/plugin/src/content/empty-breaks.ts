/**
 * VOD breaks that nothing came of: they start and complete in one moment when the viewer plays over them, not when he seeks.
 *
 * @see primetime.md §4.5 (zero-length breaks)
 */
import type { BreakEntry } from "../ads/break-entry.ts";
import type { BreakEvent, Emit } from "../events.ts";

/** Seconds between two looks at the playhead, beyond which it was moved. */
const MAX_STEP = 1.5;

/** @param toStreamTime of a content time */
export function createEmptyBreaks(
  entries: () => readonly BreakEntry[],
  toStreamTime: (contentTime: number) => number,
  emit: Emit,
): (contentTime: number) => void {
  let last: number | undefined;
  return (contentTime) => {
    // a pre-roll stands at the very start
    const from = last ?? -MAX_STEP / 2;
    last = contentTime;
    if (contentTime - from >= MAX_STEP) return;
    for (const { status, reason, time, planned } of entries()) {
      if (status !== "skipped" || reason === "policy" || typeof time !== "number") continue;
      if (time <= from || time > contentTime) continue;
      const { breakId, position } = planned;
      const event: BreakEvent = { breakId, position, startTime: toStreamTime(time), duration: 0, adCount: 0 };
      emit("adbreakstart", event);
      emit("adbreakcomplete", { ...event, watched: true });
    }
  };
}
