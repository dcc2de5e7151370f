/**
 * `GET /report`: what came of ads, counted.
 *
 * @see primetime.md §2.10 (report API); docs/report.md
 */
import { type FastifyPluginAsyncTypebox, type TSchema, Type } from "@fastify/type-provider-typebox";
import type { FastifyReply, onRequestHookHandler } from "fastify";
import { sendError } from "../http-error.ts";
import { ErrorBody } from "../schema.ts";
import { formatReportCsv } from "./report-csv.ts";
import { MARKS } from "./marks.ts";
import { reportErrorNumber } from "./report-error.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import type { Report } from "./report.ts";
import { readReportRequest, REPORT_DIMENSIONS, type ReportQuery, type ReportRequest } from "./report-request.ts";
import { openThrottle } from "./report-throttle.ts";
import type { Tracking } from "./tracking.ts";
import { wantsCsv } from "./wants-csv.ts";

/** What the report needs. */
export interface ReportRoutesOptions {
  readonly tracking: Pick<Tracking, "report" | "settle">;
  readonly authorise: onRequestHookHandler;
  /** ms since the epoch */
  readonly now: () => number;
}

/** For the reader: wrong values are refused by the numbers of Primetime's API, not by the schema. */
const Query = Type.Object(
  Object.fromEntries(
    Object.entries({
      startDate: "first day, YYYY-MM-DD; endDate where it is left out",
      endDate: "last day, YYYY-MM-DD; required",
      groupBy: `one of y|m|d|h, and any of ${REPORT_DIMENSIONS.join(", ")}`,
      filters: "key=v1,v2;key2=v3 with the same names",
      metaData: "true: rows name their zone",
      orderBy: "a count, the highest first; by time and dimensions where it is left out",
      page: "from 0",
      size: "rows of a page, 1 to 10000; 100 where it is left out",
      unpaged: "true: all rows, at most 100000",
      marks: `what counts beside viewers: ${MARKS.join(", ")}, or all`,
      utcOffset: "whole hours by which the days are ahead of UTC, -12 to 14; 0 where it is left out",
      format: "json or csv; goes before Accept",
    }).map(([name, description]) => [name, Type.Optional(Type.Unknown({ description }))]),
  ),
);

const Count = Type.Integer();
const Share = Type.Union([Type.Number(), Type.Null()], { description: "0 to 1, of four places; null: of nothing" });
const Counts = Type.Record(Type.String(), Count);

const Row = Type.Object({
  dates: Type.Optional(Type.String({ description: "yyyy, mm-yyyy, mm-dd-yyyy or mm-dd-yyyy hh:00" })),
  ...Object.fromEntries<TSchema>(REPORT_DIMENSIONS.map((dimension) => [dimension, Type.Optional(Type.String())])),
  name: Type.Optional(Type.String()),
  total_impressions: Count,
  starts: Count,
  firstQuartiles: Count,
  midpoints: Count,
  thirdQuartiles: Count,
  completes: Count,
  completionRate: Share,
  skips: Count,
  clicks: Count,
  adRequests: Count,
  noFills: Count,
  fillRate: Share,
  adsOffered: Count,
  renderRate: Share,
  errors: Count,
  errorsByNumber: Counts,
  skipReasons: Counts,
  lostImpressions: Count,
  lostByReason: Counts,
  savedImpressions: Type.Integer({ description: "impressions of ads whose creative had no copy yet" }),
  savedByStep: Type.Record(Type.String(), Count, { description: "the same by what saved them: remux, wait" }),
  lostToFormat: Type.Integer({ description: "of lostImpressions, those whose creative had no copy yet" }),
  firstEncounterFill: Type.Union([Type.Number(), Type.Null()], {
    description: "savedImpressions of those and lostToFormat, as a share; null: of nothing",
  }),
});

const Answer = Type.Object({
  rows: Type.Array(Row),
  totalRows: Type.Integer({ description: "of all pages" }),
  isComplete: Type.Boolean({
    description: "false: beacons of the last moments are still on their way into the database",
  }),
});

const ReportErrorBody = Type.Intersect([
  Type.Object({
    error_code: Type.Optional(Type.String({ description: "Primetime's number, where it has one" })),
    message: Type.String(),
  }),
  ErrorBody,
]);

/** What was acknowledged before it is asked for is in it. */
export const reportRoutes: FastifyPluginAsyncTypebox<ReportRoutesOptions> = async (app, options) => {
  const { tracking, authorise, now } = options;
  const throttle = openThrottle(app, now);
  const inTurn = createOneAtATime();
  const schema = {
    summary: "What came of ads, counted by time, zone, creative, ad, line item, upstream and reason",
    tags: ["tracking"],
    security: [{ bearer: [] }],
    querystring: Query,
    response: {
      200: { content: { "application/json": { schema: Answer }, "text/csv": { schema: Type.String() } } },
      "4xx": ReportErrorBody,
    },
  };
  app.setErrorHandler<Error>((error, request, reply) => {
    const number = reportErrorNumber(error);
    return sendError(error, request, reply, (message) => ({ ...(number && { error_code: number }), message }));
  });
  app.get<{ Querystring: ReportQuery }>("/report", { schema, onRequest: authorise }, async (request, reply) => {
    const isCsv = wantsCsv(request.query["format"], request.headers.accept);
    const asked = readReportRequest(request.query, now());
    await throttle(request.ip);
    const isComplete = await tracking.settle();
    const report = await inTurn(() => tracking.report(asked));
    reply
      .header("cache-control", "no-store")
      .header("vary", "Origin, Accept")
      .header("x-total-count", String(report.totalRows));
    if (!isCsv) return reply.type("application/json; charset=utf-8").send({ ...report, isComplete });
    return sendCsv(reply, report, asked);
  });
};

function sendCsv(reply: FastifyReply, report: Report, asked: ReportRequest): FastifyReply {
  const { from, utcOffset } = asked;
  const day = new Date(from.getTime() + utcOffset * 3_600_000).toISOString().slice(0, 10);
  reply.header("content-disposition", `attachment; filename="report-${day}.csv"`).type("text/csv; charset=utf-8");
  return reply.send(formatReportCsv(report.rows, asked));
}
