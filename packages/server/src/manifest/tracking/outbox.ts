/**
 * Beacons on their way out: kept first, then sent. No host is asked again once it may have taken the request, because third parties
 * must not count twice.
 *
 *   kept              → in the database: who dies before the request leaves it to others
 *   marked, then sent → who dies after that leaves it to nobody: the request may have been taken
 *   429, 503          → again, when the host says, else with back-off; its other beacons wait as well
 *   no connection     → again, with back-off
 *   anything else     → never again
 *
 * A few at a time to each host, so that a dead one holds up no other. What has no room is dropped.
 */
import { createBatch } from "./outbox-batch.ts";
import {
  causeOf,
  holdAfter,
  MAX_AGE_MS,
  type OutboxOutcome,
  outcomeOf,
  type RetryCause,
  whenAgain,
} from "./outbox-retry.ts";
import { claimBeforehand } from "./outbox-owed.ts";
import type { Kept, OutboxBeacon, OutboxBounds, OutboxRows, OwedBeacon, TakenBeacon } from "./outbox-rows.ts";
import type { SendBeacon } from "./outbox-send.ts";
import { createHolds, createSlots, type SlotLimits } from "./outbox-slots.ts";

/** Requests under way of this instance, to one host and in all; what may be kept, of all instances on one database. */
export type BeaconLimits = OutboxBounds & SlotLimits;

/** A host that takes 3 s for each answer still gets 2 to 3 a second. */
export const BEACON_LIMITS: BeaconLimits = { perHost: 8, overall: 128, waitingPerHost: 2000, waitingOverall: 20_000 };

export interface OutboxDeps {
  readonly rows: OutboxRows;
  /** True for the first who asks with this key; where `rows` can claim by itself it is not asked. */
  readonly claim?: (sessionId: string, key: string) => Promise<boolean>;
  readonly send: SendBeacon;
  /** Once for each beacon that was kept, by whichever instance ends it. */
  readonly onEnd: (beacon: OutboxBeacon, outcome: OutboxOutcome) => void;
  /** At each request; `status` 0: no answer. */
  readonly onRequest: (beacon: OutboxBeacon, status: number) => void;
  readonly onRetry?: (cause: RetryCause) => void;
  /** Of the database; the outbox goes on. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds since 1970; instances' clocks may differ by seconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly limits?: SlotLimits;
}

export interface Outbox {
  /** Whether one more for this host would be kept, as far as is known. */
  readonly hasRoom: (host: string) => boolean;
  /** True: it is kept, and sent also if this process dies now; false: dropped. Rejects where the database is away. */
  readonly add: (beacon: OutboxBeacon) => Promise<boolean>;
  /** The same, by the first who adds it. */
  readonly addOwed: (owed: OwedBeacon) => Promise<Kept>;
  /** Begins to send what is due, also of instances that are gone; once a second it does so by itself. */
  readonly look: () => void;
  /** Ends what has waited for too long, and what was left marked; once a minute it does so by itself. */
  readonly sweep: () => Promise<void>;
  /** When nothing is under way, and nothing that is due was left. */
  readonly idle: () => Promise<void>;
  /** Begins nothing more, and resolves when what is under way has ended. What waits stays where it is kept. */
  readonly close: () => Promise<void>;
}

const LOOK_MS = 1000;
const SWEEP_MS = 60_000;
/** Far longer than any request takes. */
const INTERRUPTED_MS = 60_000;
/** How long a host is taken for full once something for it had no room. */
const FULL_MS = 1000;
const MAX_BATCH = 500;
/** In memory while the database is slow. */
const MAX_WAITING = 2000;

/** Works by itself until it is closed. */
export function createOutbox(deps: OutboxDeps): Outbox {
  const { rows, now, onError = () => undefined } = deps;
  const tasks = createTasks(onError);
  const full = createHolds(now);
  const keep = createBatch((beacons: readonly OutboxBeacon[]) => rows.add(beacons, now()), MAX_BATCH, {
    waiting: MAX_WAITING,
    full: false,
  });
  const sender = createSender(deps, tasks);
  const sweep = async (): Promise<void> => {
    const nowMs = now();
    const { expired, interrupted } = await rows.sweep({
      createdBeforeMs: nowMs - MAX_AGE_MS,
      markedBeforeMs: nowMs - INTERRUPTED_MS,
    });
    for (const beacon of expired) deps.onEnd(beacon, "dropped");
    for (const beacon of interrupted) deps.onEnd(beacon, "failed");
  };
  const hold = ({ url }: OutboxBeacon): void => full.hold(new URL(url).host, now() + FULL_MS);
  const add = async (beacon: OutboxBeacon): Promise<boolean> => {
    const isKept = await keep(beacon);
    if (isKept) sender.look();
    else hold(beacon);
    return isKept;
  };
  const keepOwed = createKeepOwed(deps, add);
  const timers = [setInterval(sender.look, LOOK_MS).unref(), setInterval(() => tasks.add(sweep()), SWEEP_MS).unref()];
  sender.look();
  return {
    hasRoom: (host) => !full.has(host),
    add,
    addOwed: async (owed) => {
      const kept = await keepOwed(owed);
      if (kept === "kept") sender.look();
      if (kept === "full") hold(owed.beacon);
      return kept;
    },
    look: sender.look,
    sweep,
    idle: tasks.idle,
    close: async () => {
      sender.close();
      for (const timer of timers) clearInterval(timer);
      await tasks.idle();
    },
  };
}

function createKeepOwed(
  { rows, now, claim }: OutboxDeps,
  add: (beacon: OutboxBeacon) => Promise<boolean>,
): (owed: OwedBeacon) => Promise<Kept> {
  const { addOwed } = rows;
  if (!addOwed) return claimBeforehand(add, claim);
  const run = (owed: readonly OwedBeacon[]): Promise<readonly Kept[]> => addOwed(owed, now());
  return createBatch(run, MAX_BATCH, { waiting: MAX_WAITING, full: "full" });
}

interface Sender {
  readonly look: () => void;
  readonly close: () => void;
}

function createSender(deps: OutboxDeps, tasks: Tasks): Sender {
  const { rows, now } = deps;
  const slots = createSlots(deps.limits ?? BEACON_LIMITS);
  const held = createHolds(now);
  const sendOne = createSendOne(deps, held.hold);
  let [isWoken, isTaking, isClosed] = [false, false, false];

  const start = (taken: TakenBeacon): void => {
    slots.begin(taken.host);
    const sending = sendOne(taken).finally(() => {
      slots.end(taken.host);
      look();
    });
    tasks.add(sending);
  };
  const canTake = (): boolean => isWoken && !isClosed && slots.room().free > 0;
  const takeAll = async (): Promise<void> => {
    isTaking = true;
    try {
      while (canTake()) {
        isWoken = false;
        const taken = await rows.take({ ...slots.room(), held: held.list() }, now());
        for (const row of taken) start(row);
        // There may be more than were asked for.
        isWoken ||= taken.length > 0;
      }
    } finally {
      isTaking = false;
    }
  };
  const look = (): void => {
    isWoken = true;
    if (!isTaking && !isClosed) tasks.add(takeAll());
  };
  return { look, close: () => (isClosed = true) };
}

/** The request, and what is written down of it. */
function createSendOne(
  deps: OutboxDeps,
  hold: (host: string, untilMs: number) => void,
): (taken: TakenBeacon) => Promise<void> {
  const { rows, now, random = Math.random } = deps;
  const settle = createBatch(async (settled: readonly Settled[]) => {
    const ended = settled.flatMap(({ id, dueAtMs }) => (dueAtMs === undefined ? [id] : []));
    const again = settled.flatMap(({ id, dueAtMs }) => (dueAtMs === undefined ? [] : [{ id, dueAtMs }]));
    await rows.settle(ended, again);
    return settled.map(() => true);
  }, MAX_BATCH);

  return async (taken) => {
    const { id, host, beacon } = taken;
    const result = await deps.send(new URL(beacon.url), beacon.headers);
    deps.onRequest(beacon, "status" in result ? result.status : 0);
    const holdMs = holdAfter(result);
    if (holdMs > 0) hold(host, now() + holdMs);
    const dueAtMs = whenAgain(taken, result, now(), random());
    // Where this fails the mark stays: the row is not sent again, and ends with the sweep.
    await settle({ id, dueAtMs });
    const cause = causeOf(result);
    if (dueAtMs === undefined) deps.onEnd(beacon, outcomeOf(result));
    else if (cause) deps.onRetry?.(cause);
  };
}

interface Settled {
  readonly id: string;
  /** undefined: it has ended. */
  readonly dueAtMs: number | undefined;
}

interface Tasks {
  readonly add: (task: Promise<void>) => void;
  /** When there is none. */
  readonly idle: () => Promise<void>;
}

function createTasks(onError: (error: unknown) => void): Tasks {
  const tasks = new Set<Promise<void>>();
  return {
    add: (task) => {
      const ended = task.catch(onError);
      tasks.add(ended);
      void ended.finally(() => tasks.delete(ended));
    },
    idle: async () => {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}
