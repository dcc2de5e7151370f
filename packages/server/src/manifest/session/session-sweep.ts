/** Removes sessions that nobody uses any more: in small batches, by one instance at a time. */
import type { Queryable } from "../../database/queryable.ts";

export interface SweepOptions {
  readonly query: Queryable["query"];
  readonly idleMs: number;
  /** ms since the epoch */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export interface Sweep {
  /** Resolves when nothing of it is under way any more. */
  close(): Promise<void>;
}

const INTERVAL_MS = 60_000;
const BATCH = 500;
/** Per round: what is left waits for the next one. */
const MAX_BATCHES = 40;
/** Any number that nothing else in the database uses as an advisory lock. */
const LOCK = 4_918_274;

/** Another instance that is at it has the lock until its statement ends: then there is nothing to do here. */
const REMOVE = `
  with turn as materialized (select pg_try_advisory_xact_lock(${LOCK}) as is_ours)
  delete from session where id in (
    select id from session where used_at <= $1::timestamptz and (select is_ours from turn)
    order by used_at limit ${BATCH} for update skip locked)
  returning 1`;

/** One round a minute. */
export function startSweep(options: SweepOptions): Sweep {
  let running: Promise<void> = Promise.resolve();
  let isOver = false;
  const round = (): void => {
    running = removeForgotten(options, () => isOver).catch(options.onError);
  };
  const timer = setInterval(round, INTERVAL_MS).unref();
  return {
    close: () => {
      isOver = true;
      clearInterval(timer);
      return running;
    },
  };
}

/** One round. @throws the driver's error */
export async function removeForgotten(
  { query, idleMs, now }: Pick<SweepOptions, "query" | "idleMs" | "now">,
  isOver: () => boolean = () => false,
): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES && !isOver(); batch++) {
    const removed = await query(REMOVE, [new Date(now() - idleMs)]);
    if (removed.length < BATCH) return;
  }
}
