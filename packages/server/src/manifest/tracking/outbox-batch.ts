/** Many small writes at once: while one statement is under way what comes waits, and goes together with the next one. */

/** Adds one; its own result, or the error of the statement that it went with. */
export type Batch<Item, Result> = (item: Item) => Promise<Result>;

interface Entry<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** How many items may wait; the result of one more, at once, is `full`. */
export interface BatchBound<Result> {
  readonly waiting: number;
  readonly full: Result;
}

/**
 * @param run writes some, at most `max`; results in the order of the items
 * @param bound without it any number waits
 */
export function createBatch<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  max: number,
  bound?: BatchBound<Result>,
): Batch<Item, Result> {
  let waiting: Entry<Item, Result>[] = [];
  let isRunning = false;

  const runOne = async (): Promise<void> => {
    const entries = waiting.slice(0, max);
    waiting = waiting.slice(max);
    try {
      const results = await run(entries.map(({ item }) => item));
      for (const [index, { resolve, reject }] of entries.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error("expected one result for each item"));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of entries) reject(error);
    }
  };
  const runAll = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) await runOne();
    isRunning = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      if (bound && waiting.length >= bound.waiting) return resolve(bound.full);
      waiting.push({ item, resolve, reject });
      if (!isRunning) void runAll();
    });
}
