/**
 * What is done behind a process's own journal, a piece at a time: journals of processes that are gone, beacons of the release before, and
 * each minute what is old goes and what is needed next is made. None of it keeps another piece from its turn.
 */
import type { Database } from "../database/database.ts";
import type { Journal } from "./journal.ts";
import { createLeftLoader, type LeftLoaderDeps } from "./load-left.ts";
import { countOldBeacons } from "./old-beacons.ts";
import { removeOldRejected } from "./rejected-entries.ts";
import {
  analyseRecent,
  dropOldPartitions,
  firstDayOf,
  makeNextPartitions,
  removeOldRows,
  type Retention,
} from "./retention.ts";

export interface LoadBehind {
  /** Makes a round due: journals are looked for, and tables looked after. */
  beginRound(): void;
  isDue(): boolean;
  /** One piece of what is due. Never rejects: what fails is told and waits for the next round. */
  run(): Promise<void>;
  /** Bytes in files of others that were not removed. */
  size(): number;
  /** Of them, those that are not in the database. */
  waiting(): number;
  /** Lets go of the journals. Nothing may be under way. */
  close(): Promise<void>;
}

export interface LoadBehindDeps extends LeftLoaderDeps {
  readonly database: Pick<Database, "query" | "transaction" | "isEmbedded">;
  /** ms since the epoch */
  readonly now: () => number;
  readonly retention: Retention;
  /** This process's own. */
  readonly journal: Journal;
  /** How many happenings this process has added to the database. */
  readonly added: () => number;
}

/** False: it failed, and somebody was told. */
type Attempt = (what: string, work: () => Promise<unknown>) => Promise<boolean>;

/** Of rows that are new, after which what the database knows about its tables is of no use any more. */
const MANY_ROWS = 20_000;

/** In which a segment may be written. */
const WRITING_MS = 3_600_000;

/** The beacons of the release before are due at once, all else from the first round on. */
export function createLoadBehind(deps: LoadBehindDeps): LoadBehind {
  const due = { round: false, left: false, old: true };
  const left = createLeftLoader(deps);
  const attempt: Attempt = async (what, work) => {
    try {
      if (!deps.isStopped()) await work();
      return true;
    } catch (error) {
      deps.onError(error, what);
      return false;
    }
  };
  const countOld = async (): Promise<void> => {
    due.old = false;
    const tell = (error: unknown): void => deps.onError(error, "counting a beacon of the release before");
    due.old = await countOldBeacons(deps.database, tell);
  };
  const removeFiles = async (): Promise<void> => {
    await deps.segments.removeLoaded(deps.journal);
    await left.removeLoaded();
  };
  const sealOld = createSealer(deps);
  const keepTables = createTableKeeper(deps, attempt);

  return {
    beginRound: () => {
      Object.assign(due, { round: true, left: true, old: true });
    },
    isDue: () => due.round || due.left || due.old,
    run: async () => {
      const isRound = due.round;
      due.round = false;
      if (isRound) {
        await attempt("sealing a journal", sealOld);
        await attempt("looking for journals", left.take);
      }
      if (due.left) due.left = await left.load();
      if (due.old) await attempt("counting beacons of the release before", countOld);
      if (!isRound) return;
      await attempt("removing journals that are loaded", removeFiles);
      await keepTables();
    },
    size: left.size,
    waiting: left.waiting,
    close: left.close,
  };
}

/**
 * Of a process that gets few beacons a segment would be written for weeks: for longer than its beacons are kept, and than the database
 * knows how far it is loaded.
 */
function createSealer({ journal, now }: Pick<LoadBehindDeps, "journal" | "now">): () => Promise<void> {
  let first: { readonly id: string; readonly seenAt: Date } | undefined;
  return async () => {
    const open = journal.segments().find(({ isSealed }) => !isSealed);
    if (open === undefined) return;
    const seen = first?.id === open.id ? first : { id: open.id, seenAt: new Date(now()) };
    first = seen;
    if (now() - seen.seenAt.getTime() >= WRITING_MS) await journal.seal(open);
  };
}

/** Each by itself: while somebody reads an old table, the next one is made all the same. */
function createTableKeeper(
  { directory, database, retention, now, added }: LoadBehindDeps,
  attempt: Attempt,
): () => Promise<void> {
  let analysedAt = -Infinity;
  return async () => {
    const time = new Date(now());
    await attempt("making tables", () => makeNextPartitions(database, time));
    await attempt("dropping old tables", () => dropOldPartitions(database, retention, time));
    await attempt("removing what is old", () => removeOldRows(database, retention, time));
    const before = new Date(`${firstDayOf(retention, time)}T00:00:00Z`);
    await attempt("removing what was rejected", () => removeOldRejected(directory, before));
    if (!database.isEmbedded || added() - analysedAt < MANY_ROWS) return;
    if (await attempt("analysing tables", () => analyseRecent(database, time))) analysedAt = added();
  };
}
