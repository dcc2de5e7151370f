/**
 * What a response tells about how it came to be: `X-ADBE-AI-X1` always, `X-ADBE-AI-DBG-1..n` where the session asked for it with
 * `ptdebug`, and the same records as log lines.
 *
 * @see primetime.md §1.15
 */
import type { SessionOptions } from "../options.ts";
import type { RequestTrace, TraceRecord } from "../trace.ts";

/** What is known of a request beside its trace. */
export interface RequestFacts {
  /** Milliseconds since 1970, of its arrival. */
  readonly requestId: number;
  /** undefined: it has none, or asked for one that is not known. */
  readonly sessionId: string | undefined;
  readonly stream: "variant" | "live" | "vod";
  readonly isBootstrap: boolean;
  readonly totalMs: number;
}

const STREAM_LETTER = { variant: "u", live: "l", vod: "v" } as const;

/** The 20 fields of X-ADBE-AI-X1, as `0 1 1594181097704 15126333-… v 0 1 30 2 1 199 2 185 497 204 104 0 1 0 4`. */
export function formatX1(trace: RequestTrace, facts: RequestFacts): string {
  const { requestId, sessionId, stream, isBootstrap, totalMs } = facts;
  const fields = [
    trace.isActivePreRoll,
    trace.isActiveMidRoll,
    requestId,
    cleanWord(sessionId ?? ""),
    STREAM_LETTER[stream],
    isBootstrap,
    trace.breaks,
    trace.breakSeconds,
    trace.adCalls,
    trace.redirectAdCalls,
    trace.adCallMs,
    trace.insertedAds,
    trace.sourceFetchMs,
    totalMs,
    trace.adManifestSumMs,
    trace.adManifestMs,
    trace.contentHits,
    trace.contentMisses,
    trace.adManifestHits,
    trace.adManifestMisses,
  ];
  return fields.map(formatField).join(" ");
}

function formatField(field: string | number | boolean): string {
  if (typeof field === "string") return field;
  return String(Math.round(Number(field)));
}

/** A session's id may be a client's own word: a space in it would move the fields after it. */
function cleanWord(text: string): string {
  // What this server made itself has nothing to be cleaned of.
  if (/^[\w-]{1,100}$/.test(text)) return text;
  return clean(text).slice(0, 100).replaceAll(" ", "_") || "-";
}

/**
 * All debug headers of a response: Node's clients take 16 kB of headers, many proxies no more than 8 kB. (nginx wants
 * `proxy_buffer_size 16k`.)
 */
const MAX_HEADER_BYTES = 7_000;
const MAX_RECORDS = 40;
const MAX_RECORD_LENGTH = 2_000;
const CUT = "...(cut)";

/**
 * The records that `ptdebug` asks for, tab-separated, in order. A record that is longer than 2,000 characters ends with
 * `...(cut)`; after 40 records, or 7 kB, a last one says how many are left out: the log has them all. ASCII; control characters
 * are removed, other characters percent-encoded. Cookies, passwords and tokens are never in it.
 */
export function formatDebugHeaders(
  records: readonly TraceRecord[],
  debug: SessionOptions["debug"],
): Readonly<Record<string, string>> {
  const wanted = selectRecords(records, debug);
  const headers: Record<string, string> = {};
  let room = MAX_HEADER_BYTES;
  for (const [index, record] of wanted.entries()) {
    const name = `X-ADBE-AI-DBG-${index + 1}`;
    const line = formatRecord(record, MAX_RECORD_LENGTH);
    room -= name.length + line.length + ": \r\n".length;
    if (index >= MAX_RECORDS || room < 0) {
      headers[name] = `TRACE_MISC\t${wanted.length - index} of ${wanted.length} records are left out`;
      break;
    }
    headers[name] = line;
  }
  return headers;
}

const HTTP_HEADER = "TRACE_HTTP_HEADER";
const AD_CALL = "TRACE_AD_CALL";
/** Field of TRACE_AD_CALL that is the answer in base64. */
const AD_CALL_BODY = 6;

function selectRecords(records: readonly TraceRecord[], debug: SessionOptions["debug"]): readonly TraceRecord[] {
  switch (debug) {
    case undefined:
      return [];
    case "header":
      return records.filter(({ type }) => type === HTTP_HEADER).map(hideHeader);
    case "adcall":
      return records.filter(({ type }) => type.startsWith("TRACE_AD_"));
    case "all":
      return records.filter(({ type }) => type !== HTTP_HEADER).map(withoutBody);
  }
}

function withoutBody({ type, fields }: TraceRecord): TraceRecord {
  return { type, fields: type === AD_CALL ? fields.slice(0, AD_CALL_BODY) : fields };
}

/** Names of headers and of query parameters that may hold what is nobody's business. */
const SECRET =
  "[\\w.-]*(?:token|secret|passw|auth|credential|signature|policy|cookie|session|api-?_?key|hmac|hdn)[\\w.-]*|sig|x-adobe-sig";
const SECRET_NAME = new RegExp(`^(?:${SECRET})$`, "i");
const MAX_NAME = 200;
/** Also in an address that is itself a parameter, percent-encoded. No two matches may begin in one run of characters: texts are long. */
const PARAMETER = /(?:[?&;]|%3f|%26)([\w.-]+)(?:=|%3d)/gi;
const VALUE = /(?:(?!%26)[^&#\s])*/y;
const USER_INFO = /(\/\/)[^/?#\s@]*@/g;
const ENCODED_USER_INFO = /(%2f%2f)(?:(?!%2f|%3f|%23|%40)[^/?#\s@&])*(?:@|%40)/gi;

/** A name that no one has is hidden unread. */
function isSecret(name: string): boolean {
  return name.length > MAX_NAME || SECRET_NAME.test(name);
}

function hideParameters(text: string): string {
  let [shown, from] = ["", 0];
  for (const { 0: all, 1: name = "", index } of text.matchAll(PARAMETER)) {
    if (index < from || !isSecret(name)) continue;
    const start = index + all.length;
    VALUE.lastIndex = start;
    shown += `${text.slice(from, start)}(hidden)`;
    from = start + (VALUE.exec(text)?.[0].length ?? 0);
  }
  return shown + text.slice(from);
}

/** `MAIN REQUEST name base64`: that a secret was sent may be known. */
function hideHeader({ type, fields }: TraceRecord): TraceRecord {
  const [side, direction, name] = fields;
  return isSecret(String(name)) ? { type, fields: [side, direction, name, ""] } : { type, fields };
}

function formatRecord({ type, fields }: TraceRecord, maxLength: number): string {
  const texts = [type, ...fields].map((field) =>
    clean(typeof field === "number" ? formatNumber(field) : (field ?? "")),
  );
  const line = texts.join("\t");
  return line.length <= maxLength ? line : line.slice(0, maxLength - CUT.length) + CUT;
}

/** Milliseconds and seconds with no more digits than mean something. */
function formatNumber(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function clean(text: string): string {
  const named = text
    .replace(/\p{Cc}/gu, "")
    .replace(USER_INFO, "$1")
    .replace(ENCODED_USER_INFO, "$1");
  const visible = hideParameters(named);
  // A lone surrogate, which encodeURIComponent throws at, becomes U+FFFD here.
  return Buffer.from(visible)
    .toString()
    .replace(/[^ -~]/gu, encodeURIComponent);
}

/** Where a line of the log comes from. */
export interface LogPlace {
  readonly requestId: number;
  readonly sessionId: string | undefined;
  readonly zone: string;
}

/**
 * The records that `ptdebug` asks for as lines of the log: `datetime request_id session_id zone_id record_type fields…`, the
 * first five separated by spaces, the fields by tabs. Records are whole up to 64 kB.
 *
 * @param at ms since the epoch
 */
export function formatLogLines(
  records: readonly TraceRecord[],
  debug: SessionOptions["debug"],
  { requestId, sessionId, zone }: LogPlace,
  at: number,
): readonly string[] {
  const start = `${new Date(at).toISOString()} ${requestId} ${cleanWord(sessionId ?? "")} ${cleanWord(zone)}`;
  return selectRecords(records, debug).map((record) => `${start} ${formatRecord(record, MAX_LOG_LENGTH)}`);
}

const MAX_LOG_LENGTH = 65_536;
