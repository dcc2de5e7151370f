/**
 * What is not to be repackaged: by where a file is, by what VAST calls the ad, or one creative alone. Looked up by equality of
 * (kind, value) in one indexed query, whatever the length of the list.
 *
 *   host         `ads.example`, or `.ads.example` with everything below it
 *   url          the creative's URL, normalised by the rules of the entry's zone
 *   ad-system, ad-id, creative-id   as VAST has them, to the letter
 *   creative     a key; what a creative that used up its attempts gets by itself
 *
 * It holds for new work. What is on a CDN stays there until its creative is forgotten.
 */
import type { Queryable } from "../database/queryable.ts";
import type { AdNames, CreativeId } from "./creative-record.ts";

export const BLOCK_KINDS = ["host", "ad-system", "ad-id", "creative-id", "url", "creative"] as const;

export type BlockKind = (typeof BLOCK_KINDS)[number];

/** What an operator adds. */
export interface BlockOrder {
  /** Left out: in every zone. */
  readonly zone?: string;
  readonly kind: BlockKind;
  readonly value: string;
  /** For people. */
  readonly reason: string;
}

export interface BlockEntry extends BlockOrder {
  readonly id: string;
  /** Made by the service itself, of a creative that failed too often. */
  readonly isAutomatic: boolean;
  readonly createdAt: Date;
}

/** What is asked for. */
export interface BlockSubject extends CreativeId, AdNames {
  readonly creativeUrl: string;
  /** By the rules of its zone. */
  readonly normalisedUrl: string;
}

/** An entry of the block list stands against it. */
export class CreativeBlocked extends Error {
  override readonly name = "CreativeBlocked";
  readonly code = "creative-blocked";
  readonly key: string;

  constructor({ zone, key, creativeUrl }: BlockSubject, { kind, value, reason }: BlockEntry) {
    const { host } = new URL(creativeUrl.trim());
    const found = kind === "creative" ? "it is" : `its ${kind} ${JSON.stringify(value.slice(0, 200))} is`;
    super(
      `creative ${zone}/${key} at ${host}: expected one that may be repackaged, but ${found} on the block list: ${reason}`,
    );
    this.key = key;
  }
}

interface BlockRow {
  readonly id: string;
  readonly zone: string | null;
  readonly kind: BlockKind;
  readonly value: string;
  readonly reason: string;
  readonly is_automatic: boolean;
  readonly created_at: Date;
}

const COLUMNS = "b.id::text as id, b.zone, b.kind, b.value, b.reason, b.is_automatic, b.created_at";

/** The oldest entry that stands against a creative; undefined: none. */
export async function findBlock(database: Queryable, subject: BlockSubject): Promise<BlockEntry | undefined> {
  const pairs = listPairs(subject);
  const [row] = await database.query<BlockRow>(
    `select ${COLUMNS} from unnest($2::text[], $3::text[]) as s (kind, value)
     join blocked b on coalesce(b.zone, '') in ('', $1) and b.kind = s.kind and md5(b.value) = md5(s.value) and b.value = s.value
     order by b.id limit 1`,
    [subject.zone, pairs.map(([kind]) => kind), pairs.map(([, value]) => value)],
  );
  return row && toEntry(row);
}

function listPairs(subject: BlockSubject): readonly (readonly [BlockKind, string])[] {
  const { creativeUrl, normalisedUrl, key, adSystem, adId, creativeId } = subject;
  const url = new URL(creativeUrl.trim());
  url.hash = "";
  const labels = url.hostname.split(".");
  return [
    ["creative", key],
    ["url", normalisedUrl],
    // Entries for all zones know no zone's rules.
    ["url", url.href],
    ["host", url.hostname],
    ...labels.map((_, index) => ["host", `.${labels.slice(index).join(".")}`] as const),
    ...(adSystem === undefined ? [] : [["ad-system", adSystem] as const]),
    ...(adId === undefined ? [] : [["ad-id", adId] as const]),
    ...(creativeId === undefined ? [] : [["creative-id", creativeId] as const]),
  ];
}

/**
 * Adds an entry; one that says the same and is there already stays as it is, but what was automatic becomes the operator's.
 *
 * @returns the entry, and whether it is new
 */
export async function addBlock(
  database: Queryable,
  { zone, kind, value, reason }: BlockOrder,
  isAutomatic = false,
): Promise<{ readonly entry: BlockEntry; readonly isNew: boolean }> {
  const values = [zone ?? null, kind, value];
  const [added] = await database.query<BlockRow>(
    `insert into blocked as b (zone, kind, value, reason, is_automatic) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning ${COLUMNS}`,
    [...values, reason, isAutomatic],
  );
  if (added) return { entry: toEntry(added), isNew: true };
  const [found] = await database.query<BlockRow>(
    `update blocked b set reason = case when b.is_automatic and not $5 then $4 else b.reason end,
       is_automatic = b.is_automatic and $5
     where coalesce(b.zone, '') = coalesce($1, '') and b.kind = $2 and md5(b.value) = md5($3) and b.value = $3
     returning ${COLUMNS}`,
    [...values, reason, isAutomatic],
  );
  if (found === undefined) throw new Error(`block list: expected an entry for ${kind}, got none`);
  return { entry: toEntry(found), isNew: false };
}

/** Newest first, at most 1,000; entries for all zones are in every zone's list. */
export async function listBlocks(
  database: Queryable,
  { zone, kind }: { readonly zone?: string; readonly kind?: BlockKind },
): Promise<{ readonly entries: readonly BlockEntry[]; readonly total: number }> {
  const where = "($1::text is null or b.zone is null or b.zone = $1) and ($2::text is null or b.kind = $2)";
  const values = [zone ?? null, kind ?? null];
  const rows = await database.query<BlockRow>(
    `select ${COLUMNS} from blocked b where ${where} order by b.id desc limit 1000`,
    values,
  );
  const [count] = await database.query<{ readonly n: number }>(
    `select count(*)::int as n from blocked b where ${where}`,
    values,
  );
  return { entries: rows.map(toEntry), total: count?.n ?? 0 };
}

/** @param id digits */
export async function findEntry(database: Queryable, id: string): Promise<BlockEntry | undefined> {
  const [row] = await database.query<BlockRow>(`select ${COLUMNS} from blocked b where b.id = $1::bigint`, [id]);
  return row && toEntry(row);
}

/** @param id digits */
export async function removeBlock(database: Queryable, id: string): Promise<void> {
  await database.query("delete from blocked where id = $1::bigint", [id]);
}

/** Takes away what a creative got by itself. */
export async function removeAutomaticBlock(database: Queryable, { zone, key }: CreativeId): Promise<void> {
  await database.query(
    `delete from blocked where coalesce(zone, '') = $1 and kind = 'creative' and md5(value) = md5($2) and is_automatic`,
    [zone, key],
  );
}

function toEntry(row: BlockRow): BlockEntry {
  const { id, zone, kind, value, reason, is_automatic: isAutomatic, created_at: createdAt } = row;
  return { id, ...(zone !== null && { zone }), kind, value, reason, isAutomatic, createdAt };
}
