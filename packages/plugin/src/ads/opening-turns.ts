/**
 * Whose turn it is to be opened: so many at a time, what is due first before what is due later, as it is due when a turn comes free. Of
 * two that are due at once, whoever came first.
 */
export interface OpeningTurns {
  /**
   * @param dueIn seconds
   * @returns once its turn has come, what ends it
   * @throws the signal's reason, at once: then it has no turn
   */
  readonly take: (dueIn: () => number, signal: AbortSignal) => Promise<() => void>;
}

interface Waiting {
  readonly dueIn: () => number;
  readonly begin: () => void;
}

/** @param count of those that have a turn at once */
export function createOpeningTurns(count: number): OpeningTurns {
  const waiting = new Set<Waiting>();
  let free = count;
  const callNext = (): void => {
    const [first] = [...waiting].map((one) => ({ one, due: one.dueIn() })).toSorted((a, b) => a.due - b.due);
    if (free === 0 || !first) return;
    free -= 1;
    waiting.delete(first.one);
    first.one.begin();
  };
  const end = (): void => {
    free += 1;
    callNext();
  };
  return {
    take: (dueIn, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const leave = (): void => {
          waiting.delete(one);
          reject(signal.reason);
        };
        const one: Waiting = {
          dueIn,
          begin: () => {
            signal.removeEventListener("abort", leave);
            resolve(end);
          },
        };
        signal.addEventListener("abort", leave);
        waiting.add(one);
        callNext();
      }),
  };
}
