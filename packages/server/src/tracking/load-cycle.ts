/**
 * When journals are loaded: a moment after something was written, at once when somebody asks, and each minute with what others left.
 * The own journal goes before all else; what failed is tried again, later each time.
 */
import { createLoadBehind, type LoadBehindDeps } from "./load-behind.ts";
import type { LoadFigures, Rejection, Stored } from "./load-batch.ts";
import { createSegmentLoader } from "./load-segments.ts";
import { createTurns } from "./load-turns.ts";
import { createLoader, type Loader, UnreadableSegment } from "./loader.ts";
import { keepRejected } from "./rejected-entries.ts";
import { firstDayOf } from "./retention.ts";

export interface LoadCycle {
  /** Something was written. */
  wake(): void;
  /**
   * Loads all that this process has written.
   *
   * @throws the database's error
   */
  runOwn(): Promise<void>;
  /**
   * The same, and what others left as far as it is known.
   *
   * @throws the database's error
   */
  run(): Promise<void>;
  /** Begins the rounds of each minute, the first at once. */
  start(): void;
  /** Waits for the transaction under way. */
  stop(): Promise<void>;
  figures(): LoadFigures;
  /** Bytes of journals that others left and that were not removed. */
  leftSize(): number;
}

export interface LoadCycleDeps extends Omit<LoadBehindDeps, "segments" | "added" | "isStopped"> {
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
  const { journal, onError } = deps;
  let [isStopped, hurried] = [false, 0];
  const isOver = (): boolean => isStopped;
  const loader = openLoader(deps, () => hurried > 0);
  const segments = createSegmentLoader(loader, deps.now);
  const behind = createLoadBehind({ ...deps, segments, added: () => loader.figures().added, isStopped: isOver });

  const turns = createTurns();
  const loadOwn = turns(async () => {
    await segments.load(journal.segments(), isOver);
  });
  const loadBehind = turns(behind.run);

  const timer = createTimer(async () => {
    await loadOwn().catch(passOver(onError));
    await loadBehind();
    if (behind.isDue()) timer.wake();
  }, onError);
  const hurry = async (work: () => Promise<void>): Promise<void> => {
    hurried++;
    try {
      await work();
    } finally {
      hurried--;
    }
  };

  return {
    wake: timer.wake,
    runOwn: () => hurry(loadOwn),
    run: () =>
      hurry(async () => {
        await loadOwn();
        while (behind.isDue() && !isOver()) await loadBehind();
      }),
    start: () => timer.repeat(behind.beginRound),
    stop: async () => {
      isStopped = true;
      timer.stop();
      await loadOwn().catch((error: unknown) => onError(error, "loading beacons"));
      await loadBehind();
      await behind.close();
    },
    figures: loader.figures,
    leftSize: behind.size,
  };
}

/** The disk's fault is told and holds nothing up; the database's is thrown. */
function passOver(onError: LoadCycleDeps["onError"]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof UnreadableSegment)) throw error;
    onError(error, "loading beacons");
  };
}

function openLoader(deps: LoadCycleDeps, isHurried: () => boolean): Loader {
  const { database, directory, onError, retention, now, stored } = deps;
  const onRejected = async (rejection: Rejection): Promise<void> => {
    onError(new Error(`${rejection.segment.path}: ${rejection.reason}`), "loading a beacon");
    await keepRejected(directory, rejection).catch((error: unknown) => onError(error, "keeping a beacon"));
  };
  return createLoader({
    database,
    maxBatch: database.isEmbedded ? MAX_BATCH.embedded : MAX_BATCH.server,
    rest: (elapsedMs) => (isHurried() || !database.isEmbedded ? pause(0) : letRequestsThrough(elapsedMs)),
    firstDay: () => firstDayOf(retention, new Date(now())),
    onRejected,
    stored,
  });
}

interface Timer {
  /** Has the work done in a moment. */
  wake(): void;
  /** The same, now and each minute, after `begin`. */
  repeat(begin: () => void): void;
  stop(): void;
}

function createTimer(work: () => Promise<void>, onError: LoadCycleDeps["onError"]): Timer {
  let [isStopped, failures] = [false, 0];
  let waiting: NodeJS.Timeout | undefined;
  let rounds: NodeJS.Timeout | undefined;

  const wake = (): void => {
    if (waiting !== undefined || isStopped) return;
    const delay = failures === 0 ? DELAY_MS : Math.min(MAX_RETRY_MS, DELAY_MS * 2 ** failures);
    waiting = setTimeout(() => {
      waiting = undefined;
      work().then(
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
    repeat: (begin) => {
      const round = (): void => {
        begin();
        wake();
      };
      round();
      rounds = setInterval(round, ROUND_MS).unref();
    },
    stop: () => {
      isStopped = true;
      clearTimeout(waiting);
      clearInterval(rounds);
    },
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms <= 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
