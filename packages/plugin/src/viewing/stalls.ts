/**
 * A picture that stands still although its media is there: nudged, and in an ad, where that does not help, left.
 */
import type { Stall } from "./frames.ts";
import type { Playback } from "./playback.ts";
import { EDGE } from "./seeking.ts";
import type { AdSpan, Timeline } from "./timeline.ts";

export interface StallDeps extends Pick<Playback, "current"> {
  readonly timeline: Pick<Timeline, "endOf">;
  /** The ad cannot be shown: it is told as left out, to its error URLs too. */
  readonly onBroken: (span: AdSpan) => void;
}

/** @returns where the playhead goes; undefined: it stays, and in content nothing more can be done */
export function answerStall({ target }: Stall, deps: StallDeps): number | undefined {
  const span = deps.current();
  if (target !== undefined || !span) return target;
  deps.onBroken(span);
  return deps.timeline.endOf(span.placed) + EDGE;
}
