/**
 * Answers that were asked for before the player came for them: each for one viewer and one request, handed out once, and not after a
 * minute, because ad servers count what they answered as opportunities of that time.
 */

/** Answers on their way, or waiting. */
export interface AskedAhead<Answer> {
  /** Begins to ask, unless that is done already or there is no room. */
  ask(key: string, answer: () => Promise<Answer>): void;
  /** The answer that was asked for, which is gone from here then; undefined: none was, or it came to nothing. */
  take(key: string): Promise<Answer | undefined>;
}

export interface AskedAheadBounds {
  readonly lifeMs: number;
  /** Answers that are kept; beyond, the oldest goes. */
  readonly max: number;
  /** Requests under way; beyond, nothing is asked. */
  readonly maxPending: number;
}

export const ASKED_AHEAD_BOUNDS: AskedAheadBounds = { lifeMs: 60_000, max: 500, maxPending: 50 };

/** @param now ms of a clock that never goes back */
export function createAskedAhead<Answer>(bounds: AskedAheadBounds, now: () => number): AskedAhead<Answer> {
  const kept = new Map<string, { readonly answer: Promise<Answer | undefined>; readonly until: number }>();
  let pending = 0;
  const dropOld = (): void => {
    for (const [key, { until }] of kept) {
      if (until > now() && kept.size < bounds.max) return;
      kept.delete(key);
    }
  };
  const begin = async (answer: () => Promise<Answer>): Promise<Answer | undefined> => {
    pending++;
    try {
      return await answer();
    } catch {
      // The player asks for itself then.
      return undefined;
    } finally {
      pending--;
    }
  };
  return {
    ask: (key, answer) => {
      dropOld();
      if (kept.has(key) || pending >= bounds.maxPending) return;
      kept.set(key, { answer: begin(answer), until: now() + bounds.lifeMs });
    },
    take: async (key) => {
      const found = kept.get(key);
      kept.delete(key);
      return found && found.until > now() ? found.answer : undefined;
    },
  };
}
