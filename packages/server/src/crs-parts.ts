/** CRS, wired to what it publishes to. */
import { join } from "node:path";
import type { ServerConfig } from "./config.ts";
import { createCrs, type Crs } from "./crs/crs.ts";
import type { CrsLog } from "./crs/crs-log.ts";
import type { PublishTarget } from "./crs/publish-target.ts";
import type { Database } from "./database/database.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { directoryStore } from "./origin/store.ts";
import { remoteTarget } from "./targets/remote-target.ts";

/** The folders that this server serves as CDNs, by name. */
export function embeddedOrigins({ targets, stateDir }: ServerConfig): Readonly<Record<string, string>> {
  const directories = targets.filter(({ type }) => type === "directory");
  return Object.fromEntries(directories.map(({ name }) => [name, originFolder(stateDir, name)]));
}

function originFolder(stateDir: string, name: string): string {
  return join(stateDir, "cdn", name);
}

function buildTargets({ targets, stateDir }: ServerConfig): readonly PublishTarget[] {
  return targets.map((target) =>
    target.type === "directory"
      ? directoryStore(target.name, originFolder(stateDir, target.name))
      : remoteTarget(target),
  );
}

/** Not started. */
export function buildCrs(config: ServerConfig, database: Database, fetch: GuardedFetch, log: CrsLog): Crs {
  for (const { name } of config.targets) {
    const isRead = config.zones.some(({ cdns }) => Object.hasOwn(cdns, name));
    if (!isRead) log.warn({ cdn: name }, "no zone names this CDN: what is published to it is read by nobody");
  }
  return createCrs({
    database,
    fetch,
    targets: buildTargets(config),
    normaliseRules: (name) => config.zones.find(({ zone }) => zone === name)?.normalise ?? [],
    config: config.crs,
    log,
  });
}
