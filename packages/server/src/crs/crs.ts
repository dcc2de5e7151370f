/**
 * The Creative Repackaging Service: a creative's URL in, an HLS ladder on every CDN out.
 *
 * @see primetime.md §3
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { NormaliseRule } from "@interlude/core";
import type { Database } from "../database/database.ts";
import type { GuardedFetch } from "../guarded-fetch.ts";
import { lookAfter } from "./caretaker.ts";
import { createChangeFeed } from "./change-feed.ts";
import type { CreativeRecord } from "./creative-record.ts";
import { type CreativeStatus, describeCreative } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { PROGRAMS, removeLeftovers, sweepWork } from "./disk.ts";
import { createFfmpeg } from "./ffmpeg.ts";
import { findProgram, writeWrapper } from "./ffmpeg-wrapper.ts";
import { createFfprobe } from "./ffprobe.ts";
import { createJobQueue } from "./job-queue.ts";
import { createOperations, type Operations } from "./operations.ts";
import { createPreviews, type Preview, type Previews } from "./previews.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import { republishRemoved } from "./republish.ts";
import { nameTurn, removeEncoding } from "./stored-encoding.ts";
import { type RepackageRequestInput, type Submission, submit } from "./submit.ts";
import { createWebhooks } from "./webhooks.ts";
import { createWorker, type Worker } from "./worker.ts";

export { CreativeBlocked } from "./block-list.ts";
export type { CreativeStatus, PublishedPackage, RenditionSummary } from "./creative-status.ts";
export type { Preview } from "./previews.ts";
export { QueueFull, type RepackageRequestInput, type Submission } from "./submit.ts";

export type { BlockEntry, BlockOrder } from "./block-list.ts";
export type { CreativeFilter } from "./creative-store.ts";

export interface Crs extends Operations {
  /**
   * Asks for one package of one creative. Any number of requests for the same creative, at once or not, cause one encode.
   *
   * @throws CreativeBlocked, QueueFull; AdError `url-malformed`, `option-invalid`
   */
  submit(input: RepackageRequestInput): Promise<Submission>;
  /** undefined: never asked for, or forgotten. */
  status(zone: string, key: string): Promise<CreativeStatus | undefined>;
  /** The 1,000 that changed last, newest first, and how many there are in all. */
  list(
    filter: store.CreativeFilter,
  ): Promise<{ readonly creatives: readonly CreativeStatus[]; readonly total: number }>;
  /** Ends its job and removes its row, its stored encoding and its objects on every CDN. False: it was not there. */
  forget(zone: string, key: string): Promise<boolean>;
  /**
   * A picture of a creative, made once. undefined: no such creative, not encoded yet, or its encoding is on no machine any more.
   *
   * @throws PreviewsBusy
   */
  preview(zone: string, key: string): Promise<Preview | undefined>;
  /** Tells every change of a creative, whichever process on the database works on it; returns the end of it. */
  subscribe(listener: (status: CreativeStatus) => void): () => void;
  start(): Promise<void>;
  /**
   * One round of the caretaker, which makes one every `caretakerMs` by itself. This process's folder of work is swept in each;
   * creatives on PostgreSQL are looked after only where no other instance did.
   */
  lookAfter(): Promise<void>;
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

/** A ladder of a source that is small by rule may still be this large. */
const MIN_FILE_BYTES = 1e9;
const SYSTEM_PATH = "/usr/bin:/bin:/usr/local/bin";

/** Builds the service; `start` begins the work, requests need it. */
export function createCrs(deps: CrsDeps): Crs {
  const { database, config, log } = deps;
  const feed = createChangeFeed(database, log);
  const { announce } = feed;
  const queue = createJobQueue(database);
  const webhooks = config.webhook && createWebhooks(database, config.webhook, log);
  const all = { ...deps, queue, webhooks, announce };
  let worker: Worker | undefined;
  let previews: Previews | undefined;
  let caring: NodeJS.Timeout | undefined;
  const describe = (record: CreativeRecord): CreativeStatus => describeCreative(record, worker?.progressOf(record));
  const makeRound = async (isRestart: boolean): Promise<void> => {
    const onError = (error: unknown): void => log.error({ err: error }, "the folder of work was not swept");
    await sweepWork(config.workDir, worker?.listFolders() ?? [], await listInProgress(database)).catch(onError);
    await lookAfter(all, isRestart);
  };
  return {
    submit: (input) => submit(input, all),
    status: async (zone, key) => {
      const record = await store.find(database, { zone, key });
      return record && describe(record);
    },
    list: async (filter) => {
      const { records, total } = await store.list(database, filter);
      return { creatives: records.map(describe), total };
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
      const removed = { cdns: deps.targets.map(({ name }) => name), paths: record.packages.map(({ path }) => path) };
      if ((await republishRemoved(record, removed, all)) === undefined) feed.announceForgotten(record);
      return true;
    },
    ...createOperations(all, (id) => worker?.abort(id)),
    preview: async (zone, key) => previews?.find({ zone, key }),
    subscribe: feed.subscribe,
    start: async () => {
      if (database.isEmbedded) await removeLeftovers(config.workDir);
      await queue.open();
      await webhooks?.open();
      await feed.open();
      const tools = buildTools(deps);
      const started = createWorker({ ...all, tools });
      worker = started;
      previews = createPreviews({ database, config, log, runFfmpeg: tools.runFfmpeg });
      await previews.open();
      const care = (isRestart: boolean): Promise<void> =>
        makeRound(isRestart).catch((error: unknown) => log.error({ err: error }, "creatives were not looked after"));
      await care(true);
      caring = setInterval(() => void care(false), config.caretakerMs).unref();
      if (config.concurrency > 0) await queue.work(config.concurrency, (jobId, id) => started.run(jobId, id));
      await webhooks?.work();
    },
    lookAfter: () => makeRound(false),
    stop: async () => {
      clearInterval(caring);
      // Whatever cannot be told to the database: no turn may go on.
      try {
        await queue.close();
        await webhooks?.close();
      } finally {
        await worker?.stop();
        await previews?.close();
        await feed.close();
      }
    },
  };
}

function buildTools({ config }: CrsDeps): Parameters<typeof createWorker>[0]["tools"] {
  const setpriv = findProgram("setpriv", SYSTEM_PATH);
  const { maxDuration, wallTimeFactor, maxBytes } = config.limits;
  const bounds = {
    cpuSeconds: (60 + wallTimeFactor * maxDuration) * availableParallelism(),
    fileBytes: Math.max(MIN_FILE_BYTES, 2 * maxBytes),
  };
  const wrap = (program: string): string =>
    writeWrapper({ directory: join(config.workDir, PROGRAMS), program, parent: process.pid, setpriv, bounds });
  return {
    runFfmpeg: createFfmpeg(wrap(config.ffmpegPath)),
    runFfprobe: createFfprobe(wrap(config.ffprobePath)),
    config,
  };
}

/** Names of the work folders of all turns in progress, in whatever process. */
async function listInProgress(database: Database): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const inProgress = "state in ('fetching', 'transcoding', 'publishing')";
  for await (const record of store.scan(database, inProgress)) names.add(nameTurn(record));
  return names;
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
