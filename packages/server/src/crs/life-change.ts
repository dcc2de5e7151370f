/** A creative's new life and what follows from it, in one transaction: its entry in the block list, and what the webhook tells. */
import type { Queryable } from "../database/database.ts";
import { addBlock, removeAutomaticBlock } from "./block-list.ts";
import type { CreativeRecord } from "./creative-record.ts";
import { type CreativeLife, isRetriedUnasked, type RetryPolicy } from "./creative-state.ts";
import { type CreativeChange, save } from "./creative-store.ts";
import type { WebhookEvent, Webhooks } from "./webhooks.ts";

interface LifeDeps {
  readonly config: { readonly retry: RetryPolicy };
  /** undefined: nobody is told. */
  readonly webhooks: Webhooks | undefined;
}

/**
 * Writes the life of a creative whose row is locked.
 *
 * @param found as it is locked
 * @returns as it is now
 * @throws Error where the row is not under the lease that was found
 */
export async function saveLife(
  tx: Queryable,
  found: CreativeRecord,
  life: CreativeLife,
  change: CreativeChange,
  { config, webhooks }: LifeDeps,
): Promise<CreativeRecord> {
  const isSaved = await save(tx, found, life, change);
  if (!isSaved) {
    throw new Error(`creative ${found.zone}/${found.key}: expected its row under lease ${found.lease}, got none`);
  }
  const { message, encoding: _encoding, ad, isChecked: _isChecked, ...rest } = change;
  const record: CreativeRecord = {
    ...found,
    ...rest,
    life,
    message: message ?? undefined,
    ad: { ...found.ad, ...ad },
    updatedAt: new Date(),
  };
  if (life.state !== found.life.state) {
    await noteBlock(tx, found, life);
    const event = selectEvent(found.life, life, config.retry);
    if (event !== undefined) await webhooks?.add(tx, event, record);
  }
  return record;
}

/** What the block list itself blocks needs no entry of its own. */
async function noteBlock(tx: Queryable, found: CreativeRecord, { state, reason }: CreativeLife): Promise<void> {
  if (state !== "blocked") {
    if (found.life.state === "blocked") await removeAutomaticBlock(tx, found);
  } else if (reason !== "block-listed") {
    await addBlock(tx, { zone: found.zone, kind: "creative", value: found.key, reason: reason ?? "internal" }, true);
  }
}

/** A creative that was only looked at again is no news. */
function selectEvent(before: CreativeLife, life: CreativeLife, retry: RetryPolicy): WebhookEvent | undefined {
  if (life.state === "ready") return before.state === "publishing" ? "creative.ready" : undefined;
  if (life.state === "blocked") return "creative.blocked";
  return life.state === "failed" && !isRetriedUnasked(life, retry) ? "creative.failed" : undefined;
}
