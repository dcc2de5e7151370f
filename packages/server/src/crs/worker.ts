/** Takes creatives from the queue and brings each as far as it goes: its row, its files, its CDNs, its end. */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Database } from "../database/database.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import * as store from "./creative-store.ts";
import type { CreativeId, CreativeRecord } from "./creative-store.ts";
import { type CreativeEvent, isTransient, transition } from "./creative-state.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import type { MediaTools } from "./encode.ts";
import type { Encoding } from "./encoding.ts";
import { fetchSource } from "./fetch-source.ts";
import type { JobQueue } from "./job-queue.ts";
import { createPublisher } from "./publisher.ts";
import type { PublishTarget } from "./publish-target.ts";
import { repackage } from "./repackage.ts";
import { RepackageFailure } from "./repackage-failure.ts";

export interface WorkerDeps {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly fetch: GuardedFetch;
  readonly targets: readonly PublishTarget[];
  readonly tools: MediaTools;
  readonly config: CrsConfig;
  readonly log: CrsLog;
  /** Tells the listeners of a change; `progress` where it is newer than the row's. */
  readonly announce: (record: CreativeRecord, progress?: number) => void;
}

/** The job in hand, as seen from outside of it. */
interface Run {
  readonly controller: AbortController;
  /** Never rejects. */
  readonly ended: Promise<void>;
  readonly report: Report;
}

/** How far a run is, 0 to 1. */
interface Report {
  progress: number;
}

export interface Worker {
  run(jobId: string, id: CreativeId): Promise<void>;
  /** Of the run in hand in this process; undefined: none. */
  progressOf(id: CreativeId): number | undefined;
  /** Ends the run in hand and waits for its end. */
  abort(id: CreativeId): Promise<void>;
  /** Ends every run; their creatives go back to the queue. */
  stop(): Promise<void>;
}

/** The creative is another worker's now, or nobody's: nothing more may be written about it. */
class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** This process is about to end. */
class Stopping extends Error {
  override readonly name = "Stopping";
}

const ANNOUNCE_MS = 250;
const SAVE_MS = 1000;

/** One worker for all jobs of this process. */
export function createWorker(deps: WorkerDeps): Worker {
  const runs = new Map<string, Run>();
  const stopAll = new AbortController();
  return {
    run: async (jobId, id) => {
      if (stopAll.signal.aborted) throw new Stopping("worker: stopping");
      const record = await begin(jobId, id, deps);
      if (record === undefined) return;
      const controller = new AbortController();
      const report = { progress: 0 };
      const ended = runCreative(record, report, AbortSignal.any([controller.signal, stopAll.signal]), deps);
      const run: Run = { controller, report, ended: ended.catch(() => undefined) };
      runs.set(nameOf(id), run);
      try {
        await ended;
      } finally {
        if (runs.get(nameOf(id)) === run) runs.delete(nameOf(id));
      }
    },
    progressOf: (id) => runs.get(nameOf(id))?.report.progress,
    abort: async (id) => {
      const run = runs.get(nameOf(id));
      run?.controller.abort(new LeaseLost("creative: forgotten"));
      await run?.ended;
    },
    stop: async () => {
      stopAll.abort(new Stopping("worker: stopping"));
      await Promise.all([...runs.values()].map((run) => run.ended));
    },
  };
}

function nameOf({ zone, key }: CreativeId): string {
  return `${zone}/${key}`;
}

/** No two runs share it: leases begin anew with a row that is made after the one before was forgotten. */
function nameTurn({ key, lease, createdAt }: CreativeRecord): string {
  return `${key}-${createdAt.getTime().toString(36)}-${lease}`;
}

/** Takes the creative under a new lease; undefined: there is nothing to do. */
async function begin(jobId: string, id: CreativeId, deps: WorkerDeps): Promise<CreativeRecord | undefined> {
  const record = await deps.database.transaction(async (tx) => {
    const found = await store.lock(tx, id);
    if (found === undefined) return undefined;
    const life = transition(found.life, { type: "start" }, deps.config.retry);
    if (life === found.life) return undefined;
    await store.save(tx, found, life, { jobId, lease: found.lease + 1, progress: 0 });
    return { ...found, life, jobId, lease: found.lease + 1, progress: 0, message: undefined };
  });
  if (record === undefined) return undefined;
  deps.announce(record);
  return record.life.state === "blocked" ? undefined : record;
}

async function runCreative(begun: CreativeRecord, run: Report, signal: AbortSignal, deps: WorkerDeps): Promise<void> {
  const { config, log } = deps;
  const folder = join(config.workDir, nameTurn(begun));
  const publisher = createPublisher(deps, begun, signal);
  const startedAt = Date.now();
  let current = begun;
  const change = async (event: CreativeEvent, extra: store.CreativeChange = {}): Promise<void> => {
    const life = transition(current.life, event, config.retry);
    if (!(await store.save(deps.database, current, life, { progress: run.progress, ...extra }))) {
      throw new LeaseLost(`creative ${nameOf(begun)}: no longer ours`);
    }
    current = { ...current, life };
    deps.announce(current, run.progress);
  };
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const stored = await findStored(begun, config);
    const report = reportProgress(run, () => current, deps);
    const ports = {
      tools: deps.tools,
      fetchSource: (target: string, onProgress: (share: number) => void) =>
        fetchSource(begun.creativeUrl, target, { ...deps, limits: config.limits }, signal, onProgress),
      enter: (type: "transcode" | "publish") => change({ type }),
      onProgress: report,
      keepEncoding: async (encoding: Encoding) => {
        const kept = await keepEncoding(encoding, begun, config);
        if (!(await store.save(deps.database, current, current.life, { encoding: kept }))) {
          await rm(join(config.encodingDir, kept.folder), { recursive: true, force: true });
          throw new LeaseLost(`creative ${nameOf(begun)}: no longer ours`);
        }
        current = { ...current, encoding: kept };
        return resolveEncoding(kept, config);
      },
      nextPackage: publisher.nextPackage,
      publish: publisher.publish,
    };
    let next = stored;
    do {
      await repackage(folder, next, ports, signal);
      next = await findStored(current, config);
    } while (!(await finish(current, publisher.wasTried, deps)));
    log.info({ creative: nameOf(begun), ms: Date.now() - startedAt }, "creative is ready");
    await publisher.ended();
    const whole = await store.find(deps.database, begun);
    if (whole) deps.announce(whole);
  } catch (error) {
    await publisher.ended();
    await settle(error, current, deps);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Ends the run, unless another package was asked for meanwhile: then false, and the run goes on.
 *
 * @throws LeaseLost
 */
async function finish(
  current: CreativeRecord,
  wasTried: (cut: store.PackageRecord) => boolean,
  deps: WorkerDeps,
): Promise<boolean> {
  const record = await deps.database.transaction(async (tx) => {
    const found = await store.lock(tx, current);
    if (found?.lease !== current.lease) throw new LeaseLost(`creative ${nameOf(current)}: no longer ours`);
    if (found.packages.some((one) => one.publishedAt === undefined && !wasTried(one))) return undefined;
    const life = transition(found.life, { type: "finish" }, deps.config.retry);
    await store.save(tx, found, life, { progress: 1 });
    return { ...found, life, progress: 1, message: undefined };
  });
  if (record) deps.announce(record);
  return record !== undefined;
}

/** Writes down how a run ended that did not succeed. Throws only to have the queue run the job again. */
async function settle(error: unknown, current: CreativeRecord, deps: WorkerDeps): Promise<void> {
  const { config, database, log, queue } = deps;
  if (error instanceof LeaseLost) return;
  const isStopping = error instanceof Stopping;
  const reason = error instanceof RepackageFailure ? error.reason : "internal";
  const message = error instanceof Error ? error.message : String(error);
  const record = await database.transaction(async (tx) => {
    const found = await store.lock(tx, current);
    if (found?.lease !== current.lease) return undefined;
    const event: CreativeEvent = isStopping ? { type: "release" } : { type: "fail", reason, now: new Date() };
    const life = transition(found.life, event, config.retry);
    const jobId = isTransient(life) ? await queue.add(tx, found, life.retryAt) : undefined;
    const shown = isStopping ? null : message.slice(0, 1000);
    await store.save(tx, found, life, { message: shown, progress: 0, ...(jobId !== undefined && { jobId }) });
    return { ...found, life, progress: 0, message: shown ?? undefined };
  });
  if (record) deps.announce(record);
  if (isStopping) throw error;
  const level = reason === "internal" ? "error" : "warn";
  log[level]({ creative: nameOf(current), reason, err: error }, "creative could not be made");
}

function reportProgress(run: Report, current: () => CreativeRecord, deps: WorkerDeps): (progress: number) => void {
  let announcedAt = 0;
  let savedAt = 0;
  return (progress) => {
    run.progress = Math.max(run.progress, progress);
    const now = Date.now();
    if (now - announcedAt < ANNOUNCE_MS) return;
    announcedAt = now;
    const record = current();
    deps.announce(record, run.progress);
    if (now - savedAt < SAVE_MS) return;
    savedAt = now;
    const onError = (error: unknown): void => deps.log.warn({ err: error }, "progress was not saved");
    store.saveProgress(deps.database, record, run.progress).catch(onError);
  };
}

/** Rows name folders relative to the configured one, so that the state folder can be moved. */
function resolveEncoding(encoding: Encoding, config: CrsConfig): Encoding {
  return { ...encoding, folder: join(config.encodingDir, encoding.folder) };
}

async function findStored({ encoding }: CreativeRecord, config: CrsConfig): Promise<Encoding | undefined> {
  if (encoding === undefined) return undefined;
  const resolved = resolveEncoding(encoding, config);
  const files = [...resolved.renditions.map(({ name }) => `${name}.mp4`), "audio.aac"];
  const sizes = await Promise.all(files.map((file) => stat(join(resolved.folder, file)).catch(() => undefined)));
  return sizes.every((file) => file !== undefined) ? resolved : undefined;
}

async function keepEncoding(encoding: Encoding, record: CreativeRecord, config: CrsConfig): Promise<Encoding> {
  const folder = join(record.zone, nameTurn(record));
  const kept = join(config.encodingDir, folder);
  await mkdir(dirname(kept), { recursive: true });
  await rm(kept, { recursive: true, force: true });
  await rename(encoding.folder, kept);
  return { ...encoding, folder };
}
