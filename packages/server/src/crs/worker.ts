/** Takes creatives from the queue and works on them, each in a turn of its own. */
import { type NormaliseRule, normaliseCreativeUrl } from "@interlude/core";
import { findBlock } from "./block-list.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import { transition } from "./creative-state.ts";
import { createDiskSpace } from "./disk.ts";
import { LeaseLost, nameOf, type Report, Stopping, type TurnDeps } from "./leased-row.ts";
import { saveLife } from "./life-change.ts";
import { nameTurn } from "./stored-encoding.ts";
import { startTurn, type Turn } from "./turn.ts";
import { settle } from "./turn-end.ts";

/** A turn in this process, as seen from outside of it. */
interface Run extends Turn {
  readonly name: string;
  /** In the folder of work. */
  readonly folder: string;
  readonly controller: AbortController;
  readonly report: Report;
}

export interface Worker {
  /** Returns when the creative is ready or failed; a slow CDN may still be getting its share then. */
  run(jobId: string, id: CreativeId): Promise<void>;
  /** Of the turn in hand in this process; undefined: none. */
  progressOf(id: CreativeId): number | undefined;
  /** Names of the work folders that turns in this process use, those that only wait for slow CDNs among them. */
  listFolders(): readonly string[];
  /** Ends the turns in hand and waits for their end. */
  abort(id: CreativeId): Promise<void>;
  /** Ends every turn, begins none that waits; their creatives go back to the queue. */
  stop(): Promise<void>;
}

interface WorkerDeps extends TurnDeps {
  readonly normaliseRules: (zone: string) => readonly NormaliseRule[];
}

/** Turns that only wait for slow CDNs; with more of them no new one is begun, for their files take room. */
const MAX_TRAILING = 8;

/** One worker for all jobs of this process. */
export function createWorker(deps: WorkerDeps): Worker {
  const runs = new Set<Run>();
  const starts = new Set<Promise<unknown>>();
  const space = createDiskSpace(deps.config);
  const stopAll = new AbortController();
  const runsOf = (id: CreativeId): readonly Run[] => [...runs].filter((run) => run.name === nameOf(id));
  const end = async (ended: readonly Run[], reason: Error): Promise<void> => {
    for (const run of ended) run.controller.abort(reason);
    await Promise.all(ended.map((run) => run.over));
  };
  const start = async (jobId: string, id: CreativeId): Promise<Run | undefined> => {
    stopAll.signal.throwIfAborted();
    // Slow CDNs of the turn before: what they lack is this turn's to bring.
    await end(runsOf(id), new LeaseLost("creative: taken up again"));
    while (runs.size >= deps.config.concurrency + MAX_TRAILING) await Promise.race([...runs].map((run) => run.over));
    stopAll.signal.throwIfAborted();
    const record = await begin(jobId, id, deps);
    if (record === undefined) return undefined;
    const room = await space.reserve(nameTurn(record), stopAll.signal).catch(async (error: unknown) => {
      await settle(error, record, deps);
      return undefined;
    });
    if (room === undefined) return undefined;
    const controller = new AbortController();
    const report = { progress: 0 };
    const turn = startTurn(record, report, AbortSignal.any([controller.signal, stopAll.signal]), deps);
    const run = { ...turn, name: nameOf(id), folder: nameTurn(record), controller, report };
    runs.add(run);
    void turn.settled.then(room.release, room.release);
    void turn.over.then(() => runs.delete(run));
    return run;
  };
  return {
    run: async (jobId, id) => {
      const starting = start(jobId, id);
      starts.add(starting);
      const run = await starting.finally(() => starts.delete(starting));
      await run?.settled;
    },
    progressOf: (id) => runsOf(id).at(-1)?.report.progress,
    listFolders: () => [...runs].map((run) => run.folder),
    abort: (id) => end(runsOf(id), new LeaseLost("creative: forgotten")),
    stop: async () => {
      stopAll.abort(new Stopping("worker: stopping"));
      await Promise.allSettled(starts);
      await Promise.all([...runs].map((run) => run.over));
    },
  };
}

/** Takes the creative under a new lease; undefined: there is nothing to do, or it was blocked while it waited. */
async function begin(jobId: string, id: CreativeId, deps: WorkerDeps): Promise<CreativeRecord | undefined> {
  const record = await deps.database.transaction(async (tx) => {
    const found = await store.lock(tx, id);
    if (found === undefined) return undefined;
    const { retry } = deps.config;
    const begun = transition(found.life, { type: "start" }, retry);
    if (begun === found.life) return undefined;
    const normalisedUrl = normaliseCreativeUrl(found.creativeUrl, deps.normaliseRules(found.zone));
    const entry = await findBlock(tx, { ...found, ...found.ad, normalisedUrl });
    const life = entry ? transition(found.life, { type: "block" }, retry) : begun;
    return saveLife(tx, found, life, { jobId, lease: await store.takeLease(tx), progress: 0 }, deps);
  });
  if (record === undefined) return undefined;
  deps.announce(record);
  return record.life.state === "blocked" ? undefined : record;
}
