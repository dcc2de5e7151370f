/** Where things are on the bar under the picture. Pure: seconds in, shares of the bar out. */
import type { BreakSnapshot } from "@interlude/plugin/hls";

/** Seconds of the stream at the left and the right end of the bar. */
export interface Axis {
  readonly start: number;
  readonly end: number;
}

/** A break on the bar; `width` 0 is a pin. Both are shares from 0 to 1. */
export interface BreakMark {
  readonly breakId: string;
  readonly left: number;
  readonly width: number;
  readonly snapshot: BreakSnapshot;
}

/** The share of the bar where a time lies, from 0 to 1; 0 on an empty axis. */
export function locate(axis: Axis, time: number): number {
  const length = axis.end - axis.start;
  return length > 0 ? Math.min(1, Math.max(0, (time - axis.start) / length)) : 0;
}

/** The breaks that touch the axis, cut to it. */
export function placeMarks(axis: Axis, breaks: readonly BreakSnapshot[]): readonly BreakMark[] {
  return breaks
    .filter(({ startTime, duration }) => startTime + duration >= axis.start && startTime <= axis.end + 0.5)
    .map((snapshot) => {
      const left = locate(axis, snapshot.startTime);
      const right = locate(axis, snapshot.startTime + snapshot.duration);
      return { breakId: snapshot.breakId, left, width: right - left, snapshot };
    });
}

/** A mark's share of the bar as a CSS length. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}

const PLACE: Readonly<Record<BreakSnapshot["position"], string>> = {
  pre: "Before",
  mid: "At",
  post: "After",
  live: "Avail",
};

/** Where a break is, for a label: “Before”, “At 0:20”, “After”, “Avail”. */
export function formatPlace(snapshot: BreakSnapshot, contentTime: string): string {
  return snapshot.position === "mid" ? `${PLACE.mid} ${contentTime}` : PLACE[snapshot.position];
}
