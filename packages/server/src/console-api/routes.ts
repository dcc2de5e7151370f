/** What only the console asks: an overview, and the configuration as it is in force. For holders of the API token. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { ErrorBody } from "../schema.ts";
import type { ConfigInForce } from "./config-in-force.ts";
import type { Overview } from "./overview.ts";

export interface ConsoleApiOptions {
  readonly authorise: onRequestHookHandler;
  readonly readOverview: () => Promise<Overview>;
  readonly describeConfig: () => ConfigInForce;
}

const Counts = Type.Record(Type.String(), Type.Integer());
const Facts = Type.Array(Type.Object({ name: Type.String(), value: Type.String() }));

const OverviewBody = Type.Unsafe<Overview>(
  Type.Object({
    server: Type.Object({
      version: Type.String(),
      node: Type.String(),
      startedAt: Type.String({ description: "ISO 8601; what is counted is counted since then, by this process" }),
      database: Type.String({ description: "embedded or postgres" }),
      isRepackaging: Type.Boolean(),
    }),
    creatives: Type.Record(Type.String(), Type.Integer(), { description: "in the database, by state" }),
    sessions: Type.Object({
      alive: Type.Integer(),
      store: Type.String({ description: "memory: of this instance; database: of all instances" }),
    }),
    overload: Type.String({
      description: "none, lean (new breaks stay content) or shedding (new sessions are refused)",
    }),
    requestsInFlight: Type.Integer(),
    timeToReady: Type.Object({
      count: Type.Integer(),
      averageSeconds: Type.Optional(Type.Number()),
      buckets: Type.Array(Type.Object({ upTo: Type.Optional(Type.Number()), count: Type.Integer() }), {
        description: "upTo: seconds; each has what none before it has, the last has no bound",
      }),
    }),
    breaks: Type.Array(
      Type.Object({
        kind: Type.String({ description: "live or vod" }),
        decided: Type.Integer(),
        listed: Type.Integer(),
        seconds: Type.Number({ description: "length of those that were listed" }),
        filledSeconds: Type.Number(),
        ads: Type.Integer(),
      }),
    ),
    adServer: Counts,
    skipped: Counts,
    probes: Type.Object({ hit: Type.Integer(), miss: Type.Integer(), error: Type.Integer() }),
    repackageRequests: Counts,
    beacons: Counts,
    upstreams: Type.Array(
      Type.Object({
        zone: Type.String(),
        upstream: Type.String(),
        state: Type.String({ description: "closed, open or half-open" }),
      }),
    ),
  }),
);

const ConfigBody = Type.Unsafe<ConfigInForce>(
  Type.Object({
    settings: Type.Array(
      Type.Object({
        name: Type.String(),
        meaning: Type.String(),
        value: Type.Optional(Type.String({ description: "as it is in force; left out: nothing, or secret" })),
        source: Type.String({ description: "environment or default" }),
        isSecret: Type.Boolean(),
      }),
    ),
    zones: Type.Array(
      Type.Object({
        zone: Type.String(),
        cdns: Type.Record(Type.String(), Type.String()),
        defaultCdn: Type.String(),
        targetDurations: Type.Array(Type.Number()),
        mediaTypes: Type.Array(Type.String()),
        creativeHosts: Type.Array(Type.String()),
        normaliseRules: Type.Integer(),
        manifest: Type.Optional(Facts),
        relay: Type.Optional(Facts),
        tracking: Facts,
      }),
    ),
    targets: Type.Array(
      Type.Object({
        name: Type.String(),
        type: Type.String(),
        publicUrl: Type.Optional(Type.String()),
        where: Type.String(),
      }),
    ),
    accounts: Type.Object({ count: Type.Integer() }),
    campaigns: Type.Object({
      lineItems: Type.Integer(),
      schedules: Type.Integer(),
      state: Type.String({ description: "current, or outdated: the file has changed and could not be used" }),
      loadedAt: Type.String({ description: "ISO 8601" }),
      complaint: Type.Optional(Type.String()),
    }),
    files: Type.Array(Type.Object({ name: Type.String(), path: Type.String() })),
  }),
);

const COMMON = { tags: ["operations"], security: [{ bearer: [] }] };

/** `GET /v1/overview`, `GET /v1/config`. */
export const consoleApiRoutes: FastifyPluginAsyncTypebox<ConsoleApiOptions> = async (
  app,
  { authorise, readOverview, describeConfig },
) => {
  app.addHook("onRequest", authorise);
  app.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

  const overview = {
    ...COMMON,
    summary: "How many creatives, sessions, breaks and beacons there are, and how the server is",
    response: { 200: OverviewBody, 401: ErrorBody },
  };
  app.get("/v1/overview", { schema: overview }, async (_request, reply) => reply.send(await readOverview()));

  const config = {
    ...COMMON,
    summary: "The configuration in force and where it comes from, without secrets",
    response: { 200: ConfigBody, 401: ErrorBody },
  };
  app.get("/v1/config", { schema: config }, async (_request, reply) => reply.send(describeConfig()));
};
