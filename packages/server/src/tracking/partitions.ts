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
  const missing = await query<{ readonly name: string; readonly free: string }>(MISSING, [[...wanted.keys()]]);
  if (missing.length > 0) await limitWaits(query);
  for (const { name, free } of missing) {
    const partition = wanted.get(name);
    if (partition === undefined) continue;
    const { table, from, to } = partition;
    // Made in one, it would wait for all who read the parent, as a dump does, and all who come to read it would wait for that.
    await query(`create table ${free} (like ${table} including defaults including constraints)`);
    await query(`alter table ${table} attach partition ${free} for values from ('${from}') to ('${to}')`);
  }
}

/** A table that was taken out to be archived keeps its name: what replaces it has a number behind that. */
const MISSING = `
  select name, free from unnest($1::text[]) as name, lateral (
    select candidate as free from generate_series(1, 99) as number,
      lateral (select case number when 1 then name else name || '_' || number end as candidate) as named
    where to_regclass(candidate) is null order by number limit 1) as unused
  where not exists (
    select from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent in ('tracking_event'::regclass, 'tracking_hour'::regclass)
      and (child.relname = name or starts_with(child.relname::text, name || '_')))`;

/** To the end of the transaction: who waits for a table longer gives up, because all others wait behind him. */
async function limitWaits(query: Queryable["query"]): Promise<void> {
  await query("set local lock_timeout = '1s'");
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
  // Names of one table sort as their times do.
  const rows = await listPartitions(query);
  const old = rows.filter(({ name, parent }) => kept.some((first) => first.table === parent && name < first.name));
  if (old.length > 0) await limitWaits(query);
  for (const { name } of old) await query(`drop table ${name}`);
  return old.map(({ name }) => name);
}

/** Has the database look at what the partitions of these days hold. */
export async function analysePartitions(query: Queryable["query"], days: readonly string[]): Promise<void> {
  const wanted = days.flatMap((day) => [dayPartition(day), monthPartition(day)]);
  const rows = await listPartitions(query);
  const there = rows.filter((row) => wanted.some(({ name }) => row.name === name || row.name.startsWith(`${name}_`)));
  for (const { name } of there) await query(`analyze ${name}`);
}

function listPartitions(
  query: Queryable["query"],
): Promise<readonly { readonly name: string; readonly parent: string }[]> {
  return query(
    `select child.relname as name, parent.relname as parent from pg_inherits
     join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
     where inhparent in ('tracking_event'::regclass, 'tracking_hour'::regclass) order by 1`,
  );
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
