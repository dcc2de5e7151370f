/** What only operators do: try again what failed, take a creative from one CDN, keep the block list. */
import { AdError, normaliseCreativeUrl, parseCreativeUrl } from "@interlude/core";
import type { Queryable } from "../database/database.ts";
import {
  addBlock,
  type BlockEntry,
  type BlockKind,
  type BlockOrder,
  CreativeBlocked,
  findEntry,
  listBlocks,
  removeBlock,
} from "./block-list.ts";
import type { CreativeId, CreativeRecord } from "./creative-record.ts";
import { type CreativeEvent, isInProgress } from "./creative-state.ts";
import { type CreativeStatus, describeCreative } from "./creative-status.ts";
import * as store from "./creative-store.ts";
import { notePurged } from "./package-store.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import { republishRemoved } from "./republish.ts";
import { requeue, type SubmitDeps } from "./submit.ts";

export interface Operations {
  /**
   * Has a failed or blocked creative made again at once, with all its attempts. undefined: it was never asked for.
   *
   * @throws CreativeBlocked where an operator's entry stands against it; OperationRefused `wrong-state`
   */
  retry(zone: string, key: string): Promise<CreativeStatus | undefined>;
  /**
   * Removes a creative's objects from one CDN, masters first. They come back when it is asked for again, from the stored ladder.
   * undefined: it was never asked for.
   *
   * @throws OperationRefused `not-found` for a CDN that is not published to, `wrong-state` while it is made; AdError
   * `upstream-unreachable` where objects could not be removed: to be repeated
   */
  purge(zone: string, key: string, cdn: string): Promise<CreativeStatus | undefined>;
  readonly blocks: {
    list(filter: {
      readonly zone?: string;
      readonly kind?: BlockKind;
    }): Promise<{ readonly entries: readonly BlockEntry[]; readonly total: number }>;
    /**
     * An entry that says the same and is there already stays as it is, but what was automatic becomes the operator's.
     *
     * @throws AdError `option-invalid`, `url-malformed`
     */
    add(order: BlockOrder): Promise<{ readonly entry: BlockEntry; readonly isNew: boolean }>;
    /** The creative of an automatic entry is made again at once. False: it was not there. */
    remove(id: string): Promise<boolean>;
  };
}

/** An operation that makes no sense now, or names what is not there. */
class OperationRefused extends Error {
  override readonly name = "OperationRefused";
  readonly code: "wrong-state" | "not-found";

  constructor(code: "wrong-state" | "not-found", message: string) {
    super(message);
    this.code = code;
  }
}

/** @param abort ends what this process still does for a creative */
export function createOperations(deps: SubmitDeps, abort: (id: CreativeId) => Promise<void> | undefined): Operations {
  const { database } = deps;
  return {
    retry: async (zone, key) => {
      const queued = await requeue({ zone, key }, isRetriable, deps);
      if (queued) return describeCreative(queued);
      const found = await store.find(database, { zone, key });
      if (found === undefined) return undefined;
      const expected = "it failed or blocked, with a package of it asked for";
      const got = `${found.life.state}, ${found.packages.length} packages`;
      throw new OperationRefused("wrong-state", `creative ${zone}/${key}: expected ${expected}, got ${got}`);
    },
    purge: async (zone, key, cdn) => {
      const found = await database.transaction((tx) => beginPurge(tx, { zone, key }, cdn, deps));
      if (found === undefined) return undefined;
      await abort(found.record);
      const paths = found.record.packages.map(({ path }) => path);
      const removed = await Promise.allSettled(paths.map((path) => removePackage(found.target, path)));
      const purged = await republishRemoved(found.record, { cdns: [cdn], paths }, deps);
      const failure = removed.find((one) => one.status === "rejected");
      if (failure) {
        const message = `CDN ${cdn}: expected to remove creative ${zone}/${key}, got ${String(failure.reason)}`;
        throw new AdError("upstream-unreachable", message, { cause: failure.reason });
      }
      if (purged) deps.announce(purged);
      return purged && describeCreative(purged);
    },
    blocks: {
      list: (filter) => listBlocks(database, filter),
      add: async (order) => addBlock(database, { ...order, value: readValue(order, deps) }),
      remove: async (id) => {
        const entry = await findEntry(database, id);
        if (entry === undefined) return false;
        if (entry.isAutomatic && entry.zone !== undefined) await unblock({ zone: entry.zone, key: entry.value }, deps);
        await removeBlock(database, id);
        return true;
      },
    },
  };
}

/** Notes that the CDN has nothing of the creative, before anything is removed: whoever still brings it there takes it back. */
async function beginPurge(
  tx: Queryable,
  id: CreativeId,
  cdn: string,
  { targets }: SubmitDeps,
): Promise<{ readonly record: CreativeRecord; readonly target: PublishTarget } | undefined> {
  const record = await store.lock(tx, id);
  if (record === undefined) return undefined;
  const target = targets.find(({ name }) => name === cdn);
  if (target === undefined) {
    const names = targets.map(({ name }) => name).join(", ");
    throw new OperationRefused("not-found", `CDN: expected one that is published to (${names}), got ${cdn}`);
  }
  const { state } = record.life;
  if (state === "queued" || isInProgress(state)) {
    throw new OperationRefused("wrong-state", `creative ${id.zone}/${id.key}: expected it at rest, but it is ${state}`);
  }
  await notePurged(tx, record, cdn);
  return { record, target };
}

function isRetriable(found: CreativeRecord): CreativeEvent | undefined {
  return found.packages.length > 0 ? { type: "retry" } : undefined;
}

/** Where another entry stands against it too, it stays blocked. */
async function unblock(id: CreativeId, deps: SubmitDeps): Promise<void> {
  try {
    await requeue(id, isRetriable, deps);
  } catch (error) {
    if (!(error instanceof CreativeBlocked)) throw error;
  }
}

const KEY = /^[0-9a-f]{32}$/;

/** An entry's value as it is compared. */
function readValue({ zone, kind, value: given, reason }: BlockOrder, { normaliseRules }: SubmitDeps): string {
  const value = given.trim();
  const fail = (what: string, expected: string, got: string): never => {
    throw new AdError("option-invalid", `${what}: expected ${expected}, got ${JSON.stringify(got.slice(0, 200))}`);
  };
  if (value === "") fail("value", "a text", given);
  if (reason.trim() === "") fail("reason", "a text", reason);
  if (kind === "url") return normaliseCreativeUrl(value, zone === undefined ? [] : normaliseRules(zone));
  if (kind === "host") return readHost(value) ?? fail("value", "a host such as ads.example or .ads.example", given);
  if (kind === "creative" && (zone === undefined || !KEY.test(value))) {
    fail("value", "a creative's key, 32 hex digits, and its zone beside", given);
  }
  return value;
}

/** As URLs spell it; undefined: no host. */
function readHost(value: string): string | undefined {
  const dot = value.startsWith(".") ? "." : "";
  const name = value.slice(dot.length);
  if (name === "" || /[/@?#\\\s]/.test(name) || !URL.canParse(`http://${name}/`)) return undefined;
  const { hostname, host } = parseCreativeUrl(`http://${name}/`);
  return host === hostname ? `${dot}${hostname}` : undefined;
}
