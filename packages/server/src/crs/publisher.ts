/** Brings the packages of one run to all CDNs, each at its own pace. */
import { randomBytes } from "node:crypto";
import type { Database } from "../database/database.ts";
import * as store from "./creative-store.ts";
import type { CreativeId, PackageRecord } from "./creative-store.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { CrsLog } from "./crs-log.ts";
import { type PackageToPublish, publishTo } from "./publish.ts";
import { type PublishTarget, removePackage } from "./publish-target.ts";
import type { RepackagePorts } from "./repackage.ts";
import { RepackageFailure } from "./repackage-failure.ts";

export interface Publisher {
  /** A package that is not on every CDN and was not tried in this run yet. */
  nextPackage(): Promise<PackageRecord | undefined>;
  wasTried(cut: PackageRecord): boolean;
  /**
   * Returns when all CDNs have it or have failed, or when one has it and the others have had a little more time; those go on.
   *
   * @throws RepackageFailure `publish-failed` when none took it
   */
  publish: RepackagePorts["publish"];
  /** When no CDN is being uploaded to any more. */
  ended(): Promise<void>;
}

export interface PublisherDeps {
  readonly database: Database;
  readonly targets: readonly PublishTarget[];
  readonly config: CrsConfig;
  readonly log: CrsLog;
}

/** A package is whole on the first CDN: the others get this much more before the creative is called ready. */
const GRACE_MS = 3000;

/** @param signal ends uploads at once */
export function createPublisher(deps: PublisherDeps, id: CreativeId, signal: AbortSignal): Publisher {
  const { database, targets, config, log } = deps;
  const tried = new Set<string>();
  const uploads: Promise<unknown>[] = [];

  const upload = async (
    target: PublishTarget,
    wanted: PackageRecord,
    what: PackageToPublish,
    onProgress: (share: number) => void,
  ): Promise<void> => {
    try {
      await publishTo(target, what, { signal, timeoutMs: config.publishTimeoutMs, onProgress });
    } catch (error) {
      if (!signal.aborted) log.warn({ cdn: target.name, path: wanted.path, err: error }, "package was not published");
      throw error;
    }
    if (await store.notePublished(database, id, wanted, [target.name])) return;
    await removePackage(target, wanted.path);
    throw new Error(`package ${wanted.path}: expected to be wanted still, but its creative was forgotten`);
  };

  return {
    nextPackage: async () => {
      const record = await store.find(database, id);
      return record?.packages.find((one) => !tried.has(nameOf(one)) && isIncomplete(one, targets));
    },
    wasTried: (cut) => tried.has(nameOf(cut)),
    publish: async (wanted, encoding, cut, onProgress) => {
      tried.add(nameOf(wanted));
      const missing = targets.filter((target) => !wanted.cdns.includes(target.name));
      // The same names on every CDN, so that a player may go from one to another.
      const version = `${Date.now().toString(36)}${randomBytes(4).toString("hex")}`;
      const what = { cut, version, masterPath: wanted.path, frameRate: encoding.frameRate };
      const running = missing.map((target) => upload(target, wanted, what, onProgress));
      const settled = Promise.allSettled(running);
      uploads.push(settled);
      const isAnywhere = (await succeedsAnywhere(running)) || wanted.cdns.length > 0;
      signal.throwIfAborted();
      await store.notePublished(database, id, wanted, []);
      if (!isAnywhere) {
        const faults = (await settled).flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
        throw new RepackageFailure("publish-failed", `package ${wanted.path}: no CDN took it: ${faults.join("; ")}`);
      }
      await waitAtMost(settled, GRACE_MS);
    },
    ended: async () => {
      await Promise.all(uploads);
    },
  };
}

/** As soon as one upload has ended well, or all have ended. */
function succeedsAnywhere(uploads: readonly Promise<void>[]): Promise<boolean> {
  return Promise.any(uploads).then(
    () => true,
    () => false,
  );
}

/** Whether a CDN lacks it. */
export function isIncomplete(one: PackageRecord, targets: readonly PublishTarget[]): boolean {
  return targets.some((target) => !one.cdns.includes(target.name));
}

function nameOf({ packaging, targetDuration }: PackageRecord): string {
  return `${packaging}-${targetDuration}`;
}

async function waitAtMost(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
