/**
 * Beacons of the release before, which kept them in a table of their own: stored and counted like those of a journal, also those that an
 * instance of that release still writes while instances are replaced.
 */
import type { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import { type Happening, happeningOfBeacon } from "./happening.ts";
import { isWrongValue, storeDay } from "./load-statement.ts";
import { lockTracking } from "./partitions.ts";

const MAX_BATCH = 1000;

interface OldRow {
  readonly received_at: Date;
  readonly event: string;
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  readonly ad: string;
  readonly occurrence: number;
  readonly creative: string;
  readonly line_item: string;
  readonly sent_at: Date | null;
  readonly playhead: number | null;
  readonly content_playhead: number | null;
  readonly error: number | null;
  readonly extra: Readonly<Record<string, string>>;
}

/**
 * One that the database does not take costs no other.
 *
 * @param onRejected is told of it; it is not offered again
 * @returns whether there may be more
 */
export async function countOldBeacons(
  database: Pick<Database, "transaction">,
  onRejected: (error: unknown) => void,
  max: number = MAX_BATCH,
): Promise<boolean> {
  try {
    return (await countBatch(database, max, storeAll)) === max;
  } catch (error) {
    if (!isWrongValue(error)) throw error;
    if (max > 1) return countOldBeacons(database, onRejected, Math.ceil(max / 10));
    onRejected(error);
    await countBatch(database, 1, async () => undefined);
    return true;
  }
}

async function countBatch(
  { transaction }: Pick<Database, "transaction">,
  max: number,
  store: (tx: Queryable, happenings: readonly Happening[]) => Promise<void>,
): Promise<number> {
  return transaction(async (tx) => {
    await lockTracking(tx);
    const rows = await tx.query<OldRow>(
      `with batch as (select id from beacon where not is_counted order by id limit $1 for update),
       taken as (update beacon set is_counted = true from batch where beacon.id = batch.id returning beacon.*)
       select * from taken order by id`,
      [max],
    );
    await store(tx, rows.map(readOld));
    return rows.length;
  });
}

async function storeAll(tx: Queryable, happenings: readonly Happening[]): Promise<void> {
  for (const day of new Set(happenings.map((happening) => happening.day))) {
    const ofDay = happenings.filter((happening) => happening.day === day);
    await storeDay(tx, day, ofDay);
  }
}

function readOld({ received_at, line_item, sent_at, playhead, content_playhead, error, ...row }: OldRow): Happening {
  return happeningOfBeacon({
    ...row,
    receivedAt: received_at,
    lineItem: line_item,
    upstream: "",
    sentAt: sent_at ?? undefined,
    playhead: playhead ?? undefined,
    contentPlayhead: content_playhead ?? undefined,
    error: error ?? undefined,
    reason: "",
    request: "",
    signature: "",
    mark: "",
  });
}

/** Of those, no more are looked at in one go: the table has no index on its times, and ids are in their order. */
const MAX_REMOVED = 5000;

/** Removes the first of those that are counted and older than the raw happenings are kept. */
export async function removeOldBeacons(query: Queryable["query"], before: Date): Promise<void> {
  await query(
    `delete from beacon where id in (select id from beacon order by id limit ${MAX_REMOVED}) and is_counted and received_at < $1`,
    [before],
  );
}
