/**
 * The Creative Repackaging Service: a creative's URL in, an HLS ladder on every CDN out.
 *
 * @see primetime.md §3
 */
import { join } from "node:path";
import { readdir, rm, stat } from "node:fs/promises";
import type { CreativeState, NormaliseRule } from "@interlude/core";
import type { Database } from "../database/database.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import type { CreativeRecord } from "./creative-record.ts";
import { type CreativeStatus, describeCreative, describeForgotten } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { createFfmpeg } from "./ffmpeg.ts";
import { findProgram, writeWrapper } from "./ffmpeg-wrapper.ts";
import { createFfprobe } from "./ffprobe.ts";
import { createJobQueue, LONGEST_JOB_MS } from "./job-queue.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import { reviveCreatives } from "./revive.ts";
import { removeEncoding } from "./stored-encoding.ts";
import { type RepackageRequestInput, type Submission, submit } from "./submit.ts";
import { createWorker, type Worker } from "./worker.ts";

export type { CreativeStatus, PublishedPackage, RenditionSummary } from "./creative-status.ts";
export { QueueFull, type RepackageRequestInput, type Submission } from "./submit.ts";

export interface CreativeFilter {
  readonly zone?: string;
  readonly state?: CreativeState;
}

export interface Crs {
  /**
   * Asks for one package of one creative. Any number of requests for the same creative, at once or not, cause one encode.
   *
   * @throws QueueFull; AdError `url-malformed`, `option-invalid`
   */
  submit(input: RepackageRequestInput): Promise<Submission>;
  /** undefined: never asked for, or forgotten. */
  status(zone: string, key: string): Promise<CreativeStatus | undefined>;
  /** The 1,000 that changed last, newest first. */
  list(filter: CreativeFilter): Promise<readonly CreativeStatus[]>;
  /** Ends its job and removes its row, its stored encoding and its objects on every CDN. False: it was not there. */
  forget(zone: string, key: string): Promise<boolean>;
  /** Tells every change of a creative that this process works on or is asked about; returns the end of it. */
  subscribe(listener: (status: CreativeStatus) => void): () => void;
  start(): Promise<void>;
  /** Ends running jobs at once; they are taken up again after the next start. */
  stop(): Promise<void>;
}

export interface CrsDeps {
  readonly database: Database;
  readonly fetch: GuardedFetch;
  /** One per CDN; at least one. */
  readonly targets: readonly PublishTarget[];
  /** Of a zone; empty where it has none. */
  readonly normaliseRules: (zone: string) => readonly NormaliseRule[];
  readonly config: CrsConfig;
  readonly log: CrsLog;
}

const REVIVE_MS = 30_000;
/** The folder, beside the jobs', of the programs through which every living process here starts ffmpeg. */
const PROGRAMS = "bin";
const SYSTEM_PATH = "/usr/bin:/bin:/usr/local/bin";

/** Builds the service; `start` begins the work, requests need it. */
export function createCrs(deps: CrsDeps): Crs {
  const { database, config, log } = deps;
  const { tell, subscribe } = createListeners(log);
  const announce = (record: CreativeRecord, progress?: number): void => tell(describeCreative(record, progress));
  const queue = createJobQueue(database);
  let worker: Worker | undefined;
  let reviving: NodeJS.Timeout | undefined;
  return {
    submit: (input) => submit(input, { ...deps, queue, announce }),
    status: async (zone, key) => {
      const record = await store.find(database, { zone, key });
      return record && describeCreative(record, worker?.progressOf(record));
    },
    list: async ({ zone, state }) => {
      const records = await store.list(database, { ...(zone && { zone }), ...(state && { states: [state] }) });
      return records.map((record) => describeCreative(record, worker?.progressOf(record)));
    },
    forget: async (zone, key) => {
      const record = await store.remove(database, { zone, key });
      if (record === undefined) return false;
      await worker?.abort(record);
      if (record.jobId !== undefined) await queue.remove(record.jobId);
      await removeEncoding(record.encoding, config);
      // Asked for again meanwhile: what is on the CDNs, and what there is to tell, is the new row's business.
      if ((await store.find(database, record)) !== undefined) return true;
      await removeObjects(record, deps);
      tell(describeForgotten(record, new Date()));
      return true;
    },
    subscribe,
    start: async () => {
      await removeLeftovers(config.workDir, database.isEmbedded);
      await queue.open();
      const started = createWorker({ ...deps, queue, announce, tools: buildTools(deps) });
      worker = started;
      await reviveCreatives({ database, queue, log, isRestart: true });
      const revive = (): void =>
        void reviveCreatives({ database, queue, log, isRestart: false }).catch((error: unknown) =>
          log.error({ err: error }, "creatives were not looked after"),
        );
      reviving = setInterval(revive, REVIVE_MS).unref();
      if (config.concurrency > 0) await queue.work(config.concurrency, (jobId, id) => started.run(jobId, id));
    },
    stop: async () => {
      clearInterval(reviving);
      await queue.close();
      await worker?.stop();
    },
  };
}

function createListeners(log: CrsLog): Pick<Crs, "subscribe"> & { readonly tell: (status: CreativeStatus) => void } {
  const listeners = new Set<(status: CreativeStatus) => void>();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (status) => {
      for (const listener of listeners) {
        try {
          listener(status);
        } catch (error) {
          log.error({ err: error }, "a listener failed");
        }
      }
    },
  };
}

/** Work folders of processes that died. Where others may be at work, only those that no job can still be using. */
async function removeLeftovers(workDir: string, isAlone: boolean): Promise<void> {
  const names = await readdir(workDir).catch(() => []);
  for (const name of names) {
    const path = join(workDir, name);
    if (isAlone || (name !== PROGRAMS && (await isOld(path)))) await rm(path, { recursive: true, force: true });
  }
}

/** What is gone meanwhile is another's to remove. */
async function isOld(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < Date.now() - LONGEST_JOB_MS;
}

function buildTools({ config }: CrsDeps): Parameters<typeof createWorker>[0]["tools"] {
  const setpriv = findProgram("setpriv", SYSTEM_PATH);
  const wrap = (program: string): string =>
    writeWrapper({ directory: join(config.workDir, PROGRAMS), program, parent: process.pid, setpriv });
  return {
    runFfmpeg: createFfmpeg(wrap(config.ffmpegPath)),
    runFfprobe: createFfprobe(wrap(config.ffprobePath)),
    config,
  };
}

/** Where one package's objects cannot be removed, the others' still are. */
async function removeObjects(record: CreativeRecord, { log, targets }: CrsDeps): Promise<void> {
  const removals = targets.flatMap((target) =>
    record.packages.map(({ path }) =>
      removePackage(target, path).catch((error: unknown) => {
        log.error({ cdn: target.name, path, err: error }, "objects of a forgotten creative were not removed");
      }),
    ),
  );
  await Promise.all(removals);
}
