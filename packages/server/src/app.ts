/**
 * The server: every part, wired. `buildApp` makes the HTTP side of parts that exist; `buildServer` makes the parts.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { fastify, type FastifyInstance, type FastifyServerOptions } from "fastify";
import { repackageRoutes } from "./ads/repackage-routes.ts";
import type { RepackagePort } from "./ads/admission.ts";
import { createServedCreatives } from "./ads/served-creatives.ts";
import { tagRoutes } from "./ads/tag-routes.ts";
import { requireBearer } from "./bearer.ts";
import type { ServerConfig } from "./config.ts";
import { registerCors } from "./cors.ts";
import type { Queryable } from "./database/database.ts";
import { healthRoutes } from "./health.ts";
import { describeSchemaError, registerErrors } from "./http-error.ts";
import { createMetrics, type CreativeChange } from "./metrics.ts";
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

/** The longest address of a content URL in base64url, a later bootstrap included. */
const MAX_PARAM_LENGTH = 4096;

/** Everything that needs no more than a database and CRS's answers. Routes may be added until it is ready. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config, query, crs, now = Date.now } = deps;
  const app = fastify(fastifyOptions(config));
  registerErrors(app);
  registerCors(app, config);
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
  });

  const metrics = createMetrics({ now, countCreatives: () => countCreatives(query) });
  if (crs) {
    const end = crs.subscribe((status: CreativeChange) => metrics.observeCreative(status));
    app.addHook("onClose", async () => end());
  }
  await registerDocs(app);
  metrics.register(app);
  await app.register(healthRoutes, { checks: { database: () => query("select 1"), ...deps.checks } });

  const served = createServedCreatives(query, now);
  const authorise = requireBearer(config.apiToken);
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
    authorise,
    store: createBeaconStore(query),
    onBeacon: ({ event, error }) => metrics.countBeacon(event, error),
  });
  return app;
}

function fastifyOptions(config: ServerConfig): FastifyServerOptions {
  return {
    logger: {
      level: config.logLevel,
      // stdout belongs to the program that runs the server
      stream: process.stderr,
      // Queries hold sessions, headers hold tokens: neither belongs in a log.
      serializers: { req: (request) => ({ method: request.method, path: request.url?.split("?")[0], ip: request.ip }) },
    },
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit: 262_144,
    requestTimeout: 30_000,
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    return503OnClosing: true,
    ajv: { customOptions: { verbose: true, coerceTypes: "array", removeAdditional: false } },
    schemaErrorFormatter: describeSchemaError,
  };
}

async function registerDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Interlude",
        version: "0.1.0",
        description: "Ads for HLS: repackaged just in time, served, tracked",
      },
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
    },
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
}

async function countCreatives(query: Queryable["query"]): Promise<readonly { state: string; count: number }[]> {
  return query<{ state: string; count: number }>(
    "select state, count(*)::integer as count from creative group by state order by state",
  );
}
