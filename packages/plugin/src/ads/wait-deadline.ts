/**
 * How long a break may wait for its ads at their first encounter, so that nothing else waits for them.
 *
 *   pre-roll                      the start budget, or the wait budget where that is longer, from the first media playlist on
 *   mid- and post-roll            until the viewer has one and a half segments left before its place
 *   in a player that asks once    the start budget
 *   live                          until its avail is given up
 *
 * Each ends a little before the break itself has to be decided: an ad that waits must not cost the other ads of its pod.
 *
 * @see DESIGN §4 step 4, §6
 */
import { sleep } from "../sleep.ts";

/** What a break grants its ads. */
export interface BreakTerms {
  /** Milliseconds for which an ad may still be waited for, 0 or less: none. Asked anew, since the viewer gets on. */
  readonly left: () => number;
  /** The same for one that needs nobody else, and is made while the viewer has less ahead. */
  readonly leftAtMost: () => number;
  /** Seconds until its first frame is due, as far as is known; 0 for what the viewer begins with. */
  readonly timeToBreak: () => number;
  /** One of its ads is waited for until this settles; it must not reject. */
  readonly onWait: (until: Promise<unknown>) => void;
  /** @param close decides it with the ads that are ready: false where none is, and it goes on */
  readonly onClosable: (close: () => boolean) => void;
}

/** Milliseconds between the end of a wait and the decision of its break. */
export const MARGIN_MS = 150;
/** Where the end is not known yet. */
export const LONG_MS = 10_000;
/** What is waited for. */
export interface Waits {
  /** Settles when something of it is not waited for any more; undefined: nothing is. */
  readonly next: () => Promise<unknown> | undefined;
  readonly add: (until: Promise<unknown>) => void;
}

export function createWaits(): Waits {
  const open = new Set<Promise<unknown>>();
  return {
    next: () => (open.size > 0 ? Promise.race(open) : undefined),
    add: (until) => {
      open.add(until);
      void until.then(() => open.delete(until));
    },
  };
}

/** A break that may have to be decided before all of its ads are there. */
export interface Closing extends Pick<BreakTerms, "onClosable"> {
  /** False: no ad is ready. */
  readonly close: () => boolean;
}

export function createClosing(): Closing {
  let close = (): boolean => false;
  return {
    close: () => close(),
    onClosable: (given) => {
      close = given;
    },
  };
}

export interface StartBudgets {
  readonly startBudgetMs: number;
  readonly waitBudgetMs: number;
  /** Aborted when nobody waits any more. */
  readonly ended: AbortSignal;
}

/** The longer of the two. */
export function selectWaitBudget({ startBudgetMs, waitBudgetMs }: StartBudgets): number {
  return Math.max(startBudgetMs, waitBudgetMs);
}

/** The breaks that the start waits for. */
export interface AwaitedBreaks {
  /** Never rejects. */
  readonly decided: Promise<unknown>;
  readonly nextWait: Waits["next"];
  /** Has those that are not decided yet decided with the ads that are ready; settles in the same turn, and never rejects. */
  readonly close: () => Promise<void>;
}

/**
 * Until all is decided or the start budget is up; up to the wait budget only while one of the ads is waited for.
 *
 * @param budget of the start, begun before
 */
export async function waitForStartOf(
  awaited: AwaitedBreaks,
  budget: Promise<void>,
  budgets: StartBudgets,
): Promise<void> {
  await waitForDecisions(awaited, budget, budgets);
  await awaited.close();
}

async function waitForDecisions(
  { decided, nextWait }: AwaitedBreaks,
  budget: Promise<void>,
  budgets: StartBudgets,
): Promise<void> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  const all = decided.then(over);
  await Promise.race([all, budget]);
  if (state.isOver || !nextWait()) return;
  const limit = sleep(selectWaitBudget(budgets) - budgets.startBudgetMs, budgets.ended).then(over);
  for (let wait = nextWait(); wait && !state.isOver; wait = nextWait()) await Promise.race([all, wait, limit]);
}

/** How often it is looked whether there is still time: the viewer may get on in leaps. */
export const LOOK_MS = 250;

/** @returns undefined where there is no more time @throws what the promise throws in its time */
export async function withinTime<Value>(
  promise: Promise<Value>,
  left: () => number,
  ended: AbortSignal,
): Promise<Value | undefined> {
  const state = { isSettled: false };
  const settled = promise.finally(() => {
    state.isSettled = true;
  });
  // one that fails later fails for nobody
  settled.catch(() => undefined);
  // what is settled already counts, also where no time is left
  do await Promise.race([settled, sleep(Math.min(LOOK_MS, Math.max(0, left())), ended)]);
  while (!state.isSettled && left() > 0 && !ended.aborted);
  return state.isSettled ? settled : undefined;
}
