/**
 * The one HTTP client for URLs that came from outside: ad tags, wrappers, creatives, HLS segments, content.
 *
 * http and https only, no user information, listed ports, public addresses only (checked at every connection and every
 * redirect), never from https to http, with caps on decoded size, total time and silence.
 *
 * @see server-notes.md §5.3
 */
import { type Readable, pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import { AdError } from "@interlude/core";
import { Agent, request as send } from "undici";
import { guardedConnector, type Resolve, resolveBySystem } from "./guarded-address.ts";

/** One exchange. Times in ms, sizes in bytes; the two caps have no default on purpose. */
export interface GuardedFetchOptions {
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The whole exchange: every redirect, and the body to its last byte. */
  readonly timeoutMs: number;
  /** Of the decoded body; the bytes on the wire have the same cap. */
  readonly maxBytes: number;
  /** Default 5; 0 gives the redirect itself. */
  readonly maxRedirects?: number;
  readonly signal?: AbortSignal;
}

/** Any status is a value. */
export interface GuardedResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The address after redirects. */
  readonly url: URL;
  /**
   * Decoded (gzip, br), to be read once or left by `break`; unread, its connection is cut when the time is up.
   * Throws AdError `response-too-large`, `upstream-timeout` or `upstream-unreachable`.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * @throws AdError `address-refused` (scheme, user information, port, address, https to http), `upstream-timeout`,
 * `upstream-unreachable` (also a caller's abort and too many redirects), `response-too-large`
 */
export type GuardedFetch = (url: URL, options: GuardedFetchOptions) => Promise<GuardedResponse>;

/** What an operator allows for every exchange. */
export interface GuardedFetchRules {
  /** `host:port` of private hosts that may be reached, at any port: `127.0.0.1:8080`, `[::1]:8080`, `media.lan:80`. */
  readonly allowPrivate: readonly string[];
  /** Ports of public hosts; default 80 and 443. */
  readonly ports?: readonly number[];
  /** Silence after which an exchange is given up; default 15 s. */
  readonly idleTimeoutMs?: number;
  /** For a host to be found and a connection to be there; default: as long as silence. */
  readonly connectTimeoutMs?: number;
  readonly resolve?: Resolve;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What may travel to another origin: an operator's own header can be a secret as well as `authorization`. */
const OPEN_HEADERS: ReadonlySet<string> = new Set([
  ..."accept accept-encoding accept-language content-type if-modified-since if-none-match range referer".split(" "),
  ..."user-agent x-device-ip x-device-referer x-device-user-agent x-forwarded-for".split(" "),
]);

/** One exchange of a client with an upstream: what is asked, and until when. */
interface Exchange {
  readonly options: GuardedFetchOptions;
  readonly controller: AbortController;
  /** Ends the watch over time and the caller's signal. */
  readonly release: () => void;
}

/**
 * Builds a client with its own connections. `close` ends the idle ones; open exchanges are cut.
 */
export function createGuardedFetch(rules: GuardedFetchRules): GuardedFetch & { readonly close: () => Promise<void> } {
  const allowPrivate = new Set(rules.allowPrivate.map((entry) => entry.toLowerCase()));
  const ports = new Set(rules.ports ?? [80, 443]);
  const idleTimeoutMs = rules.idleTimeoutMs ?? 15_000;
  const connectMs = rules.connectTimeoutMs ?? idleTimeoutMs;
  const agent = new Agent({
    connect: guardedConnector({ allowPrivate, resolve: rules.resolve ?? resolveBySystem }, connectMs),
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    maxHeaderSize: 32_768,
  });
  const isPortOpen = (url: URL): boolean => {
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    return ports.has(Number(port)) || allowPrivate.has(`${url.hostname}:${port}`);
  };

  const guardedFetch: GuardedFetch = async (url, options) => {
    const exchange = openExchange(options);
    try {
      return await Promise.race([follow(url, exchange, agent, isPortOpen), whenGivenUp(exchange)]);
    } catch (error) {
      exchange.release();
      throw translate(error, url, exchange);
    }
  };
  return Object.assign(guardedFetch, { close: () => agent.destroy() });
}

function openExchange(options: GuardedFetchOptions): Exchange {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new AdError("upstream-timeout", `no complete answer within ${options.timeoutMs} ms`)),
    options.timeoutMs,
  );
  timer.unref();
  const onAbort = (): void => {
    const cause: unknown = options.signal?.reason;
    controller.abort(new AdError("upstream-unreachable", "given up by the caller", { cause }));
  };
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  const release = (): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  };
  return { options, controller, release };
}

/** Rejects when the exchange is given up: undici itself waits until a connection is there before it ends a request. */
function whenGivenUp({ controller: { signal } }: Exchange): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function follow(
  start: URL,
  exchange: Exchange,
  agent: Agent,
  isPortOpen: (url: URL) => boolean,
): Promise<GuardedResponse> {
  const { method = "GET", headers = {}, body, maxRedirects = MAX_REDIRECTS } = exchange.options;
  let hop: Hop = { url: start, method, headers, body };
  for (let redirects = 0; ; redirects++) {
    checkUrl(hop.url, isPortOpen);
    const response = await send(hop.url, {
      dispatcher: agent,
      method: hop.method,
      headers: { "accept-encoding": "gzip, br", "user-agent": "Interlude", ...hop.headers },
      body: hop.body ?? null,
      signal: exchange.controller.signal,
    });
    // Also where nobody reads the body: without a listener its error would end the process.
    response.body.on("error", () => undefined);
    const answer = { status: response.statusCode, headers: toHeaders(response.headers) };
    const location = REDIRECTS.has(answer.status) ? answer.headers.get("location") : null;
    if (location === null || maxRedirects === 0) {
      return { ...answer, url: hop.url, body: readBody(response.body, answer.headers, hop, exchange) };
    }
    response.body.destroy();
    if (redirects >= maxRedirects) throw refused("upstream-unreachable", start, `at most ${maxRedirects} redirects`);
    hop = nextHop(hop, answer.status, location);
  }
}

interface Hop {
  readonly url: URL;
  readonly method: "GET" | "HEAD" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

function nextHop(hop: Hop, status: number, location: string): Hop {
  if (!URL.canParse(location, hop.url.href))
    throw refused("upstream-unreachable", hop.url, "a redirect to a URL", location);
  const url = new URL(location, hop.url);
  if (hop.url.protocol === "https:" && url.protocol === "http:") {
    throw refused("address-refused", hop.url, "no redirect from https to http", url.href);
  }
  const isSameOrigin = url.origin === hop.url.origin;
  const kept = Object.entries(hop.headers).filter(([name]) => isSameOrigin || OPEN_HEADERS.has(name.toLowerCase()));
  const becomesGet = hop.method === "POST" && (status === 301 || status === 302 || status === 303);
  return {
    url,
    headers: Object.fromEntries(kept),
    method: becomesGet ? "GET" : hop.method,
    body: becomesGet ? undefined : hop.body,
  };
}

function checkUrl(url: URL, isPortOpen: (url: URL) => boolean): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refused("address-refused", url, "http or https", url.protocol);
  }
  if (url.username || url.password) throw refused("address-refused", url, "no user information");
  if (!isPortOpen(url)) throw refused("address-refused", url, "a port that is open to fetching", url.port);
}

/** The URL as messages show it: without query and user information, which may hold secrets. */
function nameUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname.slice(0, 200)}`;
}

function refused(code: "address-refused" | "upstream-unreachable", url: URL, expected: string, got?: string): AdError {
  const came = got === undefined ? "" : `, got ${JSON.stringify(got.slice(0, 200))}`;
  return new AdError(code, `${nameUrl(url)}: expected ${expected}${came}`, { url: url.href });
}

function toHeaders(record: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) {
      // What is no header value by RFC 9110 §5.5 (a NUL, say) is left out rather than trusted.
      if (/^[\t\x20-\x7e\x80-\xff]*$/.test(one)) headers.append(name, one);
    }
  }
  return headers;
}

async function* readBody(source: Readable, headers: Headers, hop: Hop, exchange: Exchange): AsyncGenerator<Uint8Array> {
  const { maxBytes } = exchange.options;
  const tooLarge = (): AdError =>
    new AdError("response-too-large", `${nameUrl(hop.url)}: expected at most ${maxBytes} bytes, got more`, {
      url: hop.url.href,
    });
  try {
    if (hop.method !== "HEAD" && Number(headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
    const cap = (chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> => capBytes(chunks, maxBytes, tooLarge);
    yield* cap(decode(source, headers, hop, cap));
  } catch (error) {
    throw translate(error, hop.url, exchange);
  } finally {
    exchange.release();
    source.destroy();
  }
}

async function* capBytes(
  chunks: AsyncIterable<unknown>,
  maxBytes: number,
  tooLarge: () => AdError,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) continue;
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    yield chunk;
  }
}

/** One content coding at most: a chain of them is a bomb. `cap` guards the wire, since empty gzip members decode to nothing. */
function decode(
  source: Readable,
  headers: Headers,
  hop: Hop,
  cap: (chunks: AsyncIterable<unknown>) => AsyncIterable<Uint8Array>,
): AsyncIterable<unknown> {
  const coding = (headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (coding === "identity" || coding === "" || hop.method === "HEAD") return source;
  if (coding !== "gzip" && coding !== "x-gzip" && coding !== "br") {
    throw refused("upstream-unreachable", hop.url, "gzip, br or no content-encoding", coding);
  }
  const decoder = coding === "br" ? createBrotliDecompress() : createGunzip();
  return pipeline(source, cap, decoder, () => undefined);
}

function translate(error: unknown, url: URL, exchange: Exchange): AdError {
  const reason: unknown = exchange.controller.signal.reason;
  const known = reason instanceof AdError ? reason : findAdError(error);
  if (known === undefined) {
    const message = error instanceof Error ? error.message || error.name : String(error);
    const code = isTimeout(error) ? "upstream-timeout" : "upstream-unreachable";
    return new AdError(code, `${nameUrl(url)}: ${message}`, { url: url.href, cause: error });
  }
  if (known.context.url !== undefined) return known;
  return new AdError(known.code, `${nameUrl(url)}: ${known.message}`, { url: url.href, cause: known });
}

function findAdError(error: unknown): AdError | undefined {
  if (error instanceof AdError) return error;
  return error instanceof Error && error.cause !== undefined ? findAdError(error.cause) : undefined;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && /Timeout/.test(error.name);
}
