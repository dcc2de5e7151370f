/**
 * One beacon's request, and what became of it: whether the host has taken it, has refused to for now, was never asked, or whether
 * that cannot be known.
 *
 *   answered        → taken, but for 429 and 503; also by a redirect: who redirects has counted
 *   no connection   → not taken
 *   anything else   → not known
 *
 * @see RFC 9110 §10.2.3 (Retry-After), §15.4 (redirects), §15.6.4; RFC 6585 §4
 */
import { AdError } from "@interlude/core";
import type { ManifestFetchOptions } from "../manifest-fetch.ts";

/** `later`: 429 or 503; `unsent`: there was no connection; `unknown`: it may have been taken, and there is no answer. */
export type SendResult =
  | { readonly kind: "answered"; readonly status: number }
  /** `waitMs`: as long as the host wants, if it said so. */
  | { readonly kind: "later"; readonly status: 429 | 503; readonly waitMs: number | undefined }
  | { readonly kind: "unsent" }
  | { readonly kind: "unknown" };

/** Never rejects. */
export type SendBeacon = (url: URL, headers: Readonly<Record<string, string>>) => Promise<SendResult>;

/**
 * GET. Any answer is a value, its body is read and not looked at. A redirect that is followed unasked hides whether the first host
 * has taken the request: with `maxRedirects` 0 the answer is the redirect itself.
 */
export type BeaconFetch = (
  url: URL,
  options: ManifestFetchOptions & { readonly maxRedirects: number },
) => Promise<{ readonly status: number; readonly headers: Headers }>;

export interface SendOptions {
  readonly fetch: BeaconFetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Of the first request, and of all that its redirects lead to. */
  readonly timeoutMs?: number;
}

/** For a connection to be there. Shorter than a request: a host that never took it must be told from one that does not answer. */
export const BEACON_CONNECT_MS = 2000;
const TIMEOUT_MS = 3000;
const MAX_ANSWER_BYTES = 65_536;
const MAX_FURTHER_REDIRECTS = 4;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Requests by the manifest server's own client. */
export function createBeaconSend({ fetch, now, timeoutMs = TIMEOUT_MS }: SendOptions): SendBeacon {
  const bounds = { timeoutMs, maxBytes: MAX_ANSWER_BYTES };

  /** The first host has taken it: whatever happens here is the end. */
  const follow = async (
    from: URL,
    location: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<SendResult> => {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (!url || (from.protocol === "https:" && url.protocol === "http:")) return { kind: "unknown" };
    const { cookie: _own, ...open } = headers;
    const options = { ...bounds, headers: url.origin === from.origin ? headers : open };
    try {
      const { status } = await fetch(url, { ...options, maxRedirects: MAX_FURTHER_REDIRECTS });
      return { kind: "answered", status };
    } catch {
      return { kind: "unknown" };
    }
  };

  return async (url, headers) => {
    try {
      const answer = await fetch(url, { ...bounds, headers, maxRedirects: 0 });
      const { status } = answer;
      if (status === 429 || status === 503) {
        return { kind: "later", status, waitMs: readRetryAfter(answer.headers.get("retry-after"), now()) };
      }
      const location = REDIRECTS.has(status) ? answer.headers.get("location") : null;
      return location === null ? { kind: "answered", status } : await follow(url, location, headers);
    } catch (error) {
      return { kind: hadNoConnection(error) ? "unsent" : "unknown" };
    }
  };
}

/** Milliseconds from now; undefined: none, or nothing that is one. */
function readRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const dateMs = /^[A-Z][a-z]+, .* GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

/** By what failed: to find the address, or to connect to it. A reset may come after the request as well, so it tells nothing. */
function hadNoConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AdError) return hadNoConnection(error.cause);
  // Of a host with several addresses none may have been reached.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(hadNoConnection);
  const [syscall, code] = [readText(error, "syscall"), readText(error, "code")];
  if (syscall === "connect" || syscall === "getaddrinfo" || code === "UND_ERR_CONNECT_TIMEOUT") return true;
  return hadNoConnection(error.cause);
}

function readText(error: Error, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : undefined;
}
