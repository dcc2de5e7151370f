/** The manifest server, wired to the parts of this server. */
import type { FastifyInstance } from "fastify";
import { trackingUrl } from "./ads/ad-request.ts";
import { checkBeacon, createBeaconSigner, deriveBeaconSecret } from "./beacon-signature.ts";
import { requireBearer } from "./bearer.ts";
import type { ServerConfig } from "./config.ts";
import type { Crs } from "./crs/crs.ts";
import type { Database } from "./database/database.ts";
import { createGuardedFetch, type GuardedFetch } from "./guarded-fetch.ts";
import { createManifestMetrics } from "./manifest/operations/manifest-metrics.ts";
import { type ManifestDeps, registerManifest } from "./manifest/manifest.ts";
import { createOverload, processLoad } from "./manifest/operations/overload.ts";
import { createManifestByteFetch, createManifestFetch, limitOwn } from "./manifest/own-fetch.ts";
import { afterTimeout, createRateLimit, RATE_LIMIT } from "./manifest/operations/rate-limit.ts";
import { createDatabaseSessions } from "./manifest/session/session-database.ts";
import { sessionRoutes } from "./manifest/session/session-routes.ts";
import { createMemorySessions } from "./manifest/session/session-memory.ts";
import type { SessionStore } from "./manifest/session/session.ts";
import { BEACON_LIMITS } from "./manifest/tracking/outbox.ts";
import { createDatabaseOutbox } from "./manifest/tracking/outbox-database.ts";
import { createOwnErrorReader } from "./manifest/tracking/own-error.ts";
import { BEACON_CONNECT_MS } from "./manifest/tracking/outbox-send.ts";
import type { OwnReport } from "./manifest/ads/tell-answer.ts";
import { createOutboxMetrics } from "./manifest/tracking/outbox-metrics.ts";
import type { Metrics } from "./metrics.ts";
import type { NoteEvent } from "./noted-event.ts";
import { createOwnFetch, OWN_TAG, OWN_TRACKING } from "./own-address.ts";
import { createSeal } from "./seal.ts";

/** What it shares with the rest. */
export interface ManifestParts {
  readonly database: Database;
  readonly fetch: GuardedFetch;
  readonly crs: Crs | undefined;
  readonly metrics: Metrics;
  readonly note: NoteEvent;
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
    fetchAds: createManifestFetch(limitOwn(world, OWN_TAG)),
    fetchBytes: createManifestByteFetch(world),
    beacons: openBeacons(app, config, parts),
    report: openReport(config, parts, world.isOwn),
    repackage: crs && ((order) => crs.submit(order)),
    copies: crs,
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

function openReport(config: ServerConfig, { note }: ManifestParts, isOwn: (url: URL) => boolean): OwnReport {
  const seal = createSeal(deriveBeaconSecret(config.ticketSecret));
  const sign = createBeaconSigner(seal);
  return {
    note,
    isOwnTag: (url, base) => OWN_TAG.test(url.pathname) && (url.origin === base.origin || isOwn(url)),
    isOwnImpression: (text) => {
      if (!URL.canParse(text)) return false;
      const { pathname, searchParams } = new URL(text);
      const query = Object.fromEntries([...searchParams].toReversed());
      return pathname.endsWith("/track/impression") && checkBeacon("impression", query, seal) === "signed";
    },
    trackingUrl: (event, { lineItem = "", upstream: _none, ...ad }, base) => {
      return trackingUrl(event, { ...ad, base, sign }, { ...ad, lineItem });
    },
  };
}

function openBeacons(
  app: FastifyInstance,
  config: ServerConfig,
  { database, metrics, note }: ManifestParts,
): NonNullable<ManifestDeps["beacons"]> {
  const fetch = createGuardedFetch({ ...config.fetch, connectTimeoutMs: BEACON_CONNECT_MS });
  // Hooks run in reverse: after that of the beacons, which lets end what is under way.
  app.addHook("onClose", () => fetch.close());
  const rows = createDatabaseOutbox({
    ...database,
    bounds: BEACON_LIMITS,
    hasSessions: config.sessions.store !== "memory",
  });
  return {
    rows,
    fetch: createManifestFetch(limitOwn({ fetch, ...createOwnFetch(app, config.publicHosts) }, OWN_TRACKING)),
    note,
    readOwnError: createOwnErrorReader(deriveBeaconSecret(config.ticketSecret)),
    countRetry: createOutboxMetrics(metrics.registry, rows.count).countRetry,
    onError: (err) => app.log.error({ err }, "the outbox of beacons could not reach its database"),
  };
}

function openSessions(app: FastifyInstance, { sessions }: ServerConfig, { query }: Database): SessionStore {
  const { store, max, idleMs } = sessions;
  if (store === "memory") return createMemorySessions({ maxSessions: max, idleMs, now: Date.now });
  const onError = (error: unknown): void => app.log.error({ err: error }, "sessions that ended were not removed");
  return createDatabaseSessions({ query, idleMs, now: Date.now, onError });
}
