/** What is kept for how long, and the tables that are needed next. */
import type { Database } from "../database/database.ts";
import { dayOf } from "./happening.ts";
import { removeOldBeacons } from "./old-beacons.ts";
import { dropPartitions, ensurePartitions, lockTracking } from "./partitions.ts";

export interface Retention {
  /** Days for which single happenings are kept. */
  readonly days: number;
  /** Months for which the counts of hours are kept. */
  readonly months: number;
}

const DAY_MS = 86_400_000;

/** Makes the partitions of today and the two days after it, and drops what is old. Any number of instances may. */
export async function keepTables(
  { transaction }: Pick<Database, "transaction">,
  { days, months }: Retention,
  now: Date,
): Promise<void> {
  const firstDay = new Date(now.getTime() - days * DAY_MS);
  const firstHour = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1));
  await transaction(async (tx) => {
    await lockTracking(tx);
    const next = [0, 1, 2].map((day) => dayOf(new Date(now.getTime() + day * DAY_MS)));
    await ensurePartitions(tx.query, next);
    await dropPartitions(tx.query, { firstDay, firstHour });
    await removeOldBeacons(tx.query, new Date(`${dayOf(firstDay)}T00:00:00Z`));
  });
}
