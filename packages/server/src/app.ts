/**
 * The server: every part, wired. `buildApp` makes the HTTP side of parts that exist; `buildServer` makes the parts.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { type RepackagePort, repackagingIsOff } from "./ads/admission.ts";
import { repackageRoutes } from "./ads/repackage-routes.ts";
import { createServedCreatives } from "./ads/served-creatives.ts";
import { tagRoutes } from "./ads/tag-routes.ts";
import { registerDocs } from "./api-docs.ts";
import { requireBearer } from "./bearer.ts";
import type { ServerConfig } from "./config.ts";
import { registerCors, shareAnswer } from "./cors.ts";
import { createCrs, type Crs } from "./crs/crs.ts";
import type { CrsLog } from "./crs/crs-log.ts";
import { primetimeRoutes } from "./crs/primetime-routes.ts";
import type { PublishTarget } from "./crs/publish-target.ts";
import { crsRoutes } from "./crs/routes.ts";
import { countDeliveries } from "./crs/webhooks.ts";
import { type Database, openDatabase, type Queryable } from "./database/database.ts";
import { fastifyOptions } from "./fastify-options.ts";
import { createGuardedFetch, type GuardedFetch } from "./guarded-fetch.ts";
import { healthRoutes } from "./health.ts";
import { createManifestMetrics } from "./manifest/operations/manifest-metrics.ts";
import { registerManifest } from "./manifest/manifest.ts";
import { createOverload, processLoad } from "./manifest/operations/overload.ts";
import { createManifestByteFetch, createManifestFetch } from "./manifest/own-fetch.ts";
import { afterTimeout, createRateLimit, RATE_LIMIT } from "./manifest/operations/rate-limit.ts";
import { createDatabaseSessions } from "./manifest/session/session-database.ts";
import { createMemorySessions } from "./manifest/session/session-memory.ts";
import type { SessionStore } from "./manifest/session/session.ts";
import { registerErrors, sendError } from "./http-error.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createOwnFetch } from "./own-address.ts";
import { originRoutes } from "./origin/routes.ts";
import { directoryStore } from "./origin/store.ts";
import { remoteTarget } from "./targets/remote-target.ts";
import { createBeaconStore } from "./tracking/beacon-store.ts";
import { trackingRoutes } from "./tracking/routes.ts";
import { zoneRoutes } from "./zones.ts";

/** What the HTTP side needs of the rest. */
export interface AppDeps {
  readonly config: ServerConfig;
  readonly query: Queryable["query"];
  /** undefined: repackaging is off. */
  readonly crs: RepackagePort | undefined;
  /** Further readiness checks, by name; the database is always one. */
  readonly checks?: Readonly<Record<string, () => Promise<unknown>>>;
  /** ms since the epoch; `Date.now` outside tests. */
  readonly now?: () => number;
}

/** All that needs no more than a database and CRS's answers. Routes may be added until it is ready. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = openApp(deps.config);
  await registerParts(app, deps);
  return app;
}

/** Fastify with what holds for every route: errors, CORS, headers. */
function openApp(config: ServerConfig): FastifyInstance {
  const app = fastify({
    ...fastifyOptions(config),
    frameworkErrors: (error, request, reply) => {
      shareAnswer(request, reply, config);
      return sendError(error, request, reply);
    },
  });
  registerErrors(app);
  registerCors(app, config);
  app.addHook("onRequest", (_request, reply, done) => {
    reply.header("x-content-type-options", "nosniff");
    done();
  });
  return app;
}

async function registerParts(app: FastifyInstance, deps: AppDeps): Promise<Metrics> {
  const { config, query, crs, now = Date.now } = deps;
  const metrics = createMetrics({
    now,
    countCreatives: () => countCreatives(query),
    countWebhooks: async () => (config.crs.webhook ? countDeliveries(query) : []),
  });
  if (crs) {
    const end = crs.subscribe((status) => metrics.observeCreative(status));
    app.addHook("onClose", async () => end());
  }
  await registerDocs(app);
  metrics.register(app);
  await app.register(healthRoutes, { checks: { database: () => query("select 1"), ...deps.checks } });

  const served = createServedCreatives(query, now);
  const { zones, campaigns, publicHosts, ticketSecret, repackageLimits: limits } = config;
  await app.register(zoneRoutes, { zones });
  await app.register(tagRoutes, { zones, campaigns, publicHosts, served });
  await app.register(repackageRoutes, {
    crs,
    zones,
    ticketSecret,
    limits,
    now,
    wasServed: served.wasServed,
    onOutcome: (outcome) => metrics.countRepackage(outcome),
  });
  await app.register(trackingRoutes, {
    now,
    authorise: requireBearer(config.apiToken),
    store: createBeaconStore(query),
    onBeacon: ({ event, error }) => metrics.countBeacon(event, error),
  });
  return metrics;
}

async function countCreatives(query: Queryable["query"]): Promise<readonly { state: string; count: number }[]> {
  return query<{ state: string; count: number }>(
    "select state, count(*)::integer as count from creative group by state order by state",
  );
}

/** A whole server. */
export interface Server {
  /** Routes may be added until `start`. */
  readonly app: FastifyInstance;
  /** Begins to work and to listen; the address that it listens on. Where it cannot, everything is closed again. */
  start(): Promise<URL>;
  /** Answers what is under way for at most 5 s, puts running jobs back and closes everything. Safe to call twice. */
  stop(): Promise<void>;
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
  try {
    const database = await openDatabase({
      databaseUrl: config.databaseUrl,
      directory: join(config.stateDir, "database"),
      onError: (error) => app.log.error({ err: error }, "database queue"),
    });
    closers.push(() => database.close());
    const fetch = createGuardedFetch(config.fetch);
    closers.splice(1, 0, () => fetch.close());
    const crs = await registerAll(app, config, database, fetch);
    if (crs) closers.splice(1, 0, () => crs.stop());
    return controlServer(app, config, crs, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

function controlServer(
  app: FastifyInstance,
  { host, port }: ServerConfig,
  crs: Crs | undefined,
  closers: readonly (() => Promise<void>)[],
): Server {
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= closeAll(closers);
    return stopping;
  };
  const start = async (): Promise<URL> => {
    try {
      await crs?.start();
      return new URL(await app.listen({ host, port }));
    } catch (error) {
      await stop();
      throw error;
    }
  };
  return { app, start, stop };
}

async function registerAll(
  app: FastifyInstance,
  config: ServerConfig,
  database: Database,
  fetch: GuardedFetch,
): Promise<Crs | undefined> {
  const crs = config.crsEnabled ? buildCrs(config, database, fetch, app.log) : undefined;
  const checks = { queue: () => database.boss.schemaVersion() };
  const metrics = await registerParts(app, { config, query: database.query, crs, checks });
  await app.register(originRoutes, { prefix: "/cdn", cdns: embeddedOrigins(config) });
  await registerManifestServer(app, config, { database, fetch, crs, metrics });
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

interface ManifestParts {
  readonly database: Database;
  readonly fetch: GuardedFetch;
  readonly crs: Crs | undefined;
  readonly metrics: Metrics;
}

async function registerManifestServer(app: FastifyInstance, config: ServerConfig, parts: ManifestParts): Promise<void> {
  const { database, fetch, crs, metrics } = parts;
  const store = openSessions(app, config, database);
  const world = { fetch, ...createOwnFetch(app, config.publicHosts) };
  const overload = createOverload(config.overload, processLoad());
  await registerManifest(app, {
    store,
    fetch: createManifestFetch(world),
    fetchBytes: createManifestByteFetch(world),
    repackage: crs && ((order) => crs.submit(order)),
    zones: config.zones,
    publicHosts: config.publicHosts,
    secret: config.ticketSecret,
    metrics: createManifestMetrics(metrics.registry, {
      countSessions: () => store.count(),
      readOverload: () => ({ isLean: overload.isLean, isShedding: overload.isShedding, ...overload.read() }),
    }),
    overload,
    limit: createRateLimit({ ...RATE_LIMIT, now: () => performance.now(), after: afterTimeout }),
    log: app.log,
    now: Date.now,
    clock: () => performance.now(),
  });
}

function openSessions(app: FastifyInstance, { sessions }: ServerConfig, { query }: Database): SessionStore {
  const { store, max, idleMs } = sessions;
  if (store === "memory") return createMemorySessions({ maxSessions: max, idleMs, now: Date.now });
  const onError = (error: unknown): void => app.log.error({ err: error }, "sessions that ended were not removed");
  return createDatabaseSessions({ query, idleMs, now: Date.now, onError });
}

/** The folders that this server serves as CDNs, by name. */
function embeddedOrigins({ targets, stateDir }: ServerConfig): Readonly<Record<string, string>> {
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

function buildCrs(config: ServerConfig, database: Database, fetch: GuardedFetch, log: CrsLog): Crs {
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
