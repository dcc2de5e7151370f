/**
 * Objects of a creative were removed from CDNs, and meanwhile somebody may have asked for it anew: then what was published in
 * between has holes, and is to be published again.
 */
import type { Database } from "../database/database.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import { type CreativeEvent, isInProgress, type RetryPolicy, transition } from "./creative-state.ts";
import * as store from "./creative-store.ts";
import type { JobQueue } from "./job-queue.ts";
import { saveLife } from "./life-change.ts";
import { noteRemoved } from "./package-store.ts";
import type { Webhooks } from "./webhooks.ts";

export interface RepublishDeps {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly config: { readonly retry: RetryPolicy };
  /** undefined: nobody is told. */
  readonly webhooks: Webhooks | undefined;
  readonly announce: (record: CreativeRecord) => void;
}

/**
 * Has the packages that were removed brought again where they are wanted on these CDNs.
 *
 * @returns the row as it is now; undefined: there is none
 */
export async function republishRemoved(
  id: CreativeId,
  removed: { readonly cdns: readonly string[]; readonly paths: readonly string[] },
  deps: RepublishDeps,
): Promise<CreativeRecord | undefined> {
  const { database, queue, config, announce } = deps;
  const { row, isChanged } = await database.transaction(async (tx) => {
    const found = await store.lock(tx, id);
    if (found === undefined || !(await noteRemoved(tx, found, removed))) return { row: found, isChanged: false };
    const event = selectEvent(found);
    if (event === undefined) return { row: await store.lock(tx, id), isChanged: false };
    const life = transition(found.life, event, config.retry);
    // The turn in hand may have brought a part of what was removed: it is to write nothing more.
    const lease = await store.takeLease(tx);
    const jobId = await queue.add(tx, { ...found, lease });
    const change = { ...(jobId !== undefined && { jobId }), lease, progress: 0 };
    await saveLife(tx, found, life, change, deps);
    return { row: await store.lock(tx, id), isChanged: true };
  });
  if (row && isChanged) announce(row);
  return row;
}

/** undefined: nothing of it is on its way to a CDN, and whoever makes it next finds what is missing. */
function selectEvent({ life }: CreativeRecord): CreativeEvent | undefined {
  if (life.state === "ready") return { type: "submit", now: new Date(), isIncomplete: true };
  return isInProgress(life.state) && life.state !== "fetching" ? { type: "release" } : undefined;
}
