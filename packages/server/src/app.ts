/** The HTTP side: what holds for every route, and the routes that need no more than a database and CRS's answers. */
import { fastify, type FastifyInstance } from "fastify";
import type { RepackagePort } from "./ads/admission.ts";
import { registerAdServer } from "./ads-parts.ts";
import { registerDocs } from "./api-docs.ts";
import { deriveBeaconSecret } from "./beacon-signature.ts";
import { requireBearer } from "./bearer.ts";
import { openCampaigns } from "./campaign-parts.ts";
import type { ServerConfig } from "./config.ts";
import { registerConsoleApi } from "./console-api/console-api.ts";
import { registerCors, shareAnswer } from "./cors.ts";
import { countDeliveries } from "./crs/webhooks.ts";
import type { Queryable } from "./database/database.ts";
import { fastifyOptions } from "./fastify-options.ts";
import { healthRoutes } from "./health.ts";
import { registerErrors, sendError } from "./http-error.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import type { RelayWorld } from "./relay-parts.ts";
import { createMarker, type RequestHeaders } from "./tracking/marks.ts";
import { reportBeaconsRoutes } from "./tracking/report-beacons.ts";
import { reportRoutes } from "./tracking/report-routes.ts";
import { trackingRoutes } from "./tracking/routes.ts";
import type { Tracking } from "./tracking/tracking.ts";
import { registerTrackingMetrics } from "./tracking/tracking-metrics.ts";
import { zoneRoutes } from "./zones.ts";

/** What the HTTP side needs of the rest. */
export interface AppDeps {
  readonly config: ServerConfig;
  readonly query: Queryable["query"];
  readonly tracking: Tracking;
  /** undefined: repackaging is off. */
  readonly crs: RepackagePort | undefined;
  /** undefined: no ad server is reached, so relays answer without ads. */
  readonly world?: RelayWorld | undefined;
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
export function openApp(config: ServerConfig): FastifyInstance {
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

/** Adds those routes; the metrics that every other part counts in. */
export async function registerParts(app: FastifyInstance, deps: AppDeps): Promise<Metrics> {
  const { config, query, crs, tracking, now = Date.now } = deps;
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
  const campaigns = openCampaigns(app, { config, query, note: tracking.note, now });
  await app.register(healthRoutes, {
    checks: { database: () => query("select 1"), ...deps.checks },
    details: () => (campaigns.status().state === "outdated" ? { campaigns: "outdated" } : {}),
  });

  const { zones } = config;
  const secret = deriveBeaconSecret(config.ticketSecret);
  await app.register(zoneRoutes, { zones });
  const { note } = tracking;
  const { world } = deps;
  const { server } = campaigns;
  const readMark = createMarker();
  const isRobot = (headers: RequestHeaders): boolean => readMark(headers, "signed") !== "";
  const ads = { config, query, crs, campaigns: server, world, note, isRobot, beaconSecret: secret, metrics, now };
  const { upstreams } = await registerAdServer(app, ads);
  await app.register(trackingRoutes, {
    now,
    tracking,
    secret,
    zones,
    onBeacon: (beacon) => metrics.countBeacon(beacon.event, beacon.error),
  });
  const authorise = requireBearer(config.apiToken);
  await app.register(reportRoutes, { tracking, authorise, now });
  await app.register(reportBeaconsRoutes, { tracking, authorise, now });
  registerTrackingMetrics(metrics.registry, tracking);
  await registerConsoleApi(app, {
    config,
    registry: metrics.registry,
    campaigns: () => ({ current: campaigns.current(), ...campaigns.status() }),
    upstreams,
    now,
  });
  return metrics;
}

async function countCreatives(query: Queryable["query"]): Promise<readonly { state: string; count: number }[]> {
  return query<{ state: string; count: number }>(
    "select state, count(*)::integer as count from creative group by state order by state",
  );
}
