/**
 * What every answer below `/auditude` has in common, errors included: debug headers, conditional requests, metrics, and a share in
 * what the server has to do.
 *
 * @see primetime.md §1.15
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { codeOf, HttpError } from "../http-error.ts";
import { isNotModified } from "./conditional.ts";
import { formatDebugHeaders, formatLogLines, formatX1 } from "./operations/debug-headers.ts";
import { TOO_OLD_HEADER } from "./manifest-errors.ts";
import type { ManifestLog } from "./manifest-fetch.ts";
import type { ManifestKind, ManifestMetrics, ManifestOutcome } from "./operations/manifest-metrics.ts";
import type { SessionOptions } from "./options.ts";
import type { Overload } from "./operations/overload.ts";
import { createTrace, type RequestTrace } from "./trace.ts";

/** An answer as it is sent. */
export interface ExchangeAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: string;
  /** For the metrics; undefined: it was counted elsewhere. */
  readonly outcome?: ManifestOutcome;
}

/** What is learnt of a request while it is answered; mutable on purpose. */
export interface ExchangeFacts {
  /** As the client wrote it, without `?`. */
  readonly query: string;
  readonly trace: RequestTrace;
  sessionId: string | undefined;
  options: SessionOptions | undefined;
}

export interface ExchangeDeps {
  readonly overload: Pick<Overload, "begin">;
  readonly metrics: Pick<ManifestMetrics, "countRequest">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: ManifestLog;
}

/** Sends what `answer` gives; what it throws is left to the server's error handler, debug headers set. */
export async function exchange(
  kind: ManifestKind & ("bootstrap" | "master" | "live" | "vod"),
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ExchangeDeps,
  answer: (facts: ExchangeFacts) => Promise<ExchangeAnswer>,
): Promise<FastifyReply> {
  const startedAt = deps.now();
  reply.raw.once("close", deps.overload.begin());
  const question = request.url.indexOf("?");
  const facts: ExchangeFacts = {
    query: question < 0 ? "" : request.url.slice(question + 1),
    trace: createTrace(),
    sessionId: undefined,
    options: undefined,
  };
  try {
    const made = await answer(facts);
    describe(kind, request, reply, deps, { facts, startedAt, status: made.status, bytes: made.body.length });
    if (made.outcome !== undefined) deps.metrics.countRequest(kind, made.outcome, deps.now() - startedAt);
    return send(request, reply, made);
  } catch (error) {
    describe(kind, request, reply, deps, { facts, startedAt, status: undefined, bytes: 0 });
    deps.metrics.countRequest(kind, "error", deps.now() - startedAt);
    if (error instanceof HttpError && codeOf(error) === "content-too-old") reply.header(TOO_OLD_HEADER, "true");
    throw error;
  }
}

function send(request: FastifyRequest, reply: FastifyReply, answer: ExchangeAnswer): FastifyReply {
  const { status, headers, contentType, body } = answer;
  reply.headers(headers);
  if (status === 200 && isNotModified(request.headers, headers["etag"], headers["last-modified"])) {
    return reply.code(304).send();
  }
  return reply.code(status).type(contentType).send(body);
}

interface Outcome {
  readonly facts: ExchangeFacts;
  readonly startedAt: number;
  /** undefined: an error, whose status is not decided here. */
  readonly status: number | undefined;
  /** Characters of the answer. */
  readonly bytes: number;
}

const MODULE = { bootstrap: "Variant", master: "Variant", live: "Stream", vod: "VOD" } as const;

/** X-ADBE-AI-X1 on every answer; what `ptdebug` asks for in headers and log. */
function describe(
  kind: keyof typeof MODULE,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ExchangeDeps,
  { facts, startedAt, status, bytes }: Outcome,
): void {
  const { trace, sessionId, options } = facts;
  const endedAt = deps.now();
  const isBootstrap = kind === "bootstrap";
  const stream = kind === "live" || kind === "vod" ? kind : "variant";
  const totalMs = endedAt - startedAt;
  reply.header("x-adbe-ai-x1", formatX1(trace, { requestId: startedAt, sessionId, stream, isBootstrap, totalMs }));
  if (options?.debug === undefined) return;
  const { method, url, headers, ip } = request;
  const forwarded = headers["x-forwarded-for"];
  const info = [status, method, url, 0, bytes, totalMs, MODULE[kind], ip, String(forwarded ?? "")];
  trace.records.unshift(
    { type: "TRACE_REQUEST_INFO", fields: info },
    ...Object.entries(headers).map(([name, value]) => ({
      type: "TRACE_HTTP_HEADER",
      fields: ["MAIN", "REQUEST", name, Buffer.from(String(value)).toString("base64")],
    })),
  );
  reply.headers(formatDebugHeaders(trace.records, options.debug));
  const place = { requestId: startedAt, sessionId, zone: options.zone };
  for (const line of formatLogLines(trace.records, options.debug, place, endedAt)) deps.log.info({}, line);
}
