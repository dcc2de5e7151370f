/**
 * Moves journals into the database, behind the beacons. What is stored, what is counted and how far the journal is loaded change in one
 * transaction: a process that dies between two steps leaves nothing half done, and nothing is counted twice.
 */
import { open } from "node:fs/promises";
import type { Database, Queryable } from "../database/database.ts";
import type { Happening } from "./happening.ts";
import type { Segment } from "./journal.ts";
import { type JournalEntry, parseEntries } from "./journal-entry.ts";
import { isWrongValue, storeDay } from "./load-statement.ts";
import { lockTracking } from "./partitions.ts";

/** What became of entries so far. */
export interface LoadFigures {
  readonly added: number;
  readonly duplicates: number;
  /** Entries that are not what was written, or that the database does not take. */
  readonly rejected: number;
}

export interface Loader {
  /**
   * Loads a segment as far as it is on the disk at this moment.
   *
   * @returns false where it was stopped before that
   * @throws the database's or the system's error; what was loaded before it stays
   */
  load(segment: Segment): Promise<boolean>;
  /** Forgets how far a segment is loaded, here and in the database: its file is gone. */
  forget(segment: Segment): Promise<void>;
  figures(): LoadFigures;
}

/**
 * Does in the loader's transaction what belongs to happenings that are stored by it: either both are done, or neither, so what it counts is
 * counted once per happening. Called with at least one; only `tx` may be used. Where it throws the transaction is made again; that goes on
 * until it does not, and meanwhile nothing else is loaded.
 */
export type Stored = (tx: Queryable, happenings: readonly Happening[]) => Promise<void>;

export interface LoaderDeps {
  readonly database: Pick<Database, "query" | "transaction">;
  /** Entries of one transaction. */
  readonly maxBatch: number;
  /** Called between transactions: lets requests have the processor. */
  readonly rest: (elapsedMs: number) => Promise<void>;
  /** Asked between transactions. */
  readonly isStopped: () => boolean;
  /** A rejected entry; its text may be long. */
  readonly onRejected: (segment: Segment, reason: string) => void;
  readonly stored?: Stored | undefined;
}

const CHUNK_BYTES = 1024 * 1024;

/** A transaction's work. */
interface Batch {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
  readonly happenings: readonly Happening[];
}

/** One at a time for each database that it is used on; several processes may. */
export function createLoader({ database, maxBatch, rest, isStopped, onRejected, stored }: LoaderDeps): Loader {
  const loaded = new Map<string, number>();
  let figures: LoadFigures = { added: 0, duplicates: 0, rejected: 0 };

  const count = (change: Partial<LoadFigures>): void => {
    const { added = 0, duplicates = 0, rejected = 0 } = change;
    figures = {
      added: figures.added + added,
      duplicates: figures.duplicates + duplicates,
      rejected: figures.rejected + rejected,
    };
  };

  /** Where one entry cannot be stored, all others of its batch are. */
  const loadBatch = async (batch: Batch, entries: readonly JournalEntry[], start: number): Promise<number> => {
    try {
      const outcome = await storeBatch(database, batch, stored);
      if (outcome.added !== undefined) {
        count({ added: outcome.added, duplicates: batch.happenings.length - outcome.added });
      }
      return outcome.loaded;
    } catch (error) {
      if (!isWrongValue(error)) throw error;
      const middle = Math.floor(entries.length / 2);
      const first = entries.slice(0, middle);
      const border = first.at(-1);
      if (border === undefined) {
        onRejected(batch.segment, error instanceof Error ? error.message : String(error));
        count({ rejected: batch.happenings.length });
        return (await storeBatch(database, { ...batch, happenings: [] })).loaded;
      }
      const to = start + border.end;
      const half = { ...batch, to, happenings: batch.happenings.slice(0, middle) };
      return loadBatch(half, first, start);
    }
  };

  const load: Loader["load"] = async (segment) => {
    const end = segment.length;
    let from = loaded.get(segment.id) ?? (await readLoaded(database, segment));
    while (from < end) {
      if (isStopped()) return false;
      const startedAt = performance.now();
      const stretch = parseEntries(await readBytes(segment.path, from, Math.min(end - from, CHUNK_BYTES)));
      // A torn end: nobody was told that it is kept.
      if (stretch.length === 0) return true;
      if (stretch.broken > 0) {
        onRejected(segment, `${stretch.broken} lines from byte ${from} on are not what was written`);
        count({ rejected: stretch.broken });
      }
      from = await loadStretch(segment, from, stretch.entries, from + stretch.length);
      loaded.set(segment.id, from);
      await rest(performance.now() - startedAt);
    }
    return true;
  };

  const loadStretch = async (
    segment: Segment,
    start: number,
    entries: readonly JournalEntry[],
    end: number,
  ): Promise<number> => {
    let [from, next] = [start, 0];
    while (next < entries.length || from < end) {
      const happenings = takeDay(entries, next, maxBatch);
      const taken = entries.slice(next, next + happenings.length);
      const isLast = next + happenings.length === entries.length;
      const to = isLast ? end : start + (taken.at(-1)?.end ?? 0);
      const reached = await loadBatch({ segment, from, to, happenings }, taken, start);
      // Half of a batch, or what another process has loaded meanwhile.
      if (reached !== to) return reached;
      [from, next] = [to, next + happenings.length];
    }
    return from;
  };

  return {
    load,
    forget: async ({ id }) => {
      loaded.delete(id);
      await database.query("delete from tracking_journal where id = $1", [id]);
    },
    figures: () => figures,
  };
}

/** As many of one day as a transaction takes. */
function takeDay(entries: readonly JournalEntry[], start: number, max: number): readonly Happening[] {
  const happenings: Happening[] = [];
  for (const { text } of entries.slice(start, start + max)) {
    const happening: Happening = JSON.parse(text);
    if (happenings[0] !== undefined && happenings[0].day !== happening.day) break;
    happenings.push(happening);
  }
  return happenings;
}

/** `added` is undefined where nothing was stored, because another process has loaded from there on. */
async function storeBatch(
  database: LoaderDeps["database"],
  { segment, from, to, happenings }: Batch,
  stored?: Stored,
): Promise<{ readonly loaded: number; readonly added?: number }> {
  return database.transaction(async (tx) => {
    await lockTracking(tx);
    const [row] = await tx.query<{ readonly loaded: string }>(
      `insert into tracking_journal as journal (id, loaded) values ($1, 0)
       on conflict (id) do update set loaded = journal.loaded returning loaded::text as loaded`,
      [segment.id],
    );
    const loaded = Number(row?.loaded ?? 0);
    if (loaded !== from) return { loaded };
    const day = happenings[0]?.day;
    const added = day === undefined ? [] : await storeDay(tx, day, happenings);
    if (added.length > 0) await stored?.(tx, added);
    await tx.query("update tracking_journal set loaded = $2, loaded_at = now() where id = $1", [segment.id, to]);
    return { loaded: to, added: added.length };
  });
}

async function readLoaded(database: LoaderDeps["database"], { id }: Segment): Promise<number> {
  const sql = "select loaded::text as loaded from tracking_journal where id = $1";
  const [row] = await database.query<{ readonly loaded: string }>(sql, [id]);
  return Number(row?.loaded ?? 0);
}

async function readBytes(path: string, from: number, length: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
