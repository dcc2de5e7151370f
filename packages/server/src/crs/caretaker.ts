/**
 * Looks after creatives that nobody would otherwise think of: those whose job or worker is gone, those that a CDN lacks
 * something of, and those whose source is to be looked at again. The last two only while somebody still asks for them.
 */
import type { Database } from "../database/database.ts";
import { CreativeBlocked } from "./block-list.ts";
import type { CreativeRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import type { CrsLog } from "./crs-log.ts";
import { nameOf } from "./leased-row.ts";
import { isRepublishable, requeue, type SubmitDeps } from "./submit.ts";
import { isStale } from "./turn.ts";

interface CaretakerDeps extends SubmitDeps {
  readonly log: CrsLog;
}

/** A worker writes its progress every second; a row that is older than this is looked into. */
const QUIET_MS = 60_000;
/** What nobody asked for this long is left as it is. */
const MAX_UNASKED_DAYS = 30;
/** What nobody waits for is added only while fewer creatives than this wait. */
const MAX_WAITING = 10;
/** The same instance must find its next round free, and timers are not exact. */
const ROUND_SHARE = 0.8;

/**
 * One round; of several instances on one database one makes it, for the others there is nothing to do.
 *
 * @param isRestart this process has just begun; where the database is embedded, every running job's worker is then known to be dead
 */
export async function lookAfter(deps: CaretakerDeps, isRestart: boolean): Promise<void> {
  const { database, config } = deps;
  if (!database.isEmbedded && !(await claimRound(database, config.caretakerMs))) return;
  await revive(deps, isRestart && database.isEmbedded);
  await keepUp(deps);
}

/** Whether this round is ours; the next is anybody's again, however this process ends. */
async function claimRound(database: Database, intervalMs: number): Promise<boolean> {
  const sql = `update caretaker set next_round = now() + make_interval(secs => $1::float8)
    where next_round <= now() returning next_round`;
  return (await database.query(sql, [(intervalMs * ROUND_SHARE) / 1000])).length > 0;
}

async function revive(deps: CaretakerDeps, ownerIsGone: boolean): Promise<void> {
  const unfinished = "state in ('queued', 'fetching', 'transcoding', 'publishing') and updated_at <= $1";
  const before = new Date(Date.now() - (ownerIsGone ? 0 : QUIET_MS));
  for await (const record of store.scan(deps.database, unfinished, [before])) {
    const isAdded = await addLostJob(record, deps, ownerIsGone).catch(passOver(record, deps));
    if (isAdded === true) deps.log.warn({ creative: nameOf(record) }, "creative had lost its job and is queued again");
  }
}

/** False: it has one, or somebody else has taken it up. */
async function addLostJob(
  record: CreativeRecord,
  { database, queue }: CaretakerDeps,
  ownerIsGone: boolean,
): Promise<boolean> {
  if (record.jobId !== undefined && (await queue.isLive(record.jobId, ownerIsGone))) return false;
  return database.transaction(async (tx) => {
    const found = await store.lock(tx, record);
    if (found?.lease !== record.lease || found.jobId !== record.jobId) return false;
    const jobId = await queue.add(tx, found);
    return jobId !== undefined && store.save(tx, found, found.life, { jobId });
  });
}

/** One creative that cannot be looked after keeps nobody from the others. */
function passOver(record: CreativeRecord, { log }: CaretakerDeps): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof CreativeBlocked) return;
    log.error({ creative: nameOf(record), err: error }, "a creative was not looked after");
  };
}

/** What can be said in SQL is only a first choice: when a CDN is tried again depends on how often it was. */
const MAY_NEED = `
  state = 'ready' and asked_at > now() - make_interval(days => $1)
  and ((source is not null and $2::float8 > 0 and coalesce(checked_at, '-infinity') < now() - make_interval(secs => $2::float8))
    or exists (select from creative_package p where p.zone = c.zone and p.key = c.key
      and p.reason is null and p.target_duration > 0 and not (p.cdns || p.purged_cdns) @> $3::text[]))`;

async function keepUp(deps: CaretakerDeps): Promise<void> {
  const { database, config, targets, log } = deps;
  let room = MAX_WAITING - (await store.countQueued(database));
  const values = [MAX_UNASKED_DAYS, config.revalidateMs / 1000, targets.map(({ name }) => name)];
  const toEvent = (found: CreativeRecord) => {
    const now = new Date();
    const needs = isStale(found, config, now) || found.packages.some((one) => isRepublishable(one, targets, now));
    return needs && found.life.state === "ready" ? ({ type: "submit", now, isIncomplete: true } as const) : undefined;
  };
  if (room <= 0) return;
  for await (const record of store.scan(database, MAY_NEED, values)) {
    if (toEvent(record) === undefined) continue;
    const queued = await requeue(record, toEvent, deps).catch(passOver(record, deps));
    if (queued === undefined) continue;
    log.info({ creative: nameOf(queued) }, "creative is looked at again");
    room -= 1;
    if (room <= 0) return;
  }
}
