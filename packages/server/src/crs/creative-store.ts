/**
 * The creatives and their packages, as rows. A worker writes only under the lease that it was given: once another has taken
 * the creative up, or somebody has forgotten it, the old worker's writes match nothing.
 */
import type { CreativeState } from "@interlude/core";
import type { Database, Queryable } from "../database/database.ts";
import { removeAutomaticBlock } from "./block-list.ts";
import {
  type AdNames,
  type CreativeId,
  type CreativeRecord,
  type CreativeRow,
  type PackageRow,
  toRecord,
} from "./creative-record.ts";
import type { CreativeLife } from "./creative-state.ts";
import type { Encoding } from "./encoding.ts";
import type { SourceFacts } from "./fetch-source.ts";

/** Makes the row where it is missing, in state `absent`, and locks it until the transaction ends. */
export async function lockOrInsert(tx: Queryable, id: CreativeId, creativeUrl: string): Promise<CreativeRecord> {
  const insert =
    "insert into creative (zone, key, creative_url, state) values ($1, $2, $3, 'absent') on conflict do nothing";
  await tx.query(insert, [id.zone, id.key, creativeUrl]);
  const record = await lock(tx, id);
  if (record === undefined) throw new Error(`creative ${id.zone}/${id.key}: expected a row, got none`);
  return record;
}

/** The row, locked until the transaction ends; undefined: not there. */
export async function lock(tx: Queryable, id: CreativeId): Promise<CreativeRecord | undefined> {
  const rows = await tx.query<CreativeRow>("select * from creative where zone = $1 and key = $2 for update", [
    id.zone,
    id.key,
  ]);
  return (await withPackages(tx, rows))[0];
}

/** The row; undefined: not there. */
export async function find(database: Queryable, id: CreativeId): Promise<CreativeRecord | undefined> {
  const rows = await database.query<CreativeRow>("select * from creative where zone = $1 and key = $2", [
    id.zone,
    id.key,
  ]);
  return (await withPackages(database, rows))[0];
}

export interface CreativeFilter {
  readonly zone?: string;
  readonly state?: CreativeState;
  /** A part of the original URL. */
  readonly url?: string;
}

/** Newest change first, at most 1,000; and how many there are in all. */
export async function list(
  database: Queryable,
  { zone, state, url }: CreativeFilter,
): Promise<{ readonly records: readonly CreativeRecord[]; readonly total: number }> {
  const where = `($1::text is null or zone = $1) and ($2::text is null or state = $2)
    and ($3::text is null or position($3 in creative_url) > 0)`;
  const values = [zone ?? null, state ?? null, url ?? null];
  const rows = await database.query<CreativeRow>(
    `select * from creative where ${where} order by updated_at desc limit 1000`,
    values,
  );
  const [count] = await database.query<{ readonly n: number }>(
    `select count(*)::int as n from creative where ${where}`,
    values,
  );
  return { records: await withPackages(database, rows), total: count?.n ?? 0 };
}

const PAGE = 200;

/**
 * Every creative for which a condition holds, in the order of zone and key, read page by page.
 *
 * @param condition SQL over `creative as c`; $1, $2 … stand for `values`
 */
export async function* scan(
  database: Queryable,
  condition: string,
  values: readonly unknown[] = [],
): AsyncGenerator<CreativeRecord> {
  const [zone, key] = [values.length + 1, values.length + 2];
  let last: CreativeId = { zone: "", key: "" };
  for (let page: readonly CreativeRow[] | undefined; page === undefined || page.length === PAGE;) {
    page = await database.query<CreativeRow>(
      `select * from creative c where (${condition}) and (c.zone, c.key) > ($${zone}, $${key})
       order by c.zone, c.key limit ${PAGE}`,
      [...values, last.zone, last.key],
    );
    last = page.at(-1) ?? last;
    yield* await withPackages(database, page);
  }
}

/** Notes that a creative was asked for, where the last time is an hour ago or more. */
export async function noteAsked(tx: Queryable, { zone, key, askedAt }: CreativeRecord): Promise<void> {
  if (askedAt.getTime() > Date.now() - 3_600_000) return;
  await tx.query("update creative set asked_at = now() where zone = $1 and key = $2", [zone, key]);
}

/** A lease that no row had before, nor will have again. */
export async function takeLease(tx: Queryable): Promise<number> {
  const [row] = await tx.query<{ readonly lease: number }>("select nextval('creative_lease')::integer as lease");
  if (row === undefined) throw new Error("creative_lease: expected a number, got none");
  return row.lease;
}

/** How many creatives wait for a worker. */
export async function countQueued(database: Queryable): Promise<number> {
  const [row] = await database.query<{ readonly n: number }>(
    "select count(*)::int as n from creative where state = 'queued'",
  );
  return row?.n ?? 0;
}

/** What is written beside the life; what is left out stays as it is. */
export interface CreativeChange {
  readonly message?: string | null;
  readonly jobId?: string;
  readonly lease?: number;
  readonly progress?: number;
  readonly encoding?: Encoding | null;
  /** What was fetched, now. */
  readonly source?: SourceFacts;
  /** The source was found to be what it was, now. */
  readonly isChecked?: boolean;
  readonly id3?: boolean;
  readonly ad?: AdNames;
  /** The newest spelling of it: an older one's signature may have run out. */
  readonly creativeUrl?: string;
}

/**
 * Writes a life, provided that the lease is still `lease`.
 *
 * @returns false when it is not: the caller has lost the creative
 */
export async function save(
  database: Queryable,
  id: CreativeId & { readonly lease: number },
  life: CreativeLife,
  change: CreativeChange = {},
): Promise<boolean> {
  const { message, jobId, lease, progress, encoding, creativeUrl, source, isChecked = false, id3, ad } = change;
  const rows = await database.query(
    `update creative set
       state = $4, attempts = $5, reason = $6, retry_at = $7, message = $8,
       job_id = coalesce($9, job_id), lease = coalesce($10, lease), progress = coalesce($11, progress),
       encoding = case when $12 then $13::jsonb else encoding end, creative_url = coalesce($14, creative_url),
       source = coalesce($15::jsonb, source), checked_at = case when $16 then now() else checked_at end,
       id3 = coalesce($17, id3), ad_system = coalesce($18, ad_system), ad_id = coalesce($19, ad_id),
       creative_id = coalesce($20, creative_id), updated_at = now()
     where zone = $1 and key = $2 and lease = $3 returning key`,
    [
      id.zone,
      id.key,
      id.lease,
      life.state,
      life.attempts,
      life.reason ?? null,
      life.retryAt ?? null,
      message ?? null,
      jobId ?? null,
      lease ?? null,
      progress ?? null,
      encoding !== undefined,
      encoding ? JSON.stringify(encoding) : null,
      creativeUrl ?? null,
      source ? JSON.stringify(source) : null,
      source !== undefined || isChecked,
      id3 ?? null,
      ad?.adSystem ?? null,
      ad?.adId ?? null,
      ad?.creativeId ?? null,
    ],
  );
  return rows.length > 0;
}

/** Whether the row is there and its lease is still `lease`. */
export async function isLeased(
  database: Queryable,
  { zone, key, lease }: CreativeId & { readonly lease: number },
): Promise<boolean> {
  const sql = "select key from creative where zone = $1 and key = $2 and lease = $3";
  return (await database.query(sql, [zone, key, lease])).length > 0;
}

/**
 * Writes how far the run under this lease is.
 *
 * @returns false when the lease is another one now
 */
export async function saveProgress(
  database: Queryable,
  id: CreativeId & { readonly lease: number },
  progress: number,
): Promise<boolean> {
  const sql =
    "update creative set progress = $4, updated_at = now() where zone = $1 and key = $2 and lease = $3 returning key";
  return (await database.query(sql, [id.zone, id.key, id.lease, progress])).length > 0;
}

/** Removes the row, its packages and what it got on the block list by itself; as they were last. */
export async function remove(database: Database, id: CreativeId): Promise<CreativeRecord | undefined> {
  return database.transaction(async (tx) => {
    const record = await lock(tx, id);
    if (record) await tx.query("delete from creative where zone = $1 and key = $2", [id.zone, id.key]);
    if (record?.life.state === "blocked") await removeAutomaticBlock(tx, id);
    return record;
  });
}

async function withPackages(database: Queryable, rows: readonly CreativeRow[]): Promise<readonly CreativeRecord[]> {
  if (rows.length === 0) return [];
  const packages = await database.query<PackageRow>(
    `select * from creative_package where (zone, key) in (select * from unnest($1::text[], $2::text[]))
     order by packaging, target_duration desc`,
    [rows.map((row) => row.zone), rows.map((row) => row.key)],
  );
  return rows.map((row) =>
    toRecord(
      row,
      packages.filter((one) => one.zone === row.zone && one.key === row.key),
    ),
  );
}
