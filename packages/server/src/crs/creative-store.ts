/**
 * The creatives and their packages, as rows. A worker writes only under the lease that it was given: once another has taken
 * the creative up, or somebody has forgotten it, the old worker's writes match nothing.
 */
import type { CreativeState, Package, Packaging } from "@interlude/core";
import type { Queryable } from "../database/database.ts";
import { type CreativeLife, isFailureReason } from "./creative-state.ts";
import type { Encoding } from "./encoding.ts";

export interface CreativeId {
  readonly zone: string;
  readonly key: string;
}

export interface CreativeRecord extends CreativeId {
  readonly creativeUrl: string;
  readonly life: CreativeLife;
  readonly message: string | undefined;
  readonly lease: number;
  /** Of the queue; the job that works or will work on it. */
  readonly jobId: string | undefined;
  readonly progress: number;
  readonly encoding: Encoding | undefined;
  readonly packages: readonly PackageRecord[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface PackageRecord extends Package {
  readonly path: string;
  /** Names of the CDNs that have it; empty: wanted only. */
  readonly cdns: readonly string[];
  /** When it was last brought to the CDNs, whether all took it or not. */
  readonly publishedAt: Date | undefined;
}

interface CreativeRow {
  readonly zone: string;
  readonly key: string;
  readonly creative_url: string;
  readonly state: CreativeState;
  readonly attempts: number;
  readonly reason: string | null;
  readonly message: string | null;
  readonly retry_at: Date | null;
  readonly lease: number;
  readonly job_id: string | null;
  readonly progress: number;
  readonly encoding: Encoding | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface PackageRow {
  readonly zone: string;
  readonly key: string;
  readonly packaging: Packaging;
  readonly target_duration: number;
  readonly path: string;
  readonly cdns: readonly string[];
  readonly published_at: Date | null;
}

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

/** Newest change first, at most 1,000. */
export async function list(
  database: Queryable,
  filter: { readonly zone?: string; readonly states?: readonly CreativeState[] },
): Promise<readonly CreativeRecord[]> {
  const rows = await database.query<CreativeRow>(
    `select * from creative
     where ($1::text is null or zone = $1) and ($2::text[] is null or state = any($2))
     order by updated_at desc limit 1000`,
    [filter.zone ?? null, filter.states ?? null],
  );
  return withPackages(database, rows);
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
  const rows = await database.query(
    `update creative set
       state = $4, attempts = $5, reason = $6, retry_at = $7, message = $8,
       job_id = coalesce($9, job_id), lease = coalesce($10, lease), progress = coalesce($11, progress),
       encoding = case when $12 then $13::jsonb else encoding end,
       creative_url = coalesce($14, creative_url), updated_at = now()
     where zone = $1 and key = $2 and lease = $3 returning key`,
    [
      id.zone,
      id.key,
      id.lease,
      life.state,
      life.attempts,
      life.reason ?? null,
      life.retryAt ?? null,
      change.message ?? null,
      change.jobId ?? null,
      change.lease ?? null,
      change.progress ?? null,
      change.encoding !== undefined,
      change.encoding ? JSON.stringify(change.encoding) : null,
      change.creativeUrl ?? null,
    ],
  );
  return rows.length > 0;
}

/** Writes how far the run under this lease is. */
export async function saveProgress(
  database: Queryable,
  id: CreativeId & { readonly lease: number },
  progress: number,
): Promise<void> {
  const sql = "update creative set progress = $4, updated_at = now() where zone = $1 and key = $2 and lease = $3";
  await database.query(sql, [id.zone, id.key, id.lease, progress]);
}

/** Notes that a package is wanted; the first to ask decides its path. */
export async function wantPackage(tx: Queryable, id: CreativeId, cut: Package, path: string): Promise<void> {
  await tx.query(
    `insert into creative_package (zone, key, packaging, target_duration, path) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, path],
  );
}

/**
 * Notes that a package was brought to the CDNs, and which took it now (maybe none).
 *
 * @returns false when nobody wants it any more: the creative was forgotten
 */
export async function notePublished(
  database: Queryable,
  id: CreativeId,
  cut: Package,
  cdns: readonly string[],
): Promise<boolean> {
  const rows = await database.query(
    `update creative_package
     set cdns = array(select distinct unnest(cdns || $5::text[]) order by 1), published_at = now()
     where zone = $1 and key = $2 and packaging = $3 and target_duration = $4 returning key`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, cdns],
  );
  return rows.length > 0;
}

/** Removes the row and its packages; the row as it was last, without them. */
export async function remove(database: Queryable, id: CreativeId): Promise<CreativeRecord | undefined> {
  const sql = "delete from creative where zone = $1 and key = $2 returning *";
  const [row] = await database.query<CreativeRow>(sql, [id.zone, id.key]);
  return row && toRecord(row, []);
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

function toRecord(row: CreativeRow, packages: readonly PackageRow[]): CreativeRecord {
  const life: CreativeLife = {
    state: row.state,
    attempts: row.attempts,
    ...(row.reason !== null && isFailureReason(row.reason) && { reason: row.reason }),
    ...(row.retry_at !== null && { retryAt: row.retry_at }),
  };
  return {
    zone: row.zone,
    key: row.key,
    creativeUrl: row.creative_url,
    life,
    message: row.message ?? undefined,
    lease: row.lease,
    jobId: row.job_id ?? undefined,
    progress: row.progress,
    encoding: row.encoding ?? undefined,
    packages: packages.map((one) => ({
      packaging: one.packaging,
      targetDuration: one.target_duration,
      path: one.path,
      cdns: one.cdns,
      publishedAt: one.published_at ?? undefined,
    })),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
