/** One transaction of the loader: what it stores, what it counts, and how far the journal is loaded after it. */
import type { Database, Queryable } from "../database/database.ts";
import { countEncounters, type EncounterFigures, NO_ENCOUNTERS } from "./first-encounter.ts";
import type { Happening } from "./happening.ts";
import { type JournalEntry, formatEntry } from "./journal-entry.ts";
import type { Segment } from "./journal-segments.ts";
import { isWrongValue, storeDay } from "./load-statement.ts";
import { lockTracking } from "./partitions.ts";
import type { RejectionTeller } from "./told-rejections.ts";

/** What became of entries so far. */
export interface LoadFigures {
  readonly added: number;
  readonly duplicates: number;
  /** Entries that are not what was written, that the database does not take, or that are too old to be told from duplicates. */
  readonly rejected: number;
  /** Of those that were added. */
  readonly encounters: EncounterFigures;
}

export const NOTHING_LOADED: LoadFigures = { added: 0, duplicates: 0, rejected: 0, encounters: NO_ENCOUNTERS };

/**
 * Does in the loader's transaction what belongs to happenings that are stored by it: either both are done, or neither, so what it counts is
 * counted once per happening. Called with at least one; only `tx` may be used. Where it throws the transaction is made again; that goes on
 * until it does not, and meanwhile nothing else of this process's journal is loaded. An error of a value (SQLSTATE class 22, 23 or 54) is
 * taken for one that does not pass: the happening that brings it is rejected.
 */
export type Stored = (tx: Queryable, happenings: readonly Happening[]) => Promise<void>;

export interface BatchDeps {
  readonly database: Pick<Database, "query" | "transaction">;
  readonly stored?: Stored | undefined;
  /** Of happenings that are kept, `YYYY-MM-DD`: of older ones nobody knows any more which were counted. */
  readonly firstDay: () => string;
  readonly tellRejected: RejectionTeller["tell"];
}

/** Entries of one day. */
export interface Batch {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
  /** Where the entries' ends are counted from. */
  readonly start: number;
  readonly entries: readonly JournalEntry[];
  readonly happenings: readonly Happening[];
}

/** How far the segment is loaded now: less than the batch goes, or more where another process is at it. */
export interface BatchOutcome extends LoadFigures {
  readonly loaded: number;
}

/** Where one entry cannot be stored, all others of its batch are. */
export async function loadBatch(batch: Batch, deps: BatchDeps): Promise<BatchOutcome> {
  const day = batch.happenings[0]?.day;
  const firstDay = deps.firstDay();
  if (day !== undefined && day < firstDay) {
    return reject(batch, `${batch.entries.length} of ${day}, expected none from before ${firstDay}`, deps);
  }
  try {
    return await storeBatch(batch, deps);
  } catch (error) {
    if (!isWrongValue(error)) throw error;
    const middle = Math.floor(batch.entries.length / 2);
    const entries = batch.entries.slice(0, middle);
    const border = entries.at(-1);
    if (border === undefined) return reject(batch, error instanceof Error ? error.message : String(error), deps);
    const half = { ...batch, to: batch.start + border.end, entries, happenings: batch.happenings.slice(0, middle) };
    return loadBatch(half, deps);
  }
}

async function reject(batch: Batch, reason: string, deps: BatchDeps): Promise<BatchOutcome> {
  const { segment, start, entries } = batch;
  const lines = entries.map(({ text, end }) => ({ line: formatEntry(text), end: start + end }));
  await deps.tellRejected("refused", segment, lines, reason);
  const { loaded } = await storeBatch({ ...batch, happenings: [] }, deps);
  return { ...NOTHING_LOADED, loaded, rejected: entries.length };
}

async function storeBatch(
  { segment, from, to, happenings }: Batch,
  { database, stored }: BatchDeps,
): Promise<BatchOutcome> {
  return database.transaction(async (tx) => {
    await lockTracking(tx);
    const [row] = await tx.query<{ readonly loaded: string }>(
      `insert into tracking_journal as journal (id, loaded) values ($1, 0)
       on conflict (id) do update set loaded = journal.loaded returning loaded::text as loaded`,
      [segment.id],
    );
    const loaded = Number(row?.loaded ?? 0);
    // Another process has loaded from there on.
    if (loaded !== from) return { ...NOTHING_LOADED, loaded };
    const day = happenings[0]?.day;
    const added = day === undefined ? [] : await storeDay(tx, day, happenings);
    if (added.length > 0) await stored?.(tx, added);
    await tx.query("update tracking_journal set loaded = $2, loaded_at = now() where id = $1", [segment.id, to]);
    const encounters = countEncounters(added);
    return { loaded: to, added: added.length, duplicates: happenings.length - added.length, rejected: 0, encounters };
  });
}
