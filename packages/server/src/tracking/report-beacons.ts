/** The beacons that came in, one by one: `GET /report/beacons`. */
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { ErrorBody, plainText } from "../schema.ts";
import type { StoredBeacon } from "./beacon-store.ts";
import { type CsvCell, formatCsv } from "./csv.ts";
import { MARKS } from "./marks.ts";
import type { Tracking } from "./tracking.ts";

/** What the list asks. */
export interface ReportBeaconsOptions {
  readonly tracking: Pick<Tracking, "list" | "settle">;
  readonly authorise: onRequestHookHandler;
}

const ReportQuery = Type.Object({
  session: Type.Optional(plainText(500)),
  zone: Type.Optional(plainText(64)),
  event: Type.Optional(plainText(64)),
  after: Type.Optional(
    Type.String({ pattern: "^\\d{1,18}$", description: "id of the last beacon of the page before" }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: "1000 where it is left out" })),
  format: Type.Optional(Type.Union([Type.Literal("json"), Type.Literal("csv")])),
});

const ReportedBeacon = Type.Object({
  id: Type.String(),
  receivedAt: Type.String({ description: "ISO 8601, the server's clock" }),
  event: Type.String(),
  zone: Type.String(),
  session: Type.String(),
  break: Type.String(),
  position: Type.Integer(),
  ad: Type.String(),
  creative: Type.String(),
  lineItem: Type.String(),
  upstream: Type.String({ description: "the relay's" }),
  occurrence: Type.Integer(),
  sentAt: Type.Optional(Type.String({ description: "ISO 8601, the player's clock" })),
  skewMs: Type.Optional(Type.Integer({ description: "ms by which the server's clock was ahead of the player's" })),
  playhead: Type.Optional(Type.Number({ description: "s into the ad" })),
  contentPlayhead: Type.Optional(Type.Number({ description: "s into the content" })),
  error: Type.Optional(Type.Integer({ description: "VAST error number" })),
  reason: Type.String({ description: "why the ad was left out; empty where it was not" }),
  amount: Type.Integer({ description: "adRequest: ads in the answer; 0 elsewhere" }),
  signature: Type.String({
    description: "signed, unsigned, forged; own: noted by the server; empty: older than signatures",
  }),
  mark: Type.String({ description: `empty: counts; ${MARKS.join(", ")}` }),
  extra: Type.Record(Type.String(), Type.String()),
});

const COLUMNS: Readonly<Record<string, (beacon: StoredBeacon) => CsvCell>> = {
  id: (beacon) => beacon.id,
  receivedAt: (beacon) => beacon.receivedAt.toISOString(),
  event: (beacon) => beacon.event,
  zone: (beacon) => beacon.zone,
  session: (beacon) => beacon.session,
  break: (beacon) => beacon.break,
  position: (beacon) => beacon.position,
  ad: (beacon) => beacon.ad,
  creative: (beacon) => beacon.creative,
  lineItem: (beacon) => beacon.lineItem,
  upstream: (beacon) => beacon.upstream,
  occurrence: (beacon) => beacon.occurrence,
  sentAt: (beacon) => beacon.sentAt?.toISOString(),
  skewMs: (beacon) => beacon.skewMs,
  playhead: (beacon) => beacon.playhead,
  contentPlayhead: (beacon) => beacon.contentPlayhead,
  error: (beacon) => beacon.error,
  reason: (beacon) => beacon.reason,
  amount: (beacon) => beacon.amount,
  signature: (beacon) => beacon.signature,
  mark: (beacon) => beacon.mark,
  extra: (beacon) => (Object.keys(beacon.extra).length === 0 ? undefined : JSON.stringify(beacon.extra)),
};

/** `GET /report/beacons`; what was acknowledged before it is in it. */
export const reportBeaconsRoutes: FastifyPluginAsyncTypebox<ReportBeaconsOptions> = async (
  app,
  { tracking, authorise },
) => {
  const schema = {
    summary: "The beacons that came in, in order of arrival",
    tags: ["tracking"],
    security: [{ bearer: [] }],
    querystring: ReportQuery,
    response: {
      200: {
        content: {
          "application/json": { schema: Type.Object({ beacons: Type.Array(ReportedBeacon) }) },
          "text/csv": { schema: Type.String() },
        },
      },
      "4xx": ErrorBody,
    },
  };
  app.get("/report/beacons", { schema, onRequest: authorise }, async (request, reply) => {
    const { format = "json", limit = 1000, ...filter } = request.query;
    await tracking.settle();
    const beacons = await tracking.list({ ...filter, limit });
    reply.header("cache-control", "no-store");
    if (format === "json") return reply.type("application/json; charset=utf-8").send({ beacons: beacons.map(report) });
    reply.header("content-disposition", 'attachment; filename="beacons.csv"').type("text/csv; charset=utf-8");
    const rows = beacons.map((beacon) => Object.values(COLUMNS).map((cell) => cell(beacon)));
    return reply.send(formatCsv(Object.keys(COLUMNS), rows));
  });
};

function report(beacon: StoredBeacon): Static<typeof ReportedBeacon> {
  const { receivedAt, sentAt, skewMs, playhead, contentPlayhead, error, extra, ...rest } = beacon;
  return {
    ...rest,
    receivedAt: receivedAt.toISOString(),
    ...(sentAt === undefined ? {} : { sentAt: sentAt.toISOString() }),
    ...(skewMs === undefined ? {} : { skewMs }),
    ...(playhead === undefined ? {} : { playhead }),
    ...(contentPlayhead === undefined ? {} : { contentPlayhead }),
    ...(error === undefined ? {} : { error }),
    extra: { ...extra },
  };
}
