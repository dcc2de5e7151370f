/**
 * When journals are loaded: a moment after something was written, at once when somebody asks, and each minute with what others left.
 * One pass at a time; one that failed is tried again, later each time.
 */
import type { Database } from "../database/database.ts";
import type { Journal, Segment } from "./journal.ts";
import { type LeftJournal, takeLeftJournals } from "./left-journals.ts";
import { createLoader, type LoadFigures, type Stored } from "./loader.ts";
import { countOldBeacons } from "./old-beacons.ts";
import { keepTables, type Retention } from "./retention.ts";

export interface LoadCycle {
  /** Something was written. */
  wake(): void;
  /**
   * Loads all that is written now.
   *
   * @throws the database's error
   */
  run(): Promise<void>;
  /** Begins the rounds of each minute, the first at once. */
  start(): void;
  /** Waits for the transaction under way. */
  stop(): Promise<void>;
  figures(): LoadFigures;
}

export interface LoadCycleDeps {
  /** The folder of all journals. */
  readonly directory: string;
  readonly database: Pick<Database, "query" | "transaction" | "isEmbedded">;
  /** ms since the epoch */
  readonly now: () => number;
  readonly retention: Retention;
  /** What goes wrong behind the beacons; it is tried again. */
  readonly onError: (error: unknown, what: string) => void;
  /** This process's own, and its name. */
  readonly journal: Journal;
  readonly journalName: string;
  /** What else is done for each happening that is new, in its transaction. */
  readonly stored?: Stored | undefined;
}

/** Long enough for a batch to come together, short enough for who looks at a report. */
const DELAY_MS = 200;
const ROUND_MS = 60_000;
const MAX_RETRY_MS = 30_000;
/** The embedded database works on this thread, on which requests are answered. */
const MAX_BATCH = { embedded: 500, server: 2000 };

/** Does nothing before it is told to. */
export function createLoadCycle(deps: LoadCycleDeps): LoadCycle {
  const { database, journal, onError } = deps;
  let [hasOldBeacons, isRoundDue, isStopped, hurried, failures] = [true, false, false, 0, 0];
  let left: readonly LeftJournal[] = [];
  const done = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let rounds: NodeJS.Timeout | undefined;

  const isOver = (): boolean => isStopped;
  const loader = createLoader({
    database,
    maxBatch: database.isEmbedded ? MAX_BATCH.embedded : MAX_BATCH.server,
    rest: (elapsedMs) => (hurried > 0 || !database.isEmbedded ? pause(0) : letRequestsThrough(elapsedMs)),
    isStopped: isOver,
    stored: deps.stored,
    onRejected: (segment, reason) => onError(new Error(`${segment.path}: ${reason}`), "loading a beacon"),
  });

  const loadSegment = async (segment: Segment): Promise<void> => {
    const { isSealed } = segment;
    if (done.has(segment.id) || isStopped) return;
    const isWhole = await loader.load(segment);
    if (isSealed && isWhole) done.add(segment.id);
  };

  const takeLeft = async (): Promise<void> => {
    const names = new Set([deps.journalName, ...left.map(({ name }) => name)]);
    left = [...left, ...(await takeLeftJournals(deps.directory, (name) => names.has(name)))];
  };

  const loadLeft = async (): Promise<void> => {
    for (const { segments } of left) for (const segment of segments) await loadSegment(segment);
  };

  const pass = async (): Promise<void> => {
    const isRound = isRoundDue;
    isRoundDue = false;
    hasOldBeacons ||= isRound;
    if (isRound) await takeLeft();
    // A file that cannot be read must not hold up what comes in now.
    await loadLeft().catch((error: unknown) => onError(error, "loading beacons of a process that is gone"));
    if (hasOldBeacons && !isOver()) {
      hasOldBeacons = await countOldBeacons(database);
      if (hasOldBeacons) wake();
    }
    for (const segment of journal.segments()) await loadSegment(segment);
    if (isRound && !isStopped) await tidy();
  };

  const tidy = async (): Promise<void> => {
    const owners = [{ segments: journal.segments(), remove: journal.remove }, ...left];
    for (const { segments, remove } of owners) {
      for (const segment of segments) {
        if (!done.has(segment.id) || !(await remove(segment))) continue;
        await loader.forget(segment);
        done.delete(segment.id);
      }
    }
    const empty = left.filter((journalLeft) => journalLeft.segments.length === 0);
    left = left.filter((journalLeft) => journalLeft.segments.length > 0);
    for (const { release } of empty) await release();
    await keepTables(database, deps.retention, new Date(deps.now()));
  };

  const enqueue = serialise(pass);

  const wake = (): void => {
    if (timer !== undefined || isStopped) return;
    const delay = failures === 0 ? DELAY_MS : Math.min(MAX_RETRY_MS, DELAY_MS * 2 ** failures);
    timer = setTimeout(() => {
      timer = undefined;
      enqueue().then(
        () => (failures = 0),
        (error: unknown) => {
          onError(error, "loading beacons");
          failures++;
          wake();
        },
      );
    }, delay).unref();
  };

  return {
    wake,
    run: async () => {
      hurried++;
      try {
        await enqueue();
      } finally {
        hurried--;
      }
    },
    start: () => {
      const round = (): void => {
        isRoundDue = true;
        wake();
      };
      round();
      rounds = setInterval(round, ROUND_MS).unref();
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      clearInterval(rounds);
      await enqueue().catch((error: unknown) => onError(error, "loading beacons"));
      for (const { release } of left) await release();
    },
    figures: loader.figures,
  };
}

/** Share of the time in which the thread has something to do. */
const BUSY = 0.6;

/** Where the database works on the thread of the requests: half of the time is theirs, and nine tenths while they need it. */
async function letRequestsThrough(elapsedMs: number): Promise<void> {
  for (let turn = 0; turn < 9; turn++) {
    const before = performance.eventLoopUtilization();
    await pause(elapsedMs);
    if (performance.eventLoopUtilization(before).utilization < BUSY) return;
  }
}

/** Who calls while one is under way shares the next with all others who do. */
function serialise(work: () => Promise<void>): () => Promise<void> {
  let current: Promise<unknown> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    if (next) return next;
    const begun = current.then(async () => {
      next = undefined;
      await work();
    });
    next = begun;
    current = begun.catch(() => undefined);
    return begun;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms <= 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
