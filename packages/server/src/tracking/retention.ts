/** What is kept for how long, and the tables that are needed next. Any number of instances may look after them. */
import type { Database } from "../database/database.ts";
import { dayOf } from "./happening.ts";
import { removeOldBeacons } from "./old-beacons.ts";
import { analysePartitions, dropPartitions, ensurePartitions, lockTracking } from "./partitions.ts";

export interface Retention {
  /** Days for which single happenings are kept. */
  readonly days: number;
  /** Months for which the counts of hours are kept. */
  readonly months: number;
}

type Transactions = Pick<Database, "transaction">;

const DAY_MS = 86_400_000;

/** The first day of which single happenings are kept, `YYYY-MM-DD`. */
export function firstDayOf({ days }: Retention, now: Date): string {
  return dayOf(new Date(now.getTime() - days * DAY_MS));
}

/** Makes the partitions of today and the two days after it. */
export async function makeNextPartitions({ transaction }: Transactions, now: Date): Promise<void> {
  await transaction(async (tx) => {
    await lockTracking(tx);
    await ensurePartitions(tx.query, daysFrom(now, [0, 1, 2]));
  });
}

/** @throws the database's error where somebody reads an old partition: it goes another time, nobody waits for it */
export async function dropOldPartitions({ transaction }: Transactions, retention: Retention, now: Date): Promise<void> {
  const firstDay = new Date(`${firstDayOf(retention, now)}T00:00:00Z`);
  const firstHour = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - retention.months, 1));
  await transaction(async (tx) => {
    await lockTracking(tx);
    await dropPartitions(tx.query, { firstDay, firstHour });
  });
}

/** Removes beacons of the release before that are counted and old, and how far journals were loaded that are older still. */
export async function removeOldRows(
  { query }: Pick<Database, "query">,
  retention: Retention,
  now: Date,
): Promise<void> {
  const firstDay = new Date(`${firstDayOf(retention, now)}T00:00:00Z`);
  await removeOldBeacons(query, firstDay);
  // Of a journal that comes back after that, from a backup, the loader takes nothing that is so old.
  await query("delete from tracking_journal where loaded_at < $1", [firstDay]);
}

/** Embedded, nobody else counts what is in the tables, and without that the database reads whole tables for what an index would tell. */
export async function analyseRecent({ query }: Pick<Database, "query">, now: Date): Promise<void> {
  await analysePartitions(query, daysFrom(now, [-1, 0]));
}

function daysFrom(now: Date, days: readonly number[]): readonly string[] {
  return days.map((day) => dayOf(new Date(now.getTime() + day * DAY_MS)));
}
