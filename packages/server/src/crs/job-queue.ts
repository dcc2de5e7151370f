/**
 * The queue of creatives to make. A job carries only which creative; the row says everything else, so that a job that runs
 * twice, or late, does no harm.
 */
import { randomUUID } from "node:crypto";
import type { Database, Queryable } from "../database/database.ts";
import type { CreativeId } from "./creative-record.ts";

const QUEUE = "repackage";

/** A job that runs longer is given to another worker. */
export const LONGEST_JOB_MS = 3_600_000;

/** A dead worker is noticed after a heartbeat (10 s is pg-boss's least) and the next supervision (5 s). */
const QUEUE_OPTIONS = {
  policy: "exclusive",
  heartbeatSeconds: 10,
  notify: true,
  // How often is the row's business: a creative whose attempts are used up is not begun.
  retryLimit: 50,
  retryDelay: 0,
  expireInSeconds: LONGEST_JOB_MS / 1000,
  deleteAfterSeconds: 3600,
} as const;

/** Without the short polling, pg-boss leaves a backlog alone for 30 s between two jobs. */
const WORK_OPTIONS = {
  batchSize: 1,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 0.5,
  heartbeatRefreshSeconds: 3,
} as const;

const PENDING: readonly string[] = ["created", "retry"];
const LIVE: readonly string[] = [...PENDING, "active"];

export interface JobQueue {
  /** Must come first. */
  open(): Promise<void>;
  /**
   * Adds a job inside the transaction that changes the row, in the place of the row's job where that only waits. One job at
   * most per turn of a creative.
   *
   * @returns its id; undefined: nothing was added, for a job for the same turn runs, or is about to
   */
  add(tx: Queryable, turn: CreativeTurn, startAfter?: Date): Promise<string | undefined>;
  /** `run` gets the job's id; when it throws, the job is run again. */
  work(concurrency: number, run: (jobId: string, id: CreativeId) => Promise<void>): Promise<void>;
  /** No more jobs are taken; running ones are the caller's. */
  close(): Promise<void>;
  /**
   * Whether a job will run or is running. `ownerIsGone`: the process that ran it is known to be dead, so that an active one
   * is given back at once.
   */
  isLive(jobId: string, ownerIsGone: boolean): Promise<boolean>;
  remove(jobId: string): Promise<void>;
}

/** Which work on a creative a job is for: its row's making and its lease. A forgotten creative's old job is another turn. */
interface CreativeTurn extends CreativeId {
  readonly lease: number;
  readonly createdAt: Date;
  /** Of the row as it is. */
  readonly jobId: string | undefined;
}

interface JobBody {
  readonly zone: string;
  readonly key: string;
}

/** Has pg-boss write in a transaction of ours: its option `db`. */
export function within(tx: Queryable): {
  executeSql(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
} {
  return { executeSql: async (sql, values) => ({ rows: [...(await tx.query(sql, values))] }) };
}

/** The queue on a database's pg-boss. */
export function createJobQueue({ boss }: Pick<Database, "boss">): JobQueue {
  return {
    open: async () => {
      await boss.createQueue(QUEUE, QUEUE_OPTIONS);
      // Fills pg-boss's cache of queues: inside a PGlite transaction it could not be read.
      await boss.findJobs(QUEUE, { id: randomUUID() });
    },
    add: async (tx, { zone, key, lease, createdAt, jobId }, startAfter) => {
      const db = within(tx);
      // An attempt that is to come later has the same key: it would keep the new job out.
      const [before] = jobId === undefined ? [] : await boss.findJobs(QUEUE, { id: jobId, db });
      if (before && PENDING.includes(before.state)) await boss.deleteJob(QUEUE, before.id, { db });
      const options = {
        id: randomUUID(),
        db,
        singletonKey: `${zone}/${key}/${createdAt.getTime()}/${lease}`,
        ...(startAfter && { startAfter }),
      };
      return (await boss.send(QUEUE, { zone, key }, options)) ?? undefined;
    },
    work: async (concurrency, run) => {
      await boss.work<JobBody, void>(QUEUE, { ...WORK_OPTIONS, localConcurrency: concurrency }, async ([job]) => {
        if (job) await run(job.id, job.data);
      });
    },
    close: () => boss.offWork(QUEUE, { wait: false }),
    isLive: async (jobId, ownerIsGone) => {
      const [job] = await boss.findJobs(QUEUE, { id: jobId });
      if (job === undefined || !LIVE.includes(job.state)) return false;
      if (job.state === "active" && ownerIsGone) await boss.fail(QUEUE, jobId, { message: "its worker is gone" });
      return true;
    },
    remove: async (jobId) => {
      await boss.deleteJob(QUEUE, jobId);
    },
  };
}
