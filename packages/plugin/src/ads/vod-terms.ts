/** How long the ads of a break of VOD content may be waited for. */
import { type ContentFacts, selectLoadLimit } from "../content/content.ts";
import type { BreakEntry } from "./break-entry.ts";
import { type BreakTerms, LONG_MS, MARGIN_MS, selectWaitBudget, type StartBudgets } from "./wait-deadline.ts";

/** Segments that a viewer keeps ahead while loading pauses before an undecided break. */
const KEPT_SEGMENTS = 1.5;
/** Segments, and seconds at least, before its place in which a break can still be bound: more than hls.js's notice. */
const LAST_SEGMENTS = 0.75;
const LAST_SECONDS = 2.5;

export interface VodClock extends StartBudgets {
  /** Not known before the first playlist. */
  readonly canBindLate: () => boolean;
  /** Milliseconds. */
  readonly now: () => number;
  /** When the first media playlist came; undefined: it has not yet. */
  readonly startedAt: () => number | undefined;
  readonly facts: () => ContentFacts | undefined;
  /** Seconds of content. */
  readonly viewed: () => number;
}

/** Of a break of VOD content. */
export function createVodTerms(entry: BreakEntry, clock: VodClock): Omit<BreakTerms, "onWait" | "onClosable"> {
  const isFirst = entry.planned.position === "pre";
  const timeToBreak = (): number => {
    const facts = clock.facts();
    // it has its place once the content is known
    const { time } = entry;
    if (isFirst) return 0;
    return facts && time !== undefined ? selectLoadLimit(facts, time) - clock.viewed() : LONG_MS / 1000;
  };
  const leftOfStart = (): number => {
    const budget = isFirst ? selectWaitBudget(clock) : clock.startBudgetMs;
    return (clock.startedAt() ?? clock.now()) + budget - clock.now() - MARGIN_MS;
  };
  const leftOfContent = (segments: number, least: number): number => {
    const kept = Math.max(least, segments * (clock.facts()?.targetDuration ?? 0));
    return (timeToBreak() - kept) * 1000 - MARGIN_MS;
  };
  const isOfStart = (): boolean => isFirst || !clock.canBindLate();
  const left = (): number => (isOfStart() ? leftOfStart() : leftOfContent(KEPT_SEGMENTS, 0));
  return {
    timeToBreak,
    left,
    leftAtMost: () => (isOfStart() ? leftOfStart() : Math.max(left(), leftOfContent(LAST_SEGMENTS, LAST_SECONDS))),
  };
}
