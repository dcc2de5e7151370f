/**
 * Tells an address of the operator's what became of creatives, by POST. What is to be told is written in the transaction that
 * makes it true, so it is told even when the process dies in between; it may be told twice, under the same id.
 */
import { createHmac, randomUUID } from "node:crypto";
import type { JobWithMetadata } from "pg-boss";
import type { Database, Queryable } from "../database/database.ts";
import type { CreativeRecord } from "./creative-record.ts";
import { type CreativeStatus, describeCreative } from "./creative-status.ts";
import type { WebhookConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { within } from "./job-queue.ts";

/** The end of a piece of work: `failed` only where it is not tried again unasked. */
export type WebhookEvent = "creative.ready" | "creative.failed" | "creative.blocked";

export interface Webhooks {
  /** Must come first. */
  open(): Promise<void>;
  /** Puts a delivery into the queue, inside the transaction that changes the row. */
  add(tx: Queryable, event: WebhookEvent, record: CreativeRecord): Promise<void>;
  /** Begins to deliver. */
  work(): Promise<void>;
  /** No more deliveries are begun. */
  close(): Promise<void>;
}

const WEBHOOK_QUEUE = "webhook";

const POLL_SECONDS = 1;

interface Delivery {
  readonly event: WebhookEvent;
  /** ISO 8601 */
  readonly at: string;
  readonly creative: CreativeStatus;
}

export function createWebhooks({ boss }: Pick<Database, "boss">, config: WebhookConfig, log: CrsLog): Webhooks {
  const { retryLimit, retryDelay } = config;
  return {
    open: async () => {
      await boss.createQueue(WEBHOOK_QUEUE, { notify: true, heartbeatSeconds: 10, deleteAfterSeconds: 604_800 });
      // Fills pg-boss's cache of queues: inside a PGlite transaction it could not be read.
      await boss.findJobs(WEBHOOK_QUEUE, { id: randomUUID() });
    },
    add: async (tx, event, record) => {
      const delivery: Delivery = { event, at: new Date().toISOString(), creative: describeCreative(record) };
      const retry = { retryLimit, retryDelay, retryBackoff: true, retryDelayMax: 3600 };
      await boss.send(WEBHOOK_QUEUE, delivery, { db: within(tx), ...retry });
    },
    work: async () => {
      const polling = { pollingIntervalSeconds: POLL_SECONDS, notifyPollingIntervalSeconds: POLL_SECONDS };
      const options = { ...polling, batchSize: 1, localConcurrency: 2, heartbeatRefreshSeconds: 3 };
      const withAttempts = { ...options, includeMetadata: true } as const;
      await boss.work<Delivery, void, typeof withAttempts>(WEBHOOK_QUEUE, withAttempts, async ([job]) => {
        if (job) await deliver(job, config, log);
      });
    },
    close: () => boss.offWork(WEBHOOK_QUEUE, { wait: false }),
  };
}

/** @throws to have the queue try again later */
async function deliver(job: JobWithMetadata<Delivery>, config: WebhookConfig, log: CrsLog): Promise<void> {
  const { event, at, creative } = job.data;
  const about = { event, delivery: job.id, creative: `${creative.zone}/${creative.key}`, attempt: job.retryCount + 1 };
  try {
    await post(job.id, JSON.stringify({ event, id: job.id, at, creative }), config);
  } catch (error) {
    const isLast = job.retryCount >= job.retryLimit;
    log[isLast ? "error" : "warn"]({ ...about, err: error }, isLast ? "webhook is given up" : "webhook was not taken");
    throw error;
  }
  log.info(about, "webhook was taken");
}

async function post(id: string, body: string, { url, secret, timeoutMs }: WebhookConfig): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "Interlude",
      "x-interlude-delivery": id,
      "x-interlude-signature": signWebhook(body, new Date(), secret),
    },
    // An address that a receiver names is not the operator's.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  if (!response.ok)
    throw new Error(`webhook at ${url.host}: expected a status from 200 to 299, got ${response.status}`);
}

/** `t=<seconds since the epoch>,v1=<HMAC-SHA256 of "t.body", hexadecimal>` */
function signWebhook(body: string, now: Date, secret: string): string {
  const t = Math.floor(now.getTime() / 1000);
  return `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`;
}

/** Deliveries by what became of them, of all processes on the database, for a week. */
export async function countDeliveries(
  query: Queryable["query"],
): Promise<readonly { readonly state: string; readonly count: number }[]> {
  return query("select state::text as state, count(*)::integer as count from pgboss.job where name = $1 group by 1", [
    WEBHOOK_QUEUE,
  ]);
}
