/**
 * Answers that were asked for before the player came for them: each for one viewer and one request, handed out once, and not after a
 * minute, because ad servers count what they answered as opportunities of that time.
 */

/** Answers on their way, or waiting. */
export interface AskedAhead<Answer> {
  /** Begins to ask, unless that is done already or there is no room; an answer that is undefined is none. */
  ask(of: AheadRequest, answer: () => Promise<Answer | undefined>): void;
  /** The answer that was asked for, which is gone from here then; undefined: none was, or it came to nothing. */
  take(key: string): Promise<Answer | undefined>;
  /** Of the answers that wait. */
  weight(): number;
}

export interface AheadRequest {
  readonly key: string;
  /** Who makes this server ask: shares are counted by it. */
  readonly owner: string;
}

export interface AskedAheadBounds {
  readonly lifeMs: number;
  /** Answers that are kept; beyond, the oldest goes. */
  readonly max: number;
  /** Of all that are kept; beyond, the oldest goes, and what is heavier alone is not kept. */
  readonly maxWeight: number;
  /** Of one owner, those under way too; beyond, nothing is asked. */
  readonly maxPerOwner: number;
  /** Requests under way; beyond, nothing is asked. */
  readonly maxPending: number;
  /** The same, of one owner: one whose ad servers are slow leaves room for others. */
  readonly maxPendingPerOwner: number;
}

export interface AskedAheadDeps<Answer> {
  /** ms of a clock that never goes back */
  readonly now: () => number;
  readonly weigh: (answer: Answer) => number;
  /** A request failed: the player asks for itself then. */
  readonly onError: (error: unknown) => void;
  /** Runs something once, and keeps no process alive for it. */
  readonly after: (ms: number, run: () => void) => void;
}

/** Weight in characters. */
export const ASKED_AHEAD_BOUNDS: AskedAheadBounds = {
  lifeMs: 60_000,
  max: 500,
  maxWeight: 50_000_000,
  maxPerOwner: 50,
  maxPending: 50,
  maxPendingPerOwner: 10,
};

export function createAskedAhead<Answer>(bounds: AskedAheadBounds, deps: AskedAheadDeps<Answer>): AskedAhead<Answer> {
  const shelf = createShelf<Answer>(bounds, deps);
  /** Owners, one for each request under way. */
  const pending: string[] = [];
  const begin = async (owner: string, ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> => {
    pending.push(owner);
    try {
      return await ask();
    } catch (error) {
      deps.onError(error);
      return undefined;
    } finally {
      pending.splice(pending.indexOf(owner), 1);
    }
  };
  const settle = async (key: string, coming: Kept<Answer>["answer"]): Promise<void> => {
    const answer = await coming;
    shelf.settle(key, coming, answer === undefined ? undefined : deps.weigh(answer));
  };
  return {
    ask: ({ key, owner }, answer) => {
      if (pending.length >= bounds.maxPending || !shelf.hasRoom(key, owner)) return;
      if (pending.filter((one) => one === owner).length >= bounds.maxPendingPerOwner) return;
      const coming = begin(owner, answer);
      shelf.put(key, { answer: coming, owner, until: deps.now() + bounds.lifeMs, weight: 0 });
      void settle(key, coming);
    },
    take: async (key) => shelf.take(key),
    weight: shelf.weight,
  };
}

interface Kept<Answer> {
  readonly answer: Promise<Answer | undefined>;
  readonly owner: string;
  readonly until: number;
  /** 0 while the answer is on its way. */
  readonly weight: number;
}

interface Shelf<Answer> {
  /** Nothing is there under that key, and the owner has not had its share. */
  hasRoom(key: string, owner: string): boolean;
  put(key: string, entry: Kept<Answer>): void;
  /** @param weight undefined: it came to nothing */
  settle(key: string, answer: Kept<Answer>["answer"], weight: number | undefined): void;
  take(key: string): Kept<Answer>["answer"] | undefined;
  weight(): number;
}

function createShelf<Answer>(
  { max, maxWeight, maxPerOwner }: AskedAheadBounds,
  { now, after }: Pick<AskedAheadDeps<Answer>, "now" | "after">,
): Shelf<Answer> {
  // The oldest first: what is on its way, or there, keeps its place.
  const kept = new Map<string, Kept<Answer>>();
  let isTimed = false;
  const weight = (): number => [...kept.values()].reduce((sum, one) => sum + one.weight, 0);
  const dropOld = (isFull: () => boolean): void => {
    for (const [key, { until }] of kept) {
      if (until > now() && !isFull()) return;
      kept.delete(key);
    }
  };
  const timeOldest = (): void => {
    const [oldest] = kept.values();
    if (isTimed || !oldest) return;
    isTimed = true;
    after(Math.max(1, oldest.until - now()), () => {
      isTimed = false;
      dropOld(() => false);
      timeOldest();
    });
  };
  return {
    hasRoom: (key, owner) => {
      dropOld(() => false);
      return !kept.has(key) && [...kept.values()].filter((one) => one.owner === owner).length < maxPerOwner;
    },
    put: (key, entry) => {
      dropOld(() => kept.size >= max);
      kept.set(key, entry);
      timeOldest();
    },
    settle: (key, answer, weighed) => {
      const entry = kept.get(key);
      if (entry?.answer !== answer) return;
      if (weighed === undefined || weighed > maxWeight) kept.delete(key);
      else kept.set(key, { ...entry, weight: weighed });
      dropOld(() => weight() > maxWeight);
    },
    take: (key) => {
      const found = kept.get(key);
      kept.delete(key);
      return found && found.until > now() ? found.answer : undefined;
    },
    weight,
  };
}
