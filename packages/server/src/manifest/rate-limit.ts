/**
 * How many requests one session may make: so many a second; those beyond wait their turn in order, and beyond the queue they are
 * refused. Counted per instance.
 *
 * @see primetime.md §5: 10 requests per second and session, 100 queued
 */
import { HttpError } from "../http-error.ts";

export interface RateLimitOptions {
  /** Also what a session may ask for at once. */
  readonly perSecond: number;
  /** Of one session. */
  readonly maxQueued: number;
  /** ms, from any zero. */
  readonly now: () => number;
  /** Runs once after so many ms, unless it is ended by what it returns. */
  readonly after: (ms: number, run: () => void) => () => void;
}

export interface RateLimit {
  /**
   * True: go on; at once, or when it is the request's turn. False: its client went away meanwhile.
   *
   * @param onGone is called where the request has to wait, with what takes it out of the queue; later calls of that do nothing
   * @throws HttpError `quota-exceeded` (429) with Retry-After where too many wait already; at once, not as a promise
   */
  enter(session: string, onGone: (leave: () => void) => void): boolean | Promise<boolean>;
  /** Sessions that it remembers. */
  count(): number;
  /** All that wait are let go as if their clients had gone. */
  close(): void;
}

/** As documented for Primetime. */
export const RATE_LIMIT = { perSecond: 10, maxQueued: 100 } as const;

interface Waiting {
  readonly settle: (isTurn: boolean) => void;
}

interface Lane {
  /** Saved-up time, ms: one request costs what lies between two. */
  credit: number;
  creditedAt: number;
  readonly queue: Waiting[];
  cancel: (() => void) | undefined;
}

export function createRateLimit(options: RateLimitOptions): RateLimit {
  const { perSecond, maxQueued, now, after } = options;
  const cost = 1000 / perSecond;
  const lanes = new Map<string, Lane>();

  const refill = (lane: Lane): void => {
    const at = now();
    lane.credit = Math.min(1000, lane.credit + Math.max(0, at - lane.creditedAt));
    lane.creditedAt = at;
  };
  /** A lane that was not used for a second is full again: it need not be remembered. */
  const forgetOld = (): void => {
    for (const [session, lane] of lanes) {
      if (now() - lane.creditedAt < 1000) return;
      lanes.delete(session);
      if (lane.queue.length === 0) continue;
      // It must not keep those behind it from being forgotten.
      lanes.set(session, lane);
      return;
    }
  };
  const open = (session: string): Lane => {
    const lane = lanes.get(session) ?? { credit: 1000, creditedAt: now(), queue: [], cancel: undefined };
    lanes.delete(session);
    lanes.set(session, lane);
    refill(lane);
    return lane;
  };
  const schedule = (lane: Lane): void => {
    lane.cancel?.();
    lane.cancel =
      lane.queue.length > 0 ? after(Math.max(1, Math.ceil(cost - lane.credit)), () => advance(lane)) : undefined;
  };
  const advance = (lane: Lane): void => {
    lane.cancel = undefined;
    refill(lane);
    while (lane.credit >= cost && lane.queue.length > 0) {
      lane.credit -= cost;
      lane.queue.shift()?.settle(true);
    }
    schedule(lane);
  };
  const wait = (lane: Lane, onGone: (leave: () => void) => void): Promise<boolean> =>
    new Promise((settle) => {
      const entry = { settle };
      lane.queue.push(entry);
      if (lane.cancel === undefined) schedule(lane);
      onGone(() => {
        const index = lane.queue.indexOf(entry);
        if (index < 0) return;
        lane.queue.splice(index, 1);
        settle(false);
        if (lane.queue.length === 0) schedule(lane);
      });
    });
  return {
    enter: (session, onGone) => {
      forgetOld();
      const lane = open(session);
      if (lane.queue.length === 0 && lane.credit >= cost) {
        lane.credit -= cost;
        return true;
      }
      if (lane.queue.length < maxQueued) return wait(lane, onGone);
      const message = `session: expected at most ${perSecond} requests a second and ${maxQueued} waiting, got more`;
      throw new HttpError("quota-exceeded", message, { retryAfterSeconds: Math.ceil(maxQueued / perSecond) });
    },
    count: () => lanes.size,
    close: () => {
      for (const lane of lanes.values()) {
        for (const entry of lane.queue.splice(0)) entry.settle(false);
        schedule(lane);
      }
      lanes.clear();
    },
  };
}

/** What {@link RateLimitOptions.after} is outside tests; a timer keeps no process alive. */
export function afterTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
