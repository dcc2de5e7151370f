/**
 * What the manifest server's answers tell of how they came to be: X-ADBE-AI-X1, and the records of `ptdebug`.
 *
 * @see docs/manifest-server.md; Primetime, debugging headers
 */

/** The fields of X-ADBE-AI-X1 that the page tells. Hits and misses are of caches; times in milliseconds. */
export interface X1 {
  readonly session: string;
  readonly breakSeconds: number;
  readonly insertedAds: number;
  readonly sourceFetchMs: number;
  readonly totalMs: number;
  readonly contentHits: number;
  readonly contentMisses: number;
}

/** One record, e.g. TRACE_AD_CALL with its tab-separated fields. */
export interface TraceRecord {
  readonly type: string;
  readonly fields: readonly string[];
}

/** An answer of the manifest server. `status` 0: there was none. */
export interface Answer {
  readonly url: string;
  readonly status: number;
  /** As the page waited for it. */
  readonly ms: number;
  readonly x1: X1 | undefined;
  readonly records: readonly TraceRecord[];
}

const FIELD_COUNT = 20;

/** undefined where it is not 20 fields. */
export function parseX1(text: string): X1 | undefined {
  const fields = text.trim().split(" ");
  if (fields.length !== FIELD_COUNT) return undefined;
  const number = (index: number): number => Number(fields[index]) || 0;
  return {
    session: fields[3] ?? "",
    breakSeconds: number(7),
    insertedAds: number(11),
    sourceFetchMs: number(12),
    totalMs: number(13),
    contentHits: number(16),
    contentMisses: number(17),
  };
}

/** The records of all X-ADBE-AI-DBG-n, by n; other headers are passed over. */
export function parseRecords(headers: Iterable<readonly [string, string]>): readonly TraceRecord[] {
  const lines = [...headers].flatMap(([name, text]) => {
    const number = /^x-adbe-ai-dbg-(\d+)$/i.exec(name)?.[1];
    return number === undefined ? [] : [{ number: Number(number), text }];
  });
  const ordered = lines.toSorted((a, b) => a.number - b.number);
  return ordered.map(({ text }) => {
    const [type = "", ...fields] = text.split("\t");
    return { type, fields };
  });
}

/** The headers of an XMLHttpRequest, one pair per line of its text. */
export function splitHeaders(text: string): readonly (readonly [string, string])[] {
  return text.split("\r\n").flatMap((line) => {
    const colon = line.indexOf(":");
    return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
  });
}

/** @param headers name and value; names in any case */
export function readAnswer(
  { url, status, ms }: Pick<Answer, "url" | "status" | "ms">,
  headers: Iterable<readonly [string, string]>,
): Answer {
  const all = [...headers];
  const x1 = all.find(([name]) => name.toLowerCase() === "x-adbe-ai-x1")?.[1];
  return { url, status, ms, x1: x1 === undefined ? undefined : parseX1(x1), records: parseRecords(all) };
}

/** What became of one ad. */
export interface AdResolution {
  readonly breakId: string;
  readonly creativeUrl: string;
  /** Of what was inserted. */
  readonly playlistUrl: string | undefined;
  /** Of what was not. */
  readonly reason: string | undefined;
}

/** TRACE_AD_RESOLVE, each ad in the order in which the server was done with it. */
export function listResolutions(records: readonly TraceRecord[]): readonly AdResolution[] {
  return records
    .filter(({ type }) => type === "TRACE_AD_RESOLVE")
    .map(({ fields }) => ({
      breakId: fields[1] ?? "",
      creativeUrl: fields[4] ?? "",
      playlistUrl: fields[5] || undefined,
      reason: fields[11] || undefined,
    }));
}

/** TRACE_AD_CALL. `status` is a number, or a word where there was no answer. */
export function listAdCalls(
  records: readonly TraceRecord[],
): readonly { readonly status: string; readonly ms: number; readonly url: string }[] {
  return records
    .filter(({ type }) => type === "TRACE_AD_CALL")
    .map(({ fields }) => ({ status: fields[0] ?? "", ms: Number(fields[1]) || 0, url: fields[2] ?? "" }));
}

/** Creatives for which CRS was asked, each once: their addresses. */
export function listOrders(records: readonly TraceRecord[]): readonly string[] {
  const asked = records.filter(({ type }) => type === "TRACE_TRANSCODING_REQUESTED");
  return [...new Set(asked.map(({ fields }) => fields[1] ?? ""))];
}
