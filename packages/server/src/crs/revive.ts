/** Finds creatives whose job is gone, or whose worker is, and gives them a job again: nothing waits for ever. */
import type { Database } from "../database/database.ts";
import * as store from "./creative-store.ts";
import type { CrsLog } from "./crs-log.ts";
import type { JobQueue } from "./job-queue.ts";

export interface ReviveDeps {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly log: CrsLog;
  /** This process has just begun; when the database is embedded, every running job's worker is then known to be dead. */
  readonly isRestart: boolean;
}

/** A worker writes its progress every second; a row that is older than this is looked into. */
const QUIET_MS = 60_000;

export async function reviveCreatives({ database, queue, log, isRestart }: ReviveDeps): Promise<void> {
  const ownerIsGone = isRestart && database.isEmbedded;
  const records = await store.list(database, { states: ["queued", "fetching", "transcoding", "publishing"] });
  const before = Date.now() - QUIET_MS;
  for (const record of records) {
    if (!ownerIsGone && record.updatedAt.getTime() > before) continue;
    if (record.jobId !== undefined && (await queue.isLive(record.jobId, ownerIsGone))) continue;
    const isAdded = await database.transaction(async (tx) => {
      const found = await store.lock(tx, record);
      if (found?.lease !== record.lease || found.jobId !== record.jobId) return false;
      const jobId = await queue.add(tx, found);
      return store.save(tx, found, found.life, { jobId });
    });
    if (isAdded) log.warn({ zone: record.zone, key: record.key }, "creative had lost its job and is queued again");
  }
}
