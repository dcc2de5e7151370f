/**
 * How many requests one session may make: so many a second; those beyond wait their turn in order, and beyond the queue they are
 * refused. Counted per instance.
 *
 * @see primetime.md §5: 10 requests per second and session, 100 queued
 */
import { HttpError } from "../../http-error.ts";

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

export function createRateLimit(options: RateLimitOptions): RateLimit {
  const { perSecond, maxQueued, now } = options;
  /** In the order in which they were credited last. */
  const lanes = new Map<string, Lane>();
  const toEnd = (session: string, lane: Lane): void => {
    lanes.delete(session);
    lanes.set(session, lane);
  };
  const open = (session: string): Lane => {
    const lane = lanes.get(session) ?? createLane(options, () => toEnd(session, lane));
    return lane;
  };
  /** A lane that was not used for a second is full again: it need not be remembered. One that has a queue is credited more often. */
  const forgetOld = (): void => {
    for (const [session, { creditedAt, queued }] of lanes) {
      if (now() - creditedAt < SECOND_MS || queued > 0) return;
      lanes.delete(session);
    }
  };
  return {
    enter: (session, onGone) => {
      forgetOld();
      const lane = open(session);
      if (lane.pass()) return true;
      if (lane.queued < maxQueued) return lane.wait(onGone);
      const message = `session: expected at most ${perSecond} requests a second and ${maxQueued} waiting, got more`;
      throw new HttpError("quota-exceeded", message, { retryAfterSeconds: Math.ceil(maxQueued / perSecond) });
    },
    count: () => lanes.size,
    close: () => {
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    },
  };
}

const SECOND_MS = 1000;

/** The requests of one session. */
interface Lane {
  readonly creditedAt: number;
  readonly queued: number;
  /** Whether a request may go on at once. */
  pass(): boolean;
  wait(onGone: (leave: () => void) => void): Promise<boolean>;
  close(): void;
}

/** @param onCredit is called each time that time is credited */
function createLane({ perSecond, now, after }: RateLimitOptions, onCredit: () => void): Lane {
  const cost = SECOND_MS / perSecond;
  const queue: ((isTurn: boolean) => void)[] = [];
  let credit = SECOND_MS;
  let creditedAt = now();
  let cancel: (() => void) | undefined;

  const refill = (): void => {
    const at = now();
    credit = Math.min(SECOND_MS, credit + Math.max(0, at - creditedAt));
    creditedAt = at;
    onCredit();
  };
  const schedule = (): void => {
    cancel?.();
    cancel = queue.length > 0 ? after(Math.max(1, Math.ceil(cost - credit)), advance) : undefined;
  };
  const advance = (): void => {
    cancel = undefined;
    refill();
    while (credit >= cost && queue.length > 0) {
      credit -= cost;
      queue.shift()?.(true);
    }
    schedule();
  };
  const leave = (settle: (isTurn: boolean) => void): void => {
    const index = queue.indexOf(settle);
    if (index < 0) return;
    queue.splice(index, 1);
    settle(false);
    if (queue.length === 0) schedule();
  };
  return {
    get creditedAt() {
      return creditedAt;
    },
    get queued() {
      return queue.length;
    },
    pass: () => {
      refill();
      if (queue.length > 0 || credit < cost) return false;
      credit -= cost;
      return true;
    },
    wait: (onGone) =>
      new Promise((settle) => {
        queue.push(settle);
        if (cancel === undefined) schedule();
        onGone(() => leave(settle));
      }),
    close: () => {
      for (const settle of queue.splice(0)) settle(false);
      schedule();
    },
  };
}

/** What {@link RateLimitOptions.after} is outside tests; a timer keeps no process alive. */
export function afterTimeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
