/** The receiver of tracking requests, and the report of what it got. */
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { ErrorBody, plainText } from "../schema.ts";
import { type Beacon, type BeaconQuery, readBeacon } from "./beacon.ts";
import type { BeaconStore, StoredBeacon } from "./beacon-store.ts";
import { type CsvCell, formatCsv } from "./csv.ts";

/** `onBeacon` is told of each beacon once it is stored. */
export interface TrackingRoutesOptions {
  readonly store: BeaconStore;
  /** ms since the epoch */
  readonly now: () => number;
  /** Guards the report. */
  readonly authorise: onRequestHookHandler;
  readonly onBeacon: (beacon: Beacon) => void;
}

/** 1×1, transparent. */
const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

/** What sendBeacon may carry; nothing in it is used. */
const MAX_BODY = 65_536;

/** For the reader: nothing is validated here, since a player's bad value must not cost the beacon. */
const TrackingQuery = Type.Object(
  Object.fromEntries(
    Object.entries({
      zone: "zone",
      session: "the viewer's session",
      break: "id of the ad break",
      position: "of the ad in its pod, from 1",
      ad: "id of the ad",
      creative: "id of the creative",
      li: "line item",
      n: "which time it is that this happens here, from 1",
      t: "[TIMESTAMP]",
      playhead: "[ADPLAYHEAD]",
      content: "[CONTENTPLAYHEAD]",
      error: "[ERRORCODE]",
      cb: "[CACHEBUSTING]",
    }).map(([name, description]) => [name, Type.Optional(Type.Unknown({ description }))]),
  ),
);

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
  occurrence: Type.Integer(),
  sentAt: Type.Optional(Type.String({ description: "ISO 8601, the player's clock" })),
  playhead: Type.Optional(Type.Number({ description: "s into the ad" })),
  contentPlayhead: Type.Optional(Type.Number({ description: "s into the content" })),
  error: Type.Optional(Type.Integer({ description: "VAST error number" })),
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
  occurrence: (beacon) => beacon.occurrence,
  sentAt: (beacon) => beacon.sentAt?.toISOString(),
  playhead: (beacon) => beacon.playhead,
  contentPlayhead: (beacon) => beacon.contentPlayhead,
  error: (beacon) => beacon.error,
  extra: (beacon) => (Object.keys(beacon.extra).length === 0 ? undefined : JSON.stringify(beacon.extra)),
};

/** `GET|POST /track/{event}`, `GET /report`. */
export const trackingRoutes: FastifyPluginAsyncTypebox<TrackingRoutesOptions> = async (app, options) => {
  await app.register(receiver, options);

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
  app.get("/report", { schema, onRequest: options.authorise }, async (request, reply) => {
    const { format = "json", limit = 1000, ...filter } = request.query;
    const beacons = await options.store.list({ ...filter, limit });
    reply.header("cache-control", "no-store");
    if (format === "json") return reply.type("application/json; charset=utf-8").send({ beacons: beacons.map(report) });
    reply.header("content-disposition", 'attachment; filename="beacons.csv"').type("text/csv; charset=utf-8");
    const rows = beacons.map((beacon) => Object.values(COLUMNS).map((cell) => cell(beacon)));
    return reply.send(formatCsv(Object.keys(COLUMNS), rows));
  });
};

/** Its own scope, because here, and nowhere else, any content type is taken and thrown away. */
const receiver: FastifyPluginAsyncTypebox<TrackingRoutesOptions> = async (app, options) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: MAX_BODY }, async () => undefined);
  app.route<{ Params: { event: string }; Querystring: BeaconQuery }>({
    method: ["GET", "POST"],
    url: "/track/:event",
    // A HEAD says that somebody looks whether there is something, not that something happened.
    exposeHeadRoute: false,
    schema: {
      summary: "Takes one tracking request; answered when it is stored",
      tags: ["tracking"],
      params: Type.Object({ event: Type.String({ description: "as VAST and VMAP spell it" }) }),
      querystring: TrackingQuery,
      response: { 204: Type.Null(), "4xx": ErrorBody },
    },
    handler: async (request, reply) => {
      const beacon = readBeacon(request.params.event, request.query, new Date(options.now()));
      await options.store.append(beacon);
      options.onBeacon(beacon);
      reply.header("cache-control", "no-store");
      const isImage = request.headers.accept?.includes("image/") ?? false;
      return isImage ? reply.type("image/gif").send(GIF) : reply.code(204).send();
    },
  });
};

function report(beacon: StoredBeacon): Static<typeof ReportedBeacon> {
  const { receivedAt, sentAt, playhead, contentPlayhead, error, extra, ...rest } = beacon;
  return {
    ...rest,
    receivedAt: receivedAt.toISOString(),
    ...(sentAt === undefined ? {} : { sentAt: sentAt.toISOString() }),
    ...(playhead === undefined ? {} : { playhead }),
    ...(contentPlayhead === undefined ? {} : { contentPlayhead }),
    ...(error === undefined ? {} : { error }),
    extra: { ...extra },
  };
}
