/**
 * The tracking receiver behind its routes. The path of one beacon:
 *
 *   1. its happening is written to this process's journal, on the disk   → it is acknowledged
 *   2. the loader stores and counts it in the database, a moment later   → it is in the report
 *   3. the journal's file is removed, a while after all in it is loaded
 *
 * A process that is killed loses nothing after 1: its journal is taken over by the next one on the same folder, and what was loaded is
 * known in the database. @see docs/decisions/0019-beacons-by-journal.md
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { HttpError } from "../http-error.ts";
import type { NoteEvent } from "../noted-event.ts";
import type { Beacon } from "./beacon.ts";
import { type BeaconFilter, listBeacons, type StoredBeacon } from "./beacon-store.ts";
import { happeningOfBeacon, happeningOfNote, type Happening } from "./happening.ts";
import { createJournal } from "./journal.ts";
import type { Segment } from "./journal-segments.ts";
import { createLoadCycle, type IsAwaited, type LoadCycle, type LoadCycleDeps } from "./load-cycle.ts";
import type { LoadFigures } from "./load-batch.ts";
import { makeReport, type Report } from "./report.ts";
import type { ReportRequest } from "./report-request.ts";

export interface Tracking {
  /**
   * Resolves when the beacon is kept: on the disk, or in the database where `acknowledge` says so.
   *
   * @throws HttpError `overload` where more wait than can be kept, or the database takes too long; the system's error
   */
  append(beacon: Beacon): Promise<void>;
  readonly note: NoteEvent;
  /**
   * Brings all that this process acknowledged before the call into the database, and journals that it took over from others. False: there
   * is more than `timeoutMs` are enough for; that goes on in its own time.
   *
   * @throws the database's error
   */
  settle(timeoutMs?: number): Promise<boolean>;
  /**
   * What is in the database, in the order of loading.
   *
   * @throws the database's error, also where it takes longer than a transaction may
   */
  list(filter: BeaconFilter): Promise<readonly StoredBeacon[]>;
  /**
   * Of what is in the database.
   *
   * @throws ReportError for more rows than one answer has; the database's error, as {@link list}
   */
  report(request: ReportRequest): Promise<Report>;
  figures(): TrackingFigures;
  /** Takes over what killed processes left, and looks after old happenings from now on. */
  start(): void;
  /** Loads what it can in a few seconds; what is left is loaded by the next process on this folder. Safe to call twice. */
  close(): Promise<void>;
}

export interface TrackingFigures extends LoadFigures {
  /** Bytes of journals that are not removed yet, of this process and of those whose journals it took over. */
  readonly journalBytes: number;
}

export interface TrackingOptions extends Omit<LoadCycleDeps, "journal" | "journalName"> {
  /** When a beacon is acknowledged: once it is on this machine's disk, or only once it is in the database. */
  readonly acknowledge: "disk" | "database";
  /** Of journals that are not in the database, beyond which no beacon is taken; 4 GB where left out. */
  readonly maxJournalBytes?: number;
  /** For how long a beacon waits for the database in ms; 10 s where left out. */
  readonly storeTimeoutMs?: number;
}

/** A database that is away for long must not fill the disk. What is loaded goes within minutes. */
const MAX_JOURNAL_BYTES = 4 * 1024 ** 3;

const SETTLE_MS = 10_000;
/** A database that hangs must not keep requests, each with its beacon, for ever. */
const STORE_MS = 10_000;
const CLOSE_MS = 5_000;

/** Touches neither disk nor database before the first beacon or `start`. */
export function createTracking(options: TrackingOptions): Tracking {
  const { directory, database, now, onError, maxJournalBytes = MAX_JOURNAL_BYTES, storeTimeoutMs = STORE_MS } = options;
  const name = randomUUID();
  const journal = createJournal(join(directory, name), name);
  const cycle = createLoadCycle({ ...options, journal, journalName: name });

  const size = (): number => journal.size() + cycle.leftSize();

  const write = async (happening: Happening): Promise<Segment> => {
    // The first is cheaper to know.
    if (size() > maxJournalBytes && cycle.waiting() > maxJournalBytes) {
      const message = `beacons: expected at most ${maxJournalBytes} bytes of journals to be loaded, got more`;
      throw new HttpError("overload", message, { retryAfterSeconds: 60 });
    }
    const segment = await journal.append(JSON.stringify(happening));
    cycle.wake();
    return segment;
  };

  const tellOnce = createTeller((error) => onError(error, "noting an event"));
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    if (journal.size() > 0) {
      await within(cycle.runOwn, CLOSE_MS).catch((error: unknown) => onError(error, "loading beacons"));
    }
    await within(cycle.stop, CLOSE_MS);
    await journal.close();
  };

  return {
    append: async (beacon) => {
      const segment = await write(happeningOfBeacon(beacon));
      if (options.acknowledge === "database") await store(cycle, segment, storeTimeoutMs);
    },
    note: (event) => tellOnce(write(happeningOfNote(event, new Date(now())))),
    settle: (timeoutMs = SETTLE_MS) => within(cycle.run, timeoutMs),
    list: (filter) => database.transaction(({ query }) => listBeacons(query, filter)),
    report: (request) => database.transaction(({ query }) => makeReport(query, request)),
    figures: () => ({ ...cycle.figures(), journalBytes: size() }),
    start: () => cycle.start(),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** @throws HttpError `overload` where what the segment holds is not in the database in time */
async function store(cycle: LoadCycle, segment: Segment, timeoutMs: number): Promise<void> {
  if ((await within(cycle.runOwn, timeoutMs)) && !cycle.isUnreadable(segment)) return;
  const message = `beacons: expected the database to take one within ${timeoutMs} ms, got no answer`;
  throw new HttpError("overload", message, { retryAfterSeconds: 5 });
}

/** Once until one succeeds again: a log of each would fill the disk that is full. */
function createTeller(onError: (error: unknown) => void): (work: Promise<unknown>) => void {
  let isTold = false;
  return (work) => {
    work.then(
      () => (isTold = false),
      (error: unknown) => {
        if (!isTold) onError(error);
        isTold = true;
      },
    );
  };
}

/** Whether it was over in time. */
async function within(work: (isAwaited: IsAwaited) => Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const timeOut = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      isLate = true;
      resolve(false);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(() => !isLate).then(() => true), timeOut]);
  } finally {
    clearTimeout(timer);
  }
}
