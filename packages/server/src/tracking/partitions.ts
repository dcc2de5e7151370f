/**
 * The partitions of happenings (one per UTC day) and of hours (one per UTC month): made before they are needed, dropped when all in
 * them is old.
 */
import type { Queryable } from "../database/queryable.ts";

/** Waits for, and holds to the end of the transaction, what every change of the tracking tables is done under. */
export async function lockTracking(tx: Queryable): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${LOCK})`);
}

/** Any number that nothing else in the database uses as an advisory lock. */
const LOCK = 4_918_274;

const DAY_MS = 86_400_000;

interface Partition {
  readonly table: "tracking_event" | "tracking_hour";
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Makes what is missing. Among several instances: under {@link lockTracking}.
 *
 * @param days `YYYY-MM-DD`
 */
export async function ensurePartitions(query: Queryable["query"], days: readonly string[]): Promise<void> {
  const wanted = new Map(days.flatMap((day) => [dayPartition(day), monthPartition(day)]).map((p) => [p.name, p]));
  const missing = await query<{ readonly name: string }>(
    "select name from unnest($1::text[]) as name where to_regclass(name) is null",
    [[...wanted.keys()]],
  );
  for (const { name } of missing) {
    const partition = wanted.get(name);
    if (partition === undefined) continue;
    const { table, from, to } = partition;
    await query(`create table if not exists ${name} partition of ${table} for values from ('${from}') to ('${to}')`);
  }
}

/** Drops the days before `firstDay` and the months before the one of `firstHour`; their names. Under {@link lockTracking}. */
export async function dropPartitions(
  query: Queryable["query"],
  { firstDay, firstHour }: { readonly firstDay: Date; readonly firstHour: Date },
): Promise<readonly string[]> {
  const kept = [
    dayPartition(firstDay.toISOString().slice(0, 10)),
    monthPartition(firstHour.toISOString().slice(0, 10)),
  ];
  const rows = await query<{ readonly name: string; readonly parent: string }>(
    `select child.relname as name, parent.relname as parent from pg_inherits
     join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
     where inhparent in ('tracking_event'::regclass, 'tracking_hour'::regclass) order by 1`,
  );
  // Names of one table sort as their times do.
  const old = rows.filter(({ name, parent }) => kept.some((first) => first.table === parent && name < first.name));
  for (const { name } of old) await query(`drop table ${name}`);
  return old.map(({ name }) => name);
}

/** Of a day that is no date an error: its name goes into SQL. */
function dayPartition(day: string): Partition {
  const start = new Date(`${day}T00:00:00Z`);
  const from = start.toISOString().slice(0, 10);
  const to = new Date(start.getTime() + DAY_MS).toISOString().slice(0, 10);
  return { table: "tracking_event", name: `tracking_event_${from.replaceAll("-", "")}`, from, to };
}

function monthPartition(day: string): Partition {
  const start = new Date(`${day}T00:00:00Z`);
  const from = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), 1)).toISOString();
  const to = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1)).toISOString();
  return { table: "tracking_hour", name: `tracking_hour_${from.slice(0, 7).replace("-", "")}`, from, to };
}
