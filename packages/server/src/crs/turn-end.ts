/** How a turn ends: everything is made, nothing was to be made, or something went wrong. */
import type { CreativeRecord, PackageRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import { type CreativeEvent, type FailureReason, isRetriedUnasked, transition } from "./creative-state.ts";
import { isDiskFull } from "./disk-full.ts";
import { LeaseLost, nameOf, Stopping, type TurnDeps } from "./leased-row.ts";
import { saveLife } from "./life-change.ts";
import { isIncomplete, isWhole } from "./publisher.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/**
 * Makes the creative ready, unless another package was asked for meanwhile: then false, and the turn goes on.
 *
 * @param wasTried whether a package was brought to the CDNs in this turn, as it is wanted now
 * @throws LeaseLost
 */
export async function finish(
  current: CreativeRecord,
  wasTried: (cut: PackageRecord, id3: boolean) => boolean,
  deps: TurnDeps,
): Promise<boolean> {
  return end(current, { type: "finish" }, deps, ({ packages, id3 }) =>
    packages.every((one) => !isIncomplete(one, deps.targets) || one.publishedAt !== undefined || wasTried(one, id3)),
  );
}

/**
 * Makes the creative ready again where nothing is missing on any CDN; else false, and the turn goes on.
 *
 * @throws LeaseLost
 */
export async function keep(current: CreativeRecord, deps: TurnDeps): Promise<boolean> {
  return end(current, { type: "keep" }, deps, (found) => found.packages.length > 0 && isWhole(found, deps.targets));
}

async function end(
  current: CreativeRecord,
  event: CreativeEvent,
  deps: TurnDeps,
  isOver: (found: CreativeRecord) => boolean,
): Promise<boolean> {
  const record = await deps.database.transaction(async (tx) => {
    const found = await store.lock(tx, current);
    if (found?.lease !== current.lease) throw new LeaseLost(`creative ${nameOf(current)}: no longer ours`);
    if (!isOver(found)) return undefined;
    const life = transition(found.life, event, deps.config.retry);
    return saveLife(tx, found, life, { progress: 1 }, deps);
  });
  if (record) deps.announce(record);
  return record !== undefined;
}

function reasonOf(error: unknown): FailureReason {
  if (isDiskFull(error)) return "disk-full";
  return error instanceof RepackageFailure ? error.reason : "internal";
}

/** Writes down how a turn ended that did not succeed. Throws only to have the queue run the job again. */
export async function settle(error: unknown, current: CreativeRecord, deps: TurnDeps): Promise<void> {
  const { config, database, log, queue } = deps;
  if (error instanceof LeaseLost) return;
  const isStopping = error instanceof Stopping;
  const reason = reasonOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const record = await database.transaction(async (tx) => {
    const found = await store.lock(tx, current);
    if (found?.lease !== current.lease) return undefined;
    const event: CreativeEvent = isStopping ? { type: "release" } : { type: "fail", reason, now: new Date() };
    const life = transition(found.life, event, config.retry);
    const jobId = isRetriedUnasked(life, config.retry) ? await queue.add(tx, found, life.retryAt) : undefined;
    const shown = isStopping ? null : message.slice(0, 1000);
    const change = { message: shown, progress: 0, ...(jobId !== undefined && { jobId }) };
    return saveLife(tx, found, life, change, deps);
  });
  if (record) deps.announce(record);
  if (isStopping) throw error;
  const level = reason === "internal" ? "error" : "warn";
  log[level]({ creative: nameOf(current), reason, err: error }, "creative could not be made");
}
