/**
 * When journals are loaded: a moment after something was written, at once when somebody asks, and each minute with what others left.
 * The own journal goes before all else, in pieces, so that a long one keeps the rest from nothing; what failed is tried again.
 */
import type { Segment } from "./journal-segments.ts";
import { createLoadBehind, type LoadBehindDeps } from "./load-behind.ts";
import type { LoadFigures, Stored } from "./load-batch.ts";
import { createSegmentLoader } from "./load-segments.ts";
import { createLoadTimer } from "./load-timer.ts";
import { createTurns } from "./load-turns.ts";
import { createLoader, type Loader } from "./loader.ts";
import { keepRejected } from "./rejected-entries.ts";
import { firstDayOf } from "./retention.ts";
import type { Rejection } from "./told-rejections.ts";

/** Whether somebody still waits for the outcome; asked between pieces. */
export type IsAwaited = () => boolean;

export interface LoadCycle {
  /** Something was written. */
  wake(): void;
  /**
   * Loads all that this process has written and that can be read; what nobody waits for any more is left to the next time.
   *
   * @throws the database's error
   */
  runOwn(isAwaited: IsAwaited): Promise<void>;
  /**
   * The same, and what others left as far as it is known.
   *
   * @throws the database's error
   */
  run(isAwaited: IsAwaited): Promise<void>;
  /** Begins the rounds of each minute, the first at once. */
  start(): void;
  /** Waits for the transaction under way. */
  stop(): Promise<void>;
  figures(): LoadFigures;
  /** Whether it could not be read the last time. */
  isUnreadable(segment: Segment): boolean;
  /** Bytes of journals, this process's and those that it took over, that are not in the database. */
  waiting(): number;
  /** Bytes of journals that others left and that were not removed. */
  leftSize(): number;
}

export interface LoadCycleDeps extends Omit<LoadBehindDeps, "segments" | "added" | "isStopped"> {
  /** What else is done for each happening that is new, in its transaction. */
  readonly stored?: Stored | undefined;
}

/** For which the rest waits for the own journal, a transaction more or less. */
const PIECE_MS = 500;
/** The embedded database has one connection: whoever else asks it waits for a batch. */
const MAX_BATCH = { embedded: 500, server: 2000 };

/** Does nothing before it is told to. */
export function createLoadCycle(deps: LoadCycleDeps): LoadCycle {
  const { journal, now, onError } = deps;
  let isStopped = false;
  const isOver = (): boolean => isStopped;
  const waiters = createWaiters();
  const loader = openLoader(deps, () => isOver() || waiters.isAnyThere());
  const segments = createSegmentLoader({ loader, now, onUnreadable: (error) => onError(error, "reading a journal") });
  const behind = createLoadBehind({ ...deps, segments, added: () => loader.figures().added, isStopped: isOver });

  const turns = createTurns();
  const loadOwn = turns(() => {
    const until = performance.now() + PIECE_MS;
    return segments.load(journal, () => isOver() || performance.now() > until);
  });
  const loadBehind = turns(behind.run);

  const timer = createLoadTimer(
    async () => {
      for (let isLoaded = false; !isLoaded && !isOver();) {
        isLoaded = await loadOwn().finally(loadBehind);
      }
      if (behind.isDue()) timer.wake();
    },
    (error) => onError(error, "loading beacons"),
  );
  const loadAllOwn = async (isAwaited: IsAwaited): Promise<void> => {
    for (let isLoaded = false; !isLoaded && isAwaited() && !isOver();) isLoaded = await loadOwn();
  };

  return {
    wake: timer.wake,
    runOwn: (isAwaited) => waiters.add(isAwaited, () => loadAllOwn(isAwaited)),
    run: (isAwaited) =>
      waiters.add(isAwaited, async () => {
        await loadAllOwn(isAwaited);
        while (behind.isDue() && isAwaited() && !isOver()) await loadBehind();
        if (!isAwaited()) timer.wake();
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
    isUnreadable: segments.isUnreadable,
    waiting: () => segments.waiting(journal) + behind.waiting(),
    leftSize: behind.size,
  };
}

interface Waiters {
  /** Who waits for the work, until it ends or is awaited no more. */
  add(isAwaited: IsAwaited, work: () => Promise<void>): Promise<void>;
  isAnyThere(): boolean;
}

function createWaiters(): Waiters {
  const waiting = new Set<IsAwaited>();
  return {
    add: async (isAwaited, work) => {
      waiting.add(isAwaited);
      try {
        await work();
      } finally {
        waiting.delete(isAwaited);
      }
    },
    isAnyThere: () => [...waiting].some((isAwaited) => isAwaited()),
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
    rest: (elapsedMs) => (database.isEmbedded ? letRequestsThrough(elapsedMs, isHurried) : pause(0)),
    firstDay: () => firstDayOf(retention, new Date(now())),
    onRejected,
    stored,
  });
}

/** Share of the time in which the thread has something to do. */
const BUSY = 0.6;
/** For which somebody who comes to wait for the database waits for a rest. */
const SLICE_MS = 10;

/**
 * Where the database works on a processor of this machine: half of the time is others', and nine tenths while requests need it, unless
 * somebody waits for it.
 */
async function letRequestsThrough(elapsedMs: number, isHurried: () => boolean): Promise<void> {
  await pause(0);
  for (let turn = 0; turn < 9 && !isHurried(); turn++) {
    const before = performance.eventLoopUtilization();
    for (const until = performance.now() + elapsedMs; performance.now() < until && !isHurried();) await pause(SLICE_MS);
    if (performance.eventLoopUtilization(before).utilization < BUSY) return;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms <= 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
