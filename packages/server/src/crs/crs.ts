/**
 * The Creative Repackaging Service: a creative's URL in, an HLS ladder on every CDN out.
 *
 * @see primetime.md §3
 */
import { join } from "node:path";
import { readdir, rm, stat } from "node:fs/promises";
import {
  AdError,
  creativeKey,
  type CreativeState,
  masterPath,
  type NormaliseRule,
  normaliseCreativeUrl,
  type Packaging,
  TARGET_DURATIONS,
} from "@interlude/core";
import type { Database } from "../database/database.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import { transition } from "./creative-state.ts";
import { type CreativeStatus, describeCreative, describeForgotten } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { createFfmpeg } from "./ffmpeg.ts";
import { findProgram, writeWrapper } from "./ffmpeg-wrapper.ts";
import { createFfprobe } from "./ffprobe.ts";
import { createJobQueue, type JobQueue, LONGEST_JOB_MS } from "./job-queue.ts";
import { isIncomplete } from "./publisher.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import { reviveCreatives } from "./revive.ts";
import { createWorker, type Worker } from "./worker.ts";

export type { CreativeStatus, PublishedPackage, RenditionSummary } from "./creative-status.ts";

export interface RepackageRequestInput {
  /** Letters, digits, `_`, `-`, at most 64. */
  readonly zone: string;
  /** The original URL; it is normalised for the key only. */
  readonly creativeUrl: string;
  /** `dash` is accepted and never made. */
  readonly packaging: Packaging | "dash";
  /** 6, 4 or 2 seconds. */
  readonly targetDuration: number;
  /** Once asked for, all packages of the creative carry timed metadata. */
  readonly id3?: boolean;
  /** As VAST names them: for block lists and for people, never for the key. */
  readonly adSystem?: string;
  readonly adId?: string;
  readonly creativeId?: string;
}

export interface CreativeFilter {
  readonly zone?: string;
  readonly state?: CreativeState;
}

/** What became of a request: the creative's key, the state that it was in before, and its status now. */
export interface Submission {
  readonly key: string;
  readonly before: CreativeState;
  readonly status: CreativeStatus;
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

/** The queue holds as many creatives as it may; nothing was changed. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
  readonly code = "queue-full";
  /** A guess at when there is room again. */
  readonly retryAfterSeconds: number = 30;
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

const ZONE_NAME = /^[\w-]{1,64}$/;
/** A CDN that did not take a package is not tried again for it within this time. */
const REPUBLISH_MS = 60_000;
const REVIVE_MS = 30_000;
/** The folder, beside the jobs', of the programs through which every living process here starts ffmpeg. */
const PROGRAMS = "bin";
const SYSTEM_PATH = "/usr/bin:/bin:/usr/local/bin";

/** Builds the service; `start` begins the work, requests need it. */
export function createCrs(deps: CrsDeps): Crs {
  const { database, config, log } = deps;
  const { tell, subscribe } = createListeners(log);
  const announce = (record: store.CreativeRecord, progress?: number): void => tell(describeCreative(record, progress));
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
      await removeEncoding(record, config);
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

async function submit(
  input: RepackageRequestInput,
  deps: CrsDeps & { readonly queue: JobQueue; readonly announce: (record: store.CreativeRecord) => void },
): Promise<Submission> {
  const { zone, creativeUrl, targetDuration } = input;
  const packaging = checkRequest(input);
  const { config, database, queue, targets } = deps;
  const key = creativeKey(zone, normaliseCreativeUrl(creativeUrl, deps.normaliseRules(zone)));
  const cut = { packaging, targetDuration };
  const now = new Date();
  const { before, record } = await database.transaction(async (tx) => {
    const found = await store.lockOrInsert(tx, { zone, key }, creativeUrl);
    await store.wantPackage(tx, found, cut, masterPath(zone, key, cut));
    const has = found.packages.find((one) => one.packaging === packaging && one.targetDuration === targetDuration);
    const isTriedLately = (has?.publishedAt?.getTime() ?? 0) > now.getTime() - REPUBLISH_MS;
    const isWanted = has === undefined || (isIncomplete(has, targets) && !isTriedLately);
    const life = transition(found.life, { type: "submit", now, isIncomplete: isWanted }, config.retry);
    if (life === found.life) return { before: life.state, record: undefined };
    if ((await store.countQueued(tx)) >= config.queueLimit) {
      throw new QueueFull(`queue: expected fewer than ${config.queueLimit} waiting creatives, got as many`);
    }
    const jobId = await queue.add(tx, found);
    await store.save(tx, found, life, { jobId, progress: 0, creativeUrl });
    return {
      before: found.life.state,
      record: { ...found, life, jobId, creativeUrl, progress: 0, message: undefined },
    };
  });
  if (record) deps.announce(record);
  const current = record ?? (await store.find(database, { zone, key }));
  if (current === undefined) throw new Error(`creative ${zone}/${key}: expected a row, got none`);
  return { key, before, status: describeCreative(current) };
}

function checkRequest({ zone, packaging, targetDuration }: RepackageRequestInput): Packaging {
  const fail = (what: string, expected: string, got: unknown): never => {
    throw new AdError("option-invalid", `${what}: expected ${expected}, got ${JSON.stringify(got)}`);
  };
  if (!ZONE_NAME.test(zone)) fail("zone", "letters, digits, _ or -", zone);
  if (!TARGET_DURATIONS.some((one) => one === targetDuration)) fail("target duration", "6, 4 or 2", targetDuration);
  return packaging === "hls" ? packaging : fail("packaging", "hls (no other is made here yet)", packaging);
}

async function removeEncoding({ encoding }: store.CreativeRecord, config: CrsConfig): Promise<void> {
  if (encoding) await rm(join(config.encodingDir, encoding.folder), { recursive: true, force: true });
}

/** Where one package's objects cannot be removed, the others' still are. */
async function removeObjects(record: store.CreativeRecord, { log, targets }: CrsDeps): Promise<void> {
  const removals = targets.flatMap((target) =>
    record.packages.map(({ path }) =>
      removePackage(target, path).catch((error: unknown) => {
        log.error({ cdn: target.name, path, err: error }, "objects of a forgotten creative were not removed");
      }),
    ),
  );
  await Promise.all(removals);
}
