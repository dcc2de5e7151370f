/**
 * Subtitle segments and the first bytes of media segments, fetched once for all viewers that come at the same time.
 */
import { parseWebVtt, type WebVtt } from "@interlude/core";
import type { GuardedFetch } from "../../guarded-fetch.ts";
import type { PtsReference } from "./webvtt-clock.ts";
import { readFmp4Pts, readTsPts } from "./webvtt-pts.ts";

/** One GET of which no more than `maxBytes` are read. */
export interface ByteRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Any status is a value; `isCut`: there was more. */
export interface ByteAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly isCut: boolean;
}

/** @throws AdError `upstream-timeout`, `upstream-unreachable`, `address-refused`, `response-too-large` */
export type FetchBytes = (url: URL, request: ByteRequest) => Promise<ByteAnswer>;

/** What may be announced by an origin that does not know of ranges: nearly all of it stays unread. */
const MAX_ANNOUNCED = 2 ** 31;

/** Reads as much as is asked for, and leaves the rest. */
export function createByteFetch(fetch: GuardedFetch): FetchBytes {
  return async (url, { headers, timeoutMs, maxBytes }) => {
    const response = await fetch(url, { headers, timeoutMs, maxBytes: MAX_ANNOUNCED });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) break;
    }
    const bytes = Buffer.concat(chunks).subarray(0, maxBytes);
    return { status: response.status, bytes, isCut: length > maxBytes };
  };
}

/** What the route reads from the content's origin. Nothing here throws: what cannot be had is undefined. */
export interface WebVttSource {
  /** undefined: no answer in time, not 200, larger than 5 MB, or no WebVTT. */
  readonly loadWebVtt: (url: URL, cookie: string | undefined) => Promise<WebVtt | undefined>;
  /** What the media's clock reads at the start of the segment, seconds. */
  readonly loadPts: (reference: PtsReference, cookie: string | undefined) => Promise<number | undefined>;
}

const MAX_WEBVTT_BYTES = 5_000_000;
/** In all of memory: characters of the texts that are kept. */
const MAX_KEPT_LENGTH = 16_000_000;
const KEPT_MS = 60_000;
/** The first picture's time stamp, or a fragment's, stands in these. */
const HEAD_BYTES = 131_072;
const TIMEOUT_MS = 5_000;

/** @param deps.onFailure told why something could not be had */
export function createWebVttSource(deps: {
  readonly fetchBytes: FetchBytes;
  readonly now: () => number;
  readonly onFailure: (url: URL, error: unknown) => void;
}): WebVttSource {
  const { fetchBytes, now, onFailure } = deps;
  const fetchPart = async (
    url: string,
    cookie: string | undefined,
    start?: number,
  ): Promise<Uint8Array | undefined> => {
    const headers = {
      ...(cookie === undefined ? {} : { cookie }),
      ...(start === undefined ? {} : { range: `bytes=${start}-${start + HEAD_BYTES - 1}` }),
    };
    const maxBytes = start === undefined ? MAX_WEBVTT_BYTES : HEAD_BYTES;
    const target = new URL(url);
    try {
      const { status, bytes, isCut } = await fetchBytes(target, { headers, timeoutMs: TIMEOUT_MS, maxBytes });
      const isIt = start === undefined ? status === 200 && !isCut : status === 206 || (status === 200 && start === 0);
      if (isIt) return bytes;
      onFailure(
        target,
        new Error(`expected status 200 and at most ${maxBytes} bytes, got ${status}${isCut ? " and more" : ""}`),
      );
    } catch (error) {
      onFailure(target, error);
    }
    return undefined;
  };
  const texts = createCache<WebVtt>(now, ({ text }) => text.length);
  const times = createCache<number>(now, () => 1000);
  return {
    loadWebVtt: (url, cookie) =>
      texts(`${cookie ?? ""}\n${url.href}`, async () => {
        const bytes = await fetchPart(url.href, cookie);
        return bytes && parseWebVtt(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
      }),
    loadPts: ({ url, start, mapUrl }, cookie) =>
      times(`${cookie ?? ""}\n${url}\n${start}`, async () => {
        const [segment, init] = await Promise.all([
          fetchPart(url, cookie, start),
          mapUrl === undefined ? undefined : fetchPart(mapUrl, cookie, 0),
        ]);
        if (segment === undefined) return undefined;
        if (mapUrl === undefined) return readTsPts(segment);
        return init && readFmp4Pts(init, segment);
      }),
  };
}

/** One load per key at a time; what was found is kept for a minute, what was not is asked for again. */
function createCache<Value>(
  now: () => number,
  measure: (value: Value) => number,
): (key: string, load: () => Promise<Value | undefined>) => Promise<Value | undefined> {
  const kept = new Map<string, { readonly value: Value; readonly until: number; readonly length: number }>();
  const pending = new Map<string, Promise<Value | undefined>>();
  let length = 0;
  const drop = (key: string): void => {
    length -= kept.get(key)?.length ?? 0;
    kept.delete(key);
  };
  const keep = (key: string, value: Value): void => {
    drop(key);
    const entry = { value, until: now() + KEPT_MS, length: measure(value) };
    if (entry.length > MAX_KEPT_LENGTH / 4) return;
    kept.set(key, entry);
    length += entry.length;
    for (const oldest of kept.keys()) {
      if (length <= MAX_KEPT_LENGTH) break;
      drop(oldest);
    }
  };
  return (key, load) => {
    const known = kept.get(key);
    if (known && known.until > now()) return Promise.resolve(known.value);
    const running = pending.get(key);
    if (running) return running;
    const loading = load()
      .then((value) => {
        if (value !== undefined) keep(key, value);
        return value;
      })
      .finally(() => pending.delete(key));
    pending.set(key, loading);
    return loading;
  };
}
