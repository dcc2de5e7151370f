/**
 * One request for a part of a creative's file, and how much of a file is asked for before anything is known of it. Nothing but headers
 * that need no preflight where browsers allow that, never cookies.
 *
 * @see RFC 9110 §14 (range requests); Fetch §2.2.2 (`Range` and `Content-Length` are safelisted, `Content-Range` is not);
 * chromium.org, HTTP Cache, "single writer - multiple reader lock"
 */
import type { ByteRange } from "./segment-job.ts";

/** An answer whose headers have come. */
export interface RangeAnswer {
  /** Any, of a server that could be asked. */
  readonly status: number;
  /** As it came; undefined: the server says none, or CORS hides it. */
  readonly contentRange: string | undefined;
  /** Bytes of the body; undefined: not said. */
  readonly contentLength: number | undefined;
  /** Null: no body. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Where redirects have led. */
  readonly url: URL;
}

/**
 * Asks for a range; `end` Infinity: up to the file's end. Any status is a value.
 *
 * @throws whatever `fetch` throws: no connection, no CORS, aborted
 */
export type FetchRange = (url: URL, range: ByteRange, signal: AbortSignal) => Promise<RangeAnswer>;

/** A request that was sent before the code to read it came. */
export interface FirstRange {
  readonly range: ByteRange;
  readonly answer: Promise<RangeAnswer>;
}

/** `fetch` of a page. A page on https cannot ask plain http: it asks for the same over https. */
export const fetchRange: FetchRange = async (url, { start, end }, signal) => {
  const last = end === Infinity ? "" : String(end - 1);
  const headers = { range: `bytes=${start}-${last}` };
  // one address is read by several requests at a time, which Chromium's cache would have wait for one another
  const response = await fetch(secure(url), { headers, credentials: "omit", cache: "no-store", signal });
  return {
    status: response.status,
    contentRange: response.headers.get("content-range") ?? undefined,
    contentLength: readLength(response.headers.get("content-length")),
    body: response.body,
    url: new URL(response.url || url.href),
  };
};

function secure(url: URL): URL {
  if (url.protocol !== "http:" || globalThis.location?.protocol !== "https:") return url;
  const secured = new URL(url);
  secured.protocol = "https:";
  return secured;
}

function readLength(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const MIN_FIRST_BYTES = 65_536;
const MAX_FIRST_BYTES = 524_288;
/** Of the boxes before the media, in a file that begins with them. */
const USUAL_TABLE_BYTES = 32_768;
const USUAL_BITRATE_KBPS = 2000;

/**
 * The first request of a creative: tables and about the first second.
 *
 * @param bitrateKbps of the media file, as VAST has it; undefined: not known
 */
export function selectFirstRange(bitrateKbps: number | undefined): ByteRange {
  const wanted = USUAL_TABLE_BYTES + ((bitrateKbps ?? USUAL_BITRATE_KBPS) * 1000) / 8;
  return { start: 0, end: Math.round(Math.min(Math.max(wanted, MIN_FIRST_BYTES), MAX_FIRST_BYTES)) };
}
