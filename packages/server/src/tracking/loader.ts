/**
 * Moves journals into the database, behind the beacons. What is stored, what is counted and how far the journal is loaded change in one
 * transaction: a process that dies between two steps leaves nothing half done, and nothing is counted twice.
 */
import { open } from "node:fs/promises";
import { addEncounters } from "./first-encounter.ts";
import type { Happening } from "./happening.ts";
import { type JournalEntry, type JournalStretch, parseEntries } from "./journal-entry.ts";
import type { Segment } from "./journal-segments.ts";
import { type BatchDeps, loadBatch, type LoadFigures, NOTHING_LOADED } from "./load-batch.ts";
import { createRejectionTeller, type RejectedLine, type Rejection } from "./told-rejections.ts";

export interface Loader {
  /**
   * Loads a segment as far as it is on the disk at this moment.
   *
   * @param isOver asked between transactions
   * @returns false where it was over before that
   * @throws UnreadableSegment; the database's error; what was loaded before it stays
   */
  load(segment: Segment, isOver: () => boolean): Promise<boolean>;
  /** Forgets how far a segment is loaded, here and in the database: its file is gone. */
  forget(segment: Segment): Promise<void>;
  /** Bytes from its start that are in the database, as far as this process knows. */
  loaded(segment: Segment): number;
  figures(): LoadFigures;
}

export interface LoaderDeps extends Omit<BatchDeps, "tellRejected"> {
  /** Told once of each. */
  readonly onRejected: (rejection: Rejection) => Promise<void>;
  /** Entries of one transaction. */
  readonly maxBatch: number;
  /** Called between transactions: lets requests have the processor. */
  readonly rest: (elapsedMs: number) => Promise<void>;
}

/** The disk's fault, not the database's: other segments may be sound. Its cause is the system's error. */
export class UnreadableSegment extends Error {
  override readonly name = "UnreadableSegment";
}

const CHUNK_BYTES = 1024 * 1024;

/** One at a time for each database that it is used on; several processes may. */
export function createLoader(deps: LoaderDeps): Loader {
  const { database, rest } = deps;
  const rejections = createRejectionTeller(deps.onRejected);
  const batchDeps = { ...deps, tellRejected: rejections.tell };
  const loaded = new Map<string, number>();
  let figures = NOTHING_LOADED;

  const count = (change: LoadFigures): void => {
    const { added, duplicates, rejected, encounters } = figures;
    figures = {
      added: added + change.added,
      duplicates: duplicates + change.duplicates,
      rejected: rejected + change.rejected,
      encounters: addEncounters(encounters, change.encounters),
    };
  };

  return {
    load: async (segment, isOver) => {
      const end = segment.length;
      let from = loaded.get(segment.id) ?? (await readLoaded(deps, segment));
      while (from < end) {
        if (isOver()) return false;
        const startedAt = performance.now();
        const stretch = await readStretch(segment, from, end);
        // A torn end: nobody was told that it is kept.
        if (stretch.length === 0) return true;
        const lines = brokenLines(stretch, from);
        const reason = `${lines.length} lines from byte ${from} on are not what was written`;
        count({ ...NOTHING_LOADED, rejected: await rejections.tell("broken", segment, lines, reason) });
        from = await loadStretch({ segment, from, stretch }, batchDeps, count);
        loaded.set(segment.id, from);
        await rest(performance.now() - startedAt);
      }
      return true;
    },
    forget: async (segment) => {
      loaded.delete(segment.id);
      rejections.forget(segment);
      await database.query("delete from tracking_journal where id = $1", [segment.id]);
    },
    loaded: ({ id }) => loaded.get(id) ?? 0,
    figures: () => figures,
  };
}

function brokenLines({ broken }: JournalStretch, from: number): readonly RejectedLine[] {
  return broken.map(({ text, end }) => ({ line: `${text}\n`, end: from + end }));
}

interface Reading {
  readonly segment: Segment;
  readonly from: number;
  readonly stretch: JournalStretch;
}

/** @returns how far the segment is loaded */
async function loadStretch(
  { segment, from: start, stretch: { entries, length } }: Reading,
  deps: BatchDeps & Pick<LoaderDeps, "maxBatch">,
  count: (figures: LoadFigures) => void,
): Promise<number> {
  const end = start + length;
  let [from, next] = [start, 0];
  while (next < entries.length || from < end) {
    const happenings = takeDay(entries, next, deps.maxBatch);
    const taken = entries.slice(next, next + happenings.length);
    const isLast = next + happenings.length === entries.length;
    const to = isLast ? end : start + (taken.at(-1)?.end ?? 0);
    const outcome = await loadBatch({ segment, from, to, start, entries: taken, happenings }, deps);
    count(outcome);
    // Half of a batch, or what another process has loaded meanwhile.
    if (outcome.loaded !== to) return outcome.loaded;
    [from, next] = [to, next + happenings.length];
  }
  return from;
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

async function readLoaded({ database }: LoaderDeps, { id }: Segment): Promise<number> {
  const sql = "select loaded::text as loaded from tracking_journal where id = $1";
  const [row] = await database.query<{ readonly loaded: string }>(sql, [id]);
  return Number(row?.loaded ?? 0);
}

/** At least one line, where there is a whole one. @throws UnreadableSegment */
async function readStretch({ path }: Segment, from: number, end: number): Promise<JournalStretch> {
  for (let length = CHUNK_BYTES; ; length *= 2) {
    const bytes = await readBytes(path, from, Math.min(end - from, length)).catch((cause: unknown) => {
      throw new UnreadableSegment(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
    const stretch = parseEntries(bytes);
    if (stretch.length > 0 || bytes.length < length) return stretch;
  }
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
