/** Wires what only the console asks. */
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { requireBearer } from "../bearer.ts";
import type { ServerConfig } from "../config.ts";
import { VERSION } from "../version.ts";
import { type ConfigSource, describeConfig } from "./config-in-force.ts";
import { createMetricReader } from "./metric-reader.ts";
import { readOverview, type ServerFacts, type UpstreamState } from "./overview.ts";
import { consoleApiRoutes } from "./routes.ts";

export interface ConsoleApiParts {
  readonly config: ServerConfig;
  readonly registry: Registry;
  readonly campaigns: ConfigSource["campaigns"];
  /** Of the relay; none where there is no relay. */
  readonly upstreams: () => readonly UpstreamState[];
  /** ms since the epoch */
  readonly now: () => number;
}

/** The server counts as begun now. */
export async function registerConsoleApi(app: FastifyInstance, parts: ConsoleApiParts): Promise<void> {
  const { config, registry, campaigns, upstreams, now } = parts;
  const server: ServerFacts = {
    version: VERSION,
    node: process.versions.node,
    startedAt: new Date(now()).toISOString(),
    database: config.databaseUrl === undefined ? "embedded" : "postgres",
    isRepackaging: config.crsEnabled,
  };
  const metrics = createMetricReader(registry);
  await app.register(consoleApiRoutes, {
    authorise: requireBearer(config.apiToken),
    readOverview: () => readOverview({ server, sessionStore: config.sessions.store, metrics, upstreams }),
    describeConfig: () => describeConfig({ config, campaigns }),
  });
}
