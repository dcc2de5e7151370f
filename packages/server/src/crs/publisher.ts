/** Brings the packages of one run to all CDNs, each at its own pace. */
import { randomBytes } from "node:crypto";
import { masterPath } from "@interlude/core";
import type { CreativeId, CreativeRecord, PackageRecord } from "./creative-record.ts";
import * as store from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { LeaseLost } from "./leased-row.ts";
import { dropPackage, type Layer, notePublished, noteTried, wantPackage } from "./package-store.ts";
import { type PackageToPublish, publishTo } from "./publish.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import type { RepackagePorts } from "./repackage.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { republishRemoved, type RepublishDeps } from "./republish.ts";

export interface Publisher extends Pick<RepackagePorts, "nextPackage" | "openRemux" | "publish" | "withdrawRemux"> {
  /** Whether the ladder of a package was brought to the CDNs in this run, and as the creative is wanted now. */
  wasTried(cut: PackageRecord, id3: boolean): boolean;
  /** When no CDN is being uploaded to any more. */
  ended(): Promise<void>;
}

export interface PublisherDeps extends RepublishDeps {
  readonly targets: readonly PublishTarget[];
  readonly config: CrsConfig;
  readonly log: CrsLog;
  /** Tells that CDNs have something that they had not. */
  readonly onPublished: () => Promise<void>;
}

/** A ladder is whole on the first CDN: the others get this much more before the creative is called ready. */
const GRACE_MS = 3000;

/** One upload of one package to one CDN; the next one of the same waits for it, lest an older master come last. */
interface Upload {
  readonly end: AbortController;
  readonly ended: Promise<unknown>;
}

/**
 * @param id under the lease of this run
 * @param signal ends uploads at once
 */
export function createPublisher(
  deps: PublisherDeps,
  id: CreativeId & { readonly lease: number },
  signal: AbortSignal,
): Publisher {
  const { database, targets, config, log } = deps;
  const tried = new Set<string>();
  const uploads = new Map<string, Upload>();
  const withdrawals: Promise<unknown>[] = [];

  const lost = (): LeaseLost => new LeaseLost(`creative ${id.zone}/${id.key}: no longer ours`);
  /** Another process knows nothing of the uploads of this one: an older master would take the place of its newer one. */
  const beforeMaster = async (): Promise<void> => {
    if (!(await store.isLeased(database, id))) throw lost();
  };

  const upload = async (target: PublishTarget, order: Order): Promise<void> => {
    const { wanted, layer, what, id3, onProgress } = order;
    const place = `${target.name} ${wanted.path}`;
    const before = uploads.get(place);
    const end = new AbortController();
    const work = async (): Promise<void> => {
      before?.end.abort(new Error(`package ${wanted.path}: a newer one takes its place`));
      await before?.ended;
      const both = AbortSignal.any([signal, end.signal]);
      await publishTo(target, what, { signal: both, timeoutMs: config.publishTimeoutMs, onProgress, beforeMaster });
    };
    const running = work();
    uploads.set(place, { end, ended: running.catch(() => undefined) });
    try {
      await running;
    } catch (error) {
      if (!signal.aborted && !(error instanceof LeaseLost))
        log.warn({ cdn: target.name, path: wanted.path, err: error }, "package was not published");
      throw error;
    }
    if (await notePublished(database, id, wanted, { cdn: target.name, layer, id3 })) return deps.onPublished();
    const found = await store.find(database, id);
    // The master's address is the newer run's.
    if (found !== undefined && found.lease !== id.lease) throw lost();
    await removePackage(target, wanted.path);
    await republishRemoved(id, { cdns: [target.name], paths: [wanted.path] }, deps);
    throw new Error(`package ${wanted.path}: expected it wanted on ${target.name} still, but it was taken from there`);
  };

  /** A master that stays on a CDN which is down names media that stays too: nobody is harmed. */
  const withdraw = async (target: PublishTarget, remux: PackageRecord): Promise<void> => {
    const running = uploads.get(`${target.name} ${remux.path}`);
    running?.end.abort(new Error(`package ${remux.path}: the ladder takes its place`));
    await running?.ended;
    if (running === undefined && !remux.earlyCdns.includes(target.name)) return;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(config.publishTimeoutMs)]);
    await target.remove(remux.path, limit).catch((error: unknown) => {
      log.warn({ cdn: target.name, path: remux.path, err: error }, "first layer was not withdrawn");
    });
  };

  return {
    nextPackage: async (layer) => {
      const record = await store.find(database, id);
      const wanted = record?.packages.find(
        (one) => !tried.has(nameOf(one, layer, record.id3)) && isMissing(one, layer, targets),
      );
      return record && wanted && { wanted, id3: record.id3 };
    },
    wasTried: (cut, id3) => tried.has(nameOf(cut, "ladder", id3)),
    openRemux: async (wanted) => {
      tried.add(nameOf(wanted, "first", false));
      const cut = { packaging: wanted.packaging, targetDuration: 0 };
      await wantPackage(database, id, cut, masterPath(id.zone, id.key, cut));
      const record = await store.find(database, id);
      const remux = record?.packages.find((one) => one.packaging === cut.packaging && one.targetDuration === 0);
      return remux && !tried.has(nameOf(remux, "first", false)) ? remux : undefined;
    },
    publish: async ({ wanted, id3, layer, cut, frameRate, onProgress = () => undefined }) => {
      tried.add(nameOf(wanted, layer, id3));
      const has = layer === "first" ? [...wanted.cdns, ...wanted.earlyCdns] : wanted.cdns;
      const missing = targets.filter(({ name }) => !has.includes(name) && !wanted.purgedCdns.includes(name));
      // The same names on every CDN, so that a player may go from one to another.
      const version = `${Date.now().toString(36)}${randomBytes(4).toString("hex")}`;
      const what = { cut, frameRate, version, masterPath: wanted.path };
      const running = missing.map((target) => upload(target, { wanted, layer, what, id3, onProgress }));
      const settled = Promise.allSettled(running);
      const isAnywhere = (await succeedsAnywhere(running)) || has.length > 0;
      signal.throwIfAborted();
      if (layer === "ladder") await noteTried(database, id, wanted);
      if (!isAnywhere) {
        const faults = (await settled).flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
        const loss = faults.find((one) => one instanceof LeaseLost);
        if (loss !== undefined) throw loss;
        throw new RepackageFailure("publish-failed", `package ${wanted.path}: no CDN took it: ${faults.join("; ")}`);
      }
      if (layer === "ladder") await waitAtMost(settled, GRACE_MS);
    },
    withdrawRemux: async () => {
      const record = await store.find(database, id);
      for (const remux of record?.packages.filter(({ targetDuration }) => targetDuration === 0) ?? []) {
        const withdrawn = Promise.all(targets.map((target) => withdraw(target, remux)));
        withdrawals.push(withdrawn);
        await waitAtMost(withdrawn, GRACE_MS);
        await dropPackage(database, id, remux);
      }
    },
    ended: async () => {
      await Promise.all([...[...uploads.values()].map((one) => one.ended), ...withdrawals]);
    },
  };
}

interface Order {
  readonly wanted: PackageRecord;
  readonly layer: Layer;
  readonly what: PackageToPublish;
  readonly id3: boolean;
  readonly onProgress: (share: number) => void;
}

/** As soon as one upload has ended well, or all have ended. */
function succeedsAnywhere(uploads: readonly Promise<void>[]): Promise<boolean> {
  return Promise.any(uploads).then(
    () => true,
    () => false,
  );
}

/** Whether a CDN lacks the ladder of it. A remux with long GOPs is never completed: it is withdrawn. */
export function isIncomplete(one: PackageRecord, targets: readonly PublishTarget[]): boolean {
  return (
    one.targetDuration > 0 && targets.some(({ name }) => !one.cdns.includes(name) && !one.purgedCdns.includes(name))
  );
}

/** A first layer is for packages of which no CDN has anything yet. */
function isMissing(one: PackageRecord, layer: Layer, targets: readonly PublishTarget[]): boolean {
  if (layer === "ladder") return isIncomplete(one, targets);
  return isIncomplete(one, targets) && one.cdns.length === 0 && one.earlyCdns.length === 0;
}

/** Whether any creative's packages on these CDNs are all that was asked for. */
export function isWhole({ packages }: CreativeRecord, targets: readonly PublishTarget[]): boolean {
  return !packages.some((one) => isIncomplete(one, targets));
}

function nameOf({ packaging, targetDuration }: PackageRecord, layer: Layer, id3: boolean): string {
  return [packaging, targetDuration, layer, ...(layer === "ladder" && id3 ? ["id3"] : [])].join(" ");
}

async function waitAtMost(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
