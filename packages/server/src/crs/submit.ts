/**
 * A request for one package of one creative: what it changes, in one transaction. Any number of requests for the same creative,
 * at once or not, on any number of instances, cause one encode.
 */
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
import type { Database, Queryable } from "../database/database.ts";
import { type BlockEntry, CreativeBlocked, findBlock, removeAutomaticBlock } from "./block-list.ts";
import { type AdNames, type CreativeId, type CreativeRecord, isMade, type PackageRecord } from "./creative-record.ts";
import { ABSENT, type CreativeEvent, transition } from "./creative-state.ts";
import { type CreativeStatus, describeCreative } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { JobQueue } from "./job-queue.ts";
import { saveLife } from "./life-change.ts";
import { outdatePackages, refusePackage, wantPackage } from "./package-store.ts";
import { isIncomplete } from "./publisher.ts";
import type { PublishTarget } from "./publish-target.ts";
import { isStale } from "./turn.ts";
import type { Webhooks } from "./webhooks.ts";

export interface RepackageRequestInput extends AdNames {
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
  /**
   * It comes from a stranger: its names are looked up in the block list and not kept, and where that stands against it, nothing
   * is written and nobody is told.
   */
  readonly isFromPage?: boolean;
}

/** What became of a request: the creative's key, the state that it was in before, and its status now. */
export interface Submission {
  readonly key: string;
  readonly before: CreativeState;
  readonly status: CreativeStatus;
}

/** The queue holds as many creatives as it may; nothing was changed. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
  readonly code = "queue-full";
  /** A guess at when there is room again. */
  readonly retryAfterSeconds: number = 30;
}

export interface SubmitDeps {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly targets: readonly PublishTarget[];
  readonly normaliseRules: (zone: string) => readonly NormaliseRule[];
  readonly config: CrsConfig;
  /** undefined: nobody is told. */
  readonly webhooks: Webhooks | undefined;
  readonly announce: (record: CreativeRecord) => void;
}

const ZONE_NAME = /^[\w-]{1,64}$/;
/** A CDN that did not take a package is not tried again for it within this time, doubled with each try. */
const REPUBLISH_MS = 60_000;
const MAX_REPUBLISH_MS = 3_600_000;

/** @throws CreativeBlocked, noted in the row unless it comes from a page; QueueFull; AdError `url-malformed`, `option-invalid` */
export async function submit(input: RepackageRequestInput, deps: SubmitDeps): Promise<Submission> {
  const { zone, creativeUrl } = input;
  checkRequest(input);
  const normalisedUrl = normaliseCreativeUrl(creativeUrl, deps.normaliseRules(zone));
  const key = creativeKey(zone, normalisedUrl);
  const { before, record, refusal } = await deps.database.transaction(async (tx) => {
    const found = await store.lockOrInsert(tx, { zone, key }, creativeUrl);
    const entry = await findEntryAgainst(tx, found, input, normalisedUrl);
    const refusal = entry && new CreativeBlocked({ ...input, key, normalisedUrl }, entry);
    // Thrown in here, it takes the row back that was made for the lock.
    if (refusal && input.isFromPage) throw refusal;
    if (refusal) return { ...(await block(tx, found, input, deps)), refusal };
    await store.noteAsked(tx, found);
    const wanted = await want(tx, found, input, deps);
    const noted = wanted.event.type === "refuse" ? await store.lock(tx, found) : found;
    const isUnblocked = found.life.state === "blocked" && wanted.event.type === "submit";
    const changed = await change(tx, noted ?? found, isUnblocked ? { event: { type: "retry" } } : wanted, input, deps);
    // What blocked it is not on the list any more: it begins anew, and nobody is to be told otherwise.
    return { ...changed, ...(isUnblocked && { before: ABSENT.state }), refusal: undefined };
  });
  if (record) deps.announce(record);
  if (refusal) throw refusal;
  const current = record ?? (await store.find(deps.database, { zone, key }));
  if (current === undefined) throw new Error(`creative ${zone}/${key}: expected a row, got none`);
  return { key, before, status: describeCreative(current) };
}

/** What stands against a request, by the names that it gives and by those that the creative has from those who may say so. */
async function findEntryAgainst(
  tx: Queryable,
  { zone, key, ad }: CreativeRecord,
  input: RepackageRequestInput,
  normalisedUrl: string,
): Promise<BlockEntry | undefined> {
  const subject = { zone, key, creativeUrl: input.creativeUrl, normalisedUrl };
  const given = input.isFromPage ? await findBlock(tx, { ...subject, ...givenNames(input) }) : undefined;
  return given ?? findBlock(tx, { ...subject, ...ad, ...namesOf(input) });
}

/** What was never made is shown as blocked; what was, or is being made, stays what it is. */
async function block(
  tx: Queryable,
  found: CreativeRecord,
  input: RepackageRequestInput,
  deps: SubmitDeps,
): Promise<Change> {
  const before = found.life.state;
  if (before !== "absent") return { before, record: undefined };
  const life = transition(found.life, { type: "block" }, deps.config.retry);
  return { before, record: await saveLife(tx, found, life, { ad: namesOf(input) }, deps) };
}

interface Change {
  readonly before: CreativeState;
  /** undefined: it has not changed. */
  readonly record: CreativeRecord | undefined;
}

/** The names that a creative gets by a request. */
function namesOf(input: RepackageRequestInput): AdNames {
  return input.isFromPage ? {} : givenNames(input);
}

function givenNames({ adSystem, adId, creativeId }: AdNames): AdNames {
  return { ...(adSystem && { adSystem }), ...(adId && { adId }), ...(creativeId && { creativeId }) };
}

function checkRequest({ zone, targetDuration }: RepackageRequestInput): void {
  const fail = (what: string, expected: string, got: unknown): never => {
    throw new AdError("option-invalid", `${what}: expected ${expected}, got ${JSON.stringify(got)}`);
  };
  if (!ZONE_NAME.test(zone)) fail("zone", "letters, digits, _ or -", zone);
  if (!TARGET_DURATIONS.some((one) => one === targetDuration)) fail("target duration", "6, 4 or 2", targetDuration);
}

interface Wanted {
  readonly event: CreativeEvent;
  /** Nothing is missing; only the source is to be looked at, which the caretaker does too. */
  readonly canWait?: boolean;
}

/** Notes what is wanted; what that means for the creative. */
async function want(
  tx: Queryable,
  found: CreativeRecord,
  { packaging, targetDuration, id3 = false }: RepackageRequestInput,
  { config, targets }: SubmitDeps,
): Promise<Wanted> {
  if (!isMade(packaging)) {
    await refusePackage(tx, found, { packaging, targetDuration }, "not-made-here");
    return { event: { type: "refuse", reason: "not-made-here" } };
  }
  const cuts = [packaging, ...config.always.filter((one) => one !== packaging)].map((one) => ({
    packaging: one,
    targetDuration,
  }));
  for (const cut of cuts) await wantPackage(tx, found, cut, masterPath(found.zone, found.key, cut));
  const isTagged = id3 && !found.id3;
  if (isTagged) await outdatePackages(tx, found);
  const now = new Date();
  const isMissing = isTagged || cuts.some((cut) => isDue(cut, found, targets, now));
  const isIncomplete = isMissing || isStale(found, config, now);
  return { event: { type: "submit", now, isIncomplete }, canWait: found.life.state === "ready" && !isMissing };
}

/** Whether a package is missing, and not only from a CDN that was tried lately. */
function isDue(
  cut: { readonly packaging: Packaging; readonly targetDuration: number },
  found: CreativeRecord,
  targets: readonly PublishTarget[],
  now: Date,
): boolean {
  const has = found.packages.find(
    (one) => one.packaging === cut.packaging && one.targetDuration === cut.targetDuration,
  );
  return has === undefined || has.purgedCdns.length > 0 || isRepublishable(has, targets, now);
}

/** Whether a CDN lacks a package and it is time to try again. */
export function isRepublishable(one: PackageRecord, targets: readonly PublishTarget[], now: Date): boolean {
  if (!isIncomplete(one, targets)) return false;
  if (one.publishedAt === undefined) return true;
  const wait = Math.min(MAX_REPUBLISH_MS, REPUBLISH_MS * 2 ** Math.max(0, one.tries - 1));
  return one.publishedAt.getTime() <= now.getTime() - wait;
}

async function change(
  tx: Queryable,
  found: CreativeRecord,
  { event, canWait = false }: Wanted,
  input: RepackageRequestInput,
  deps: SubmitDeps,
): Promise<Change> {
  const { creativeUrl, id3 } = input;
  const { config, queue } = deps;
  const before = found.life.state;
  const life = transition(found.life, event, config.retry);
  const said = { ...(id3 && { id3 }), ad: namesOf(input) };
  if (life === found.life) {
    if (id3 && !found.id3) await store.save(tx, found, life, { ...said, message: found.message ?? null });
    return { before, record: undefined };
  }
  if (life.state !== "queued") {
    return { before, record: await saveLife(tx, found, life, { ...said, progress: 0 }, deps) };
  }
  if ((await store.countQueued(tx)) >= config.queueLimit) {
    if (canWait) return { before, record: undefined };
    throw new QueueFull(`queue: expected fewer than ${config.queueLimit} waiting creatives, got as many`);
  }
  const jobId = await queue.add(tx, found);
  const queued = { ...said, ...(jobId !== undefined && { jobId }), progress: 0, creativeUrl };
  return { before, record: await saveLife(tx, found, life, queued, deps) };
}

/**
 * Puts a creative back into the queue by an event that does so, whatever the queue's bound.
 *
 * @returns the record in its new life; undefined: the event means nothing to it, or it is gone
 * @throws CreativeBlocked where the block list stands against it, beside what it got there by itself
 */
export async function requeue(
  id: CreativeId,
  toEvent: (found: CreativeRecord) => CreativeEvent | undefined,
  deps: SubmitDeps,
): Promise<CreativeRecord | undefined> {
  const { database, queue, config, announce, normaliseRules } = deps;
  const record = await database.transaction(async (tx) => {
    const found = await store.lock(tx, id);
    const event = found && toEvent(found);
    if (found === undefined || event === undefined) return undefined;
    const life = transition(found.life, event, config.retry);
    if (life === found.life || life.state !== "queued") return undefined;
    if (event.type === "retry") await removeAutomaticBlock(tx, found);
    const normalisedUrl = normaliseCreativeUrl(found.creativeUrl, normaliseRules(found.zone));
    const subject = { ...found, ...found.ad, normalisedUrl };
    const entry = await findBlock(tx, subject);
    if (entry) throw new CreativeBlocked(subject, entry);
    const jobId = await queue.add(tx, found);
    return saveLife(tx, found, life, { ...(jobId !== undefined && { jobId }), progress: 0 }, deps);
  });
  if (record) announce(record);
  return record;
}
