/**
 * The beacons that came in, one by one: `GET /report/beacons`. Those of a session are found at once; to find others, days are read, which
 * may take long: of few days, one list at a time, and not too often.
 */
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { HttpError } from "../http-error.ts";
import { ErrorBody, plainText } from "../schema.ts";
import type { BeaconFilter, StoredBeacon } from "./beacon-store.ts";
import { type CsvCell, formatCsv } from "./csv.ts";
import { dayOf } from "./happening.ts";
import { MARKS } from "./marks.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import { openThrottle } from "./report-throttle.ts";
import type { Tracking } from "./tracking.ts";

/** What the list asks. */
export interface ReportBeaconsOptions {
  readonly tracking: Pick<Tracking, "list" | "settle">;
  readonly authorise: onRequestHookHandler;
  /** ms since the epoch */
  readonly now: () => number;
}

const DAY_MS = 86_400_000;
/** Without a session. */
const [USUAL_DAYS, MAX_DAYS] = [2, 7];

const day = (description: string) =>
  Type.Optional(Type.String({ format: "date", pattern: "^[12]\\d{3}-", description }));

const ReportQuery = Type.Object({
  session: Type.Optional(plainText(500)),
  zone: Type.Optional(plainText(64)),
  event: Type.Optional(plainText(64)),
  startDate: day("first day in UTC; without it and a session, the day before the last"),
  endDate: day("last day in UTC; today where it is left out, and no session given"),
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
  reason: Type.String({
    description: "why the ad was left out; of an impression: remux, wait, by which it was saved; else empty",
  }),
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
  { tracking, authorise, now },
) => {
  const throttle = openThrottle(app, now);
  const inTurn = createOneAtATime();
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
    const { format = "json", limit = 1000, startDate, endDate, ...filter } = request.query;
    // None is that of all who told none.
    const isSearch = (filter.session ?? "") === "";
    const days = isSearch ? readDays(startDate, endDate, now()) : nameDays(startDate, endDate);
    if (isSearch) await throttle(request.ip);
    await tracking.settle();
    const list = () => tracking.list({ ...filter, ...days, limit });
    const beacons = await (isSearch ? inTurn(list) : list());
    reply.header("cache-control", "no-store");
    if (format === "json") return reply.type("application/json; charset=utf-8").send({ beacons: beacons.map(report) });
    reply.header("content-disposition", 'attachment; filename="beacons.csv"').type("text/csv; charset=utf-8");
    const rows = beacons.map((beacon) => Object.values(COLUMNS).map((cell) => cell(beacon)));
    return reply.send(formatCsv(Object.keys(COLUMNS), rows));
  });
};

type Days = Pick<BeaconFilter, "firstDay" | "lastDay">;

function nameDays(first: string | undefined, last: string | undefined): Days {
  return { ...(first !== undefined && { firstDay: first }), ...(last !== undefined && { lastDay: last }) };
}

/** @throws HttpError `invalid-request` for an end before the start, and for more days than may be read at once */
function readDays(first: string | undefined, last: string | undefined, now: number): Days {
  const end = Date.parse(last ?? dayOf(new Date(now)));
  const start = first === undefined ? end - (USUAL_DAYS - 1) * DAY_MS : Date.parse(first);
  const count = (end - start) / DAY_MS + 1;
  if (count >= 1 && count <= MAX_DAYS) return nameDays(dayOf(new Date(start)), dayOf(new Date(end)));
  const message = `startDate: expected 1 to ${MAX_DAYS} days to endDate where no session is given, got ${count}`;
  throw new HttpError("invalid-request", message);
}

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
