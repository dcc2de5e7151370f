/**
 * How a failure leaves the server: `{ "error": { "code", "message" } }`, the sentence naming the thing, what was expected and what
 * came. What went wrong inside (5xx) is logged and not sent.
 */
import type { Duplex } from "node:stream";
import { AdError, type AdErrorCode } from "@interlude/core";
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from "fastify";

/** What a client may be told, beside {@link AdErrorCode}. */
export type HttpErrorCode =
  | "invalid-request"
  | "host-invalid"
  | "host-unknown"
  | "unauthorized"
  | "creative-unknown"
  | "creative-blocked"
  | "wrong-state"
  | "zone-unknown"
  | "line-item-unknown"
  | "schedule-unknown"
  | "ticket-invalid"
  | "ticket-expired"
  | "not-found"
  | "method-not-allowed"
  | "signature-invalid"
  | "content-url-invalid"
  | "content-origin-refused"
  | "content-not-found"
  | "content-too-old"
  | "content-forbidden"
  | "content-unavailable"
  | "content-timeout"
  | "content-malformed"
  | "content-too-large"
  | "too-large"
  | "unsupported-media-type"
  | "range-not-satisfiable"
  | "quota-exceeded"
  | "queue-full"
  | "crs-unavailable"
  | "overload"
  | "internal";

/** Who asked wrongly gets 4xx, who has to come back later 429 or 503 (RFC 9110 §15). */
export const STATUS_OF_HTTP_CODE: Readonly<Record<HttpErrorCode, number>> = {
  "invalid-request": 400,
  "host-invalid": 400,
  "host-unknown": 421,
  unauthorized: 401,
  "creative-unknown": 403,
  "creative-blocked": 403,
  "wrong-state": 409,
  "zone-unknown": 404,
  "line-item-unknown": 404,
  "schedule-unknown": 404,
  "ticket-invalid": 403,
  "ticket-expired": 410,
  "not-found": 404,
  "method-not-allowed": 405,
  "signature-invalid": 403,
  "content-url-invalid": 400,
  "content-origin-refused": 403,
  "content-not-found": 404,
  "content-too-old": 404,
  "content-forbidden": 403,
  "content-unavailable": 502,
  "content-timeout": 504,
  "content-malformed": 502,
  "content-too-large": 502,
  "too-large": 413,
  "unsupported-media-type": 415,
  "range-not-satisfiable": 416,
  "quota-exceeded": 429,
  "queue-full": 429,
  "crs-unavailable": 503,
  overload: 503,
  internal: 500,
};

/** An upstream's fault is a bad gateway; what the client named wrongly is a bad request. */
export const STATUS_OF_AD_CODE: Readonly<Record<AdErrorCode, number>> = {
  "xml-malformed": 502,
  "vast-malformed": 502,
  "vast-version": 502,
  "vmap-malformed": 502,
  "wrapper-limit": 502,
  "playlist-malformed": 502,
  "upstream-status": 502,
  "upstream-timeout": 504,
  "upstream-unreachable": 502,
  "response-too-large": 502,
  "address-refused": 403,
  "url-malformed": 400,
  "option-invalid": 400,
};

/** An answer other than the one that was asked for. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly code: HttpErrorCode;
  /** Seconds, sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: HttpErrorCode,
    message: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What is sent for an error. */
interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
}

function isHttpErrorCode(code: unknown): code is HttpErrorCode {
  return typeof code === "string" && Object.hasOwn(STATUS_OF_HTTP_CODE, code);
}

const CODE_OF_FASTIFY_STATUS: Readonly<Record<number, HttpErrorCode>> = {
  404: "not-found",
  405: "method-not-allowed",
  413: "too-large",
  415: "unsupported-media-type",
  416: "range-not-satisfiable",
};

/** What an upstream did, or where a name leads inside a network, is for the log. */
function answerForAdError({ code, message }: AdError): Answer {
  const status = STATUS_OF_AD_CODE[code];
  if (code === "address-refused") return { status, code, message: "the server may not fetch from this address" };
  if (status < 500) return { status, code, message };
  return { status, code, message: "an upstream did not answer as expected; the server's log has the reason" };
}

/** Errors of other parts are known by their `code`; `retryAfterSeconds` (seconds) is passed on. */
function answerFor(error: FastifyError | AdError | HttpError | Error): Answer {
  if (error instanceof AdError) return answerForAdError(error);
  const code = "code" in error ? error.code : undefined;
  if (isHttpErrorCode(code) && code !== "internal") {
    const retryAfterSeconds =
      "retryAfterSeconds" in error && typeof error.retryAfterSeconds === "number" ? error.retryAfterSeconds : undefined;
    return { status: STATUS_OF_HTTP_CODE[code], code, message: error.message, retryAfterSeconds };
  }
  const status = "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  // A file server's word for a path that leads out of its folder, or that no file can have: as good as not there.
  if (status === 403) return { status: 404, code: "not-found", message: "there is nothing at this address" };
  if (status >= 400 && status < 500) {
    return { status, code: CODE_OF_FASTIFY_STATUS[status] ?? "invalid-request", message: error.message };
  }
  return { status: 500, code: "internal", message: "the server failed at this; its log has the reason" };
}

/** The code under which an error is told to the client. */
export function codeOf(error: Error): string {
  return answerFor(error).code;
}

/**
 * Fastify's error handler, also for what fails before there is a route.
 *
 * @param beside further members of the answer, for an API that has a form of its own
 */
export function sendError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
  beside: (message: string) => Readonly<Record<string, unknown>> = () => ({}),
): FastifyReply {
  const answer = answerFor(error);
  // An HttpError is an answer that was meant; what else ends in 5xx is a fault to look at.
  if (answer.status >= 500 && !(error instanceof HttpError)) request.log.error({ err: error }, answer.code);
  if (answer.retryAfterSeconds !== undefined)
    reply.header("retry-after", String(Math.max(1, Math.ceil(answer.retryAfterSeconds))));
  reply.header("cache-control", "no-store").type("application/json; charset=utf-8").code(answer.status);
  const { code, message } = answer;
  return reply.send(JSON.stringify({ ...beside(message), error: { code, message } }));
}

/** Makes every failure of the server, unknown addresses included, leave it in the one form. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const missing = `${request.method} ${path.slice(0, 200)}: there is nothing at this address`;
    return sendError(new HttpError("not-found", missing), request, reply);
  });
}

/** What Node's parser refused, before there is a request: sent as it stands, since Fastify is not there yet. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, answer] = CLIENT_ERROR[error.code ?? ""] ?? BAD_REQUEST;
  const body = JSON.stringify({ error: answer });
  const head = [
    `HTTP/1.1 ${status}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

type ClientAnswer = readonly [status: string, answer: { readonly code: HttpErrorCode; readonly message: string }];

const BAD_REQUEST: ClientAnswer = [
  "400 Bad Request",
  { code: "invalid-request", message: "request: expected HTTP/1.1, got something else" },
];

/** By Node's code. @see RFC 6585 §5 (431), RFC 9110 §15.5.9 (408) */
const CLIENT_ERROR: Readonly<Record<string, ClientAnswer>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    { code: "too-large", message: "request line and headers: expected at most 16 kB, got more" },
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    { code: "invalid-request", message: "request: expected to be complete in time, got a part of it" },
  ],
};

/** `body.zone: expected a text, got 7`. Needs Ajv's `verbose`, which puts the value beside the complaint. */
export function describeSchemaError(errors: readonly FastifySchemaValidationError[], where: string): Error {
  const [first] = errors;
  const path = `${where}${(first?.instancePath ?? "").replaceAll("/", ".")}`;
  const missing = first?.params["missingProperty"];
  if (typeof missing === "string") return new Error(`${path}.${missing}: expected a value, got nothing`);
  const expected = (first?.message ?? "valid").replace("must NOT have", "not").replace(/^must (be|have)?\s*/, "");
  const got: unknown = first !== undefined && "data" in first ? first.data : undefined;
  return new Error(`${path}: expected ${expected}, got ${String(JSON.stringify(got)).slice(0, 200)}`);
}
