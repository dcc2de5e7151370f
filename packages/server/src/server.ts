/** A whole process: a server, or a worker beside servers. Every part, wired; what is opened is closed again. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { repackagingIsOff } from "./ads/admission.ts";
import { storeDeliveries } from "./ads/campaign/delivery-store.ts";
import { openApp, registerParts } from "./app.ts";
import { requireBearer } from "./bearer.ts";
import type { ServerConfig } from "./config.ts";
import { consoleRoutes } from "./console-routes.ts";
import type { Crs } from "./crs/crs.ts";
import type { CrsLog } from "./crs/crs-log.ts";
import { buildCrs, embeddedOrigins } from "./crs-parts.ts";
import { primetimeRoutes } from "./crs/primetime-routes.ts";
import { crsRoutes } from "./crs/routes.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { createGuardedFetch, type GuardedFetch } from "./guarded-fetch.ts";
import { registerManifestServer } from "./manifest-parts.ts";
import { originRoutes } from "./origin/routes.ts";
import { openRelayWorld } from "./relay-world.ts";
import { createTracking, type Tracking } from "./tracking/tracking.ts";

/** A whole server. */
export interface Server {
  /** Routes may be added until `start`. */
  readonly app: FastifyInstance;
  /** Begins to work and to listen; the address that it listens on. Where it cannot, everything is closed again. */
  start(): Promise<URL>;
  /** Answers what is under way for at most 5 s, puts running jobs back and closes everything. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves where the embedded database has come to its end by itself: who runs the server ends the process, and something begins it anew. */
  readonly lost: Promise<Error>;
}

/** The time that clients get to read what they asked for, once the server stops. */
const DRAIN_MS = 5_000;

/**
 * The whole server, not listening yet.
 *
 * @throws DirectoryInUse where another process has the state folder; the driver's error where the database is not there
 */
export async function buildServer(config: ServerConfig): Promise<Server> {
  await mkdir(config.stateDir, { recursive: true });
  const app = openApp(config);
  const closers = [() => drain(app)];
  let tellLost = (_error: Error): void => undefined;
  const lost = new Promise<Error>((resolve) => {
    tellLost = resolve;
  });
  try {
    const database = await openDatabase({
      databaseUrl: config.databaseUrl,
      directory: join(config.stateDir, "database"),
      onError: (error) => app.log.error({ err: error }, "database queue"),
      onLost: (error) => {
        app.log.fatal({ err: error }, "the embedded database has come to its end, and nothing goes on without it");
        tellLost(error);
      },
    });
    closers.push(() => database.close());
    const fetch = createGuardedFetch(config.fetch);
    closers.splice(1, 0, () => fetch.close());
    const tracking = openTracking(app, config, database);
    closers.splice(1, 0, () => tracking.close());
    const crs = await registerAll(app, config, { database, fetch, tracking });
    if (crs) closers.splice(1, 0, () => crs.stop());
    return { ...controlServer(app, config, { crs, tracking }, closers), lost };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

function controlServer(
  app: FastifyInstance,
  { host, port }: ServerConfig,
  { crs, tracking }: { readonly crs: Crs | undefined; readonly tracking: Tracking },
  closers: readonly (() => Promise<void>)[],
): Omit<Server, "lost"> {
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= closeAll(closers);
    return stopping;
  };
  const start = async (): Promise<URL> => {
    try {
      await crs?.start();
      tracking.start();
      return new URL(await app.listen({ host, port }));
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return { app, start, stop };
}

function openTracking(app: FastifyInstance, config: ServerConfig, database: Database): Tracking {
  return createTracking({
    directory: join(config.stateDir, "tracking"),
    database,
    now: Date.now,
    ...config.tracking,
    stored: storeDeliveries,
    onError: (error, what) => app.log.error({ err: error }, what),
  });
}

async function registerAll(
  app: FastifyInstance,
  config: ServerConfig,
  {
    database,
    fetch,
    tracking,
  }: { readonly database: Database; readonly fetch: GuardedFetch; readonly tracking: Tracking },
): Promise<Crs | undefined> {
  const crs = config.crsEnabled ? buildCrs(config, database, fetch, app.log) : undefined;
  const checks = { queue: () => database.boss.schemaVersion() };
  const world = openRelayWorld(app, { config, database, fetch });
  const metrics = await registerParts(app, { config, query: database.query, tracking, crs, checks, world });
  await app.register(consoleRoutes, { directory: config.consoleDirectory });
  await app.register(originRoutes, { prefix: "/cdn", cdns: embeddedOrigins(config) });
  await registerManifestServer(app, config, { database, fetch, crs, metrics, note: tracking.note });
  if (crs) {
    const isZone = (zone: string): boolean => config.zones.some((known) => known.zone === zone);
    await app.register(crsRoutes, { crs, isZone, authorise: requireBearer(config.apiToken) });
    const { repackageAccounts: accounts, ticketSecret: secret } = config;
    await app.register(primetimeRoutes, { crs, accounts, secret, now: Date.now });
  } else {
    for (const url of [
      "/repackage",
      "/v1/repackage",
      "/v1/creatives",
      "/v1/creatives/*",
      "/v1/blocklist",
      "/v1/blocklist/*",
      "/v1/events",
    ]) {
      app.all(url, { schema: { hide: true } }, () => {
        throw repackagingIsOff();
      });
    }
  }
  return crs;
}

/** The work of a server without its HTTP side. */
export interface WorkerProcess {
  /** Begins to take jobs; where it cannot, everything is closed again. */
  start(): Promise<void>;
  /** Puts running jobs back and closes everything. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * A process that works on the queue of a PostgreSQL, beside servers and other workers.
 *
 * @throws the driver's error where the database is not there
 */
export async function buildWorker(config: ServerConfig, log: CrsLog): Promise<WorkerProcess> {
  await mkdir(config.stateDir, { recursive: true });
  const database = await openDatabase({
    databaseUrl: config.databaseUrl,
    directory: join(config.stateDir, "database"),
    onError: (error) => log.error({ err: error }, "database queue"),
  });
  const fetch = createGuardedFetch(config.fetch);
  const crs = buildCrs(config, database, fetch, log);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= closeAll([() => crs.stop(), () => fetch.close(), () => database.close()]);
    return stopping;
  };
  const start = async (): Promise<void> => {
    try {
      await crs.start();
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return { start, stop };
}

/** Closes the HTTP side; connections that are still open after a while are cut. */
async function drain(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

/** One after the other; one that fails does not keep the next ones open. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) {
    await close().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, "the server did not close cleanly");
}
