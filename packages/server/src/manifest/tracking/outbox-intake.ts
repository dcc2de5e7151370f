/** How beacons of other parts of this server come into the outbox, from where the manifest server's sender takes them. */
import { createBatch } from "./outbox-batch.ts";
import { isTooLong } from "./outbox-bounds.ts";
import type { OutboxBeacon, OutboxRows } from "./outbox-rows.ts";

export interface OutboxIntakeDeps {
  readonly rows: Pick<OutboxRows, "add">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Beacons that were too long or had no room since it was told last; once a minute at most. */
  readonly onDropped: (count: number) => void;
  /** Of the database. */
  readonly onError: (error: unknown) => void;
}

const MAX_BATCH = 500;
/** In memory while the database is slow. */
const MAX_WAITING = 500;
const TELL_MS = 60_000;

/** Fire and forget. */
export function createOutboxIntake({
  rows,
  now,
  onDropped,
  onError,
}: OutboxIntakeDeps): (beacon: OutboxBeacon) => void {
  const run = (beacons: readonly OutboxBeacon[]): Promise<readonly boolean[]> => rows.add(beacons, now());
  const keep = createBatch(run, MAX_BATCH, { waiting: MAX_WAITING, full: false });
  let dropped = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  const drop = (): void => {
    dropped++;
    if (now() < toldAt + TELL_MS) return;
    onDropped(dropped);
    [dropped, toldAt] = [0, now()];
  };
  return (beacon) => {
    if (isTooLong(beacon)) return drop();
    keep(beacon).then((isKept) => isKept || drop(), onError);
  };
}
