/**
 * The breaks of a VMAP as the manifest server places them.
 *
 * @see VMAP 1.0.1 §2.3.1
 */
import type { AdBreak, BreakOffset, VmapDocument } from "@interlude/core";
import type { BreakPosition, DecidedTracker } from "../breaks/decision.ts";

/** Where a break of a VMAP belongs. */
export interface BreakSlot {
  readonly breakId: string;
  readonly position: BreakPosition;
  /** Seconds of content or a share of it; undefined: at avail `availNumber` (from 1) of the content, where it has so many. */
  readonly time: number | { readonly share: number } | "end" | undefined;
  readonly availNumber: number | undefined;
  /** Seconds between repetitions; undefined: it comes once. */
  readonly repeatAfter: number | undefined;
}

export interface VmapBreak {
  readonly slot: BreakSlot;
  readonly source: AdBreak["source"];
  readonly trackers: readonly DecidedTracker[];
}

/** Breaks of one asset. */
const MAX_BREAKS = 60;

/** The linear breaks, in document order; of a very long list the first ones. */
export function readBreaks({ breaks }: VmapDocument): readonly VmapBreak[] {
  return breaks
    .filter((adBreak) => adBreak.breakTypes.includes("linear"))
    .slice(0, MAX_BREAKS)
    .map((adBreak) => ({ slot: readSlot(adBreak), source: adBreak.source, trackers: readTrackers(adBreak) }));
}

/** The break for one avail: that of its id, else the first of its position, else the first; undefined: there is none. */
export function selectBreak(
  breaks: readonly VmapBreak[],
  wanted: { readonly breakId: string; readonly position: BreakPosition },
): VmapBreak | undefined {
  return (
    breaks.find(({ slot }) => slot.breakId === wanted.breakId) ??
    breaks.find(({ slot }) => slot.position === wanted.position) ??
    breaks[0]
  );
}

function readSlot({ breakId, timeOffset, repeatAfter }: AdBreak): BreakSlot {
  const time = readTime(timeOffset);
  const availNumber = typeof timeOffset === "object" && "position" in timeOffset ? timeOffset.position : undefined;
  return { breakId, position: selectPosition(time), time, availNumber, repeatAfter };
}

function readTime(offset: BreakOffset): BreakSlot["time"] {
  if (offset === "start") return 0;
  if (offset === "end") return "end";
  if ("position" in offset) return undefined;
  if ("seconds" in offset) return offset.seconds;
  return offset.share >= 1 ? "end" : offset;
}

function selectPosition(time: BreakSlot["time"]): BreakPosition {
  if (time === "end") return "post";
  return time === 0 || (typeof time === "object" && time.share === 0) ? "pre" : "mid";
}

function readTrackers({ breakStart, breakEnd, errors }: AdBreak): readonly DecidedTracker[] {
  return [
    ...breakStart.map((url) => ({ event: "breakStart", url, time: 0 })),
    ...breakEnd.map((url) => ({ event: "breakEnd", url, time: undefined })),
    ...errors.map((url) => ({ event: "error", url, time: undefined })),
  ];
}
