/** How long the ads of a break of VOD content may be waited for. */
import { type ContentFacts, selectLoadLimit } from "../content/content.ts";
import type { BreakEntry } from "./break-entry.ts";
import { type BreakTerms, LONG_MS, MARGIN_MS, selectWaitBudget, type StartBudgets } from "./wait-deadline.ts";

/** Segments that a viewer keeps ahead while loading pauses before an undecided break. */
const KEPT_SEGMENTS = 1.5;
/** Segments, and seconds at least, before its place in which a break can still be bound, where the player does not want more. */
const LAST_SEGMENTS = 0.75;
const LAST_SECONDS = 2.5;
/** Seconds from its decision to its binding, where the player says what it wants. */
const BINDING_SECONDS = 0.5;

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
  /** When the viewer came past a break, on the clock of `now`; undefined: he did not. */
  readonly passedAt: (entry: BreakEntry) => number | undefined;
  /** Seconds before its place in which the player takes a break where content is loaded; undefined: it does not say. */
  readonly lateNotice: () => number | undefined;
}

/** Of a break of VOD content. */
export function createVodTerms(entry: BreakEntry, clock: VodClock): Omit<BreakTerms, "onWait" | "onClosable"> {
  const isFirst = entry.planned.position === "pre";
  const isOfStart = (): boolean => isFirst || !clock.canBindLate();
  const timeToPlace = (): number => {
    const facts = clock.facts();
    // it has its place once the content is known
    const { time } = entry;
    return facts && time !== undefined ? selectLoadLimit(facts, time) - clock.viewed() : LONG_MS / 1000;
  };
  const leftOfStart = (): number => {
    const budget = isFirst ? selectWaitBudget(clock) : clock.startBudgetMs;
    return (clock.startedAt() ?? clock.now()) + budget - clock.now() - MARGIN_MS;
  };
  const leftOfContent = (kept: number): number => (timeToPlace() - kept) * 1000 - MARGIN_MS;
  // a seek over it is held for it so long
  const leftOfSeek = (): number | undefined => {
    const passedAt = timeToPlace() < 0 ? clock.passedAt(entry) : undefined;
    return passedAt === undefined ? undefined : passedAt + clock.startBudgetMs - clock.now() - MARGIN_MS;
  };
  const targetDuration = (): number => clock.facts()?.targetDuration ?? 0;
  const left = (): number =>
    isOfStart() ? leftOfStart() : (leftOfSeek() ?? leftOfContent(KEPT_SEGMENTS * targetDuration()));
  const leftAtMost = (): number => {
    const notice = (clock.lateNotice() ?? 0) + BINDING_SECONDS;
    const last = leftOfContent(Math.max(LAST_SECONDS, LAST_SEGMENTS * targetDuration(), notice));
    return isOfStart() ? leftOfStart() : Math.max(left(), last);
  };
  const unlessDecided = (ms: () => number) => (): number => (entry.status === "pending" ? ms() : 0);
  return {
    // what is decided at the start must be there as soon as what is played first
    timeToBreak: () => (isOfStart() ? 0 : timeToPlace()),
    left: unlessDecided(left),
    leftAtMost: unlessDecided(leftAtMost),
  };
}
