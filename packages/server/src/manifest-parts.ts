/** The manifest server, wired to the parts of this server. */
import type { FastifyInstance } from "fastify";
import { requireBearer } from "./bearer.ts";
import type { ServerConfig } from "./config.ts";
import type { Crs } from "./crs/crs.ts";
import type { Database } from "./database/database.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { createManifestMetrics } from "./manifest/operations/manifest-metrics.ts";
import { registerManifest } from "./manifest/manifest.ts";
import { createOverload, processLoad } from "./manifest/operations/overload.ts";
import { createManifestByteFetch, createManifestFetch } from "./manifest/own-fetch.ts";
import { afterTimeout, createRateLimit, RATE_LIMIT } from "./manifest/operations/rate-limit.ts";
import { createDatabaseSessions } from "./manifest/session/session-database.ts";
import { sessionRoutes } from "./manifest/session/session-routes.ts";
import { createMemorySessions } from "./manifest/session/session-memory.ts";
import type { SessionStore } from "./manifest/session/session.ts";
import type { Metrics } from "./metrics.ts";
import { createOwnFetch } from "./own-address.ts";

/** What it shares with the rest. */
export interface ManifestParts {
  readonly database: Database;
  readonly fetch: GuardedFetch;
  readonly crs: Crs | undefined;
  readonly metrics: Metrics;
}

/** Registers its routes; they go with the app. */
export async function registerManifestServer(
  app: FastifyInstance,
  config: ServerConfig,
  parts: ManifestParts,
): Promise<void> {
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
  await app.register(sessionRoutes, { store, kind: config.sessions.store, authorise: requireBearer(config.apiToken) });
}

function openSessions(app: FastifyInstance, { sessions }: ServerConfig, { query }: Database): SessionStore {
  const { store, max, idleMs } = sessions;
  if (store === "memory") return createMemorySessions({ maxSessions: max, idleMs, now: Date.now });
  const onError = (error: unknown): void => app.log.error({ err: error }, "sessions that ended were not removed");
  return createDatabaseSessions({ query, idleMs, now: Date.now, onError });
}
