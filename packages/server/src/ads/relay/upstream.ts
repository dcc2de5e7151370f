/**
 * The exchanges of one call of an upstream: redirects followed one by one, each request with the viewer's headers and the cookies of
 * its own host. What is set on the way to the tag goes back to the client; what wrappers of others set lives as long as the call.
 *
 * @see VAST 4.3 §1.6; RFC 9110 §15.4 (redirects); RFC 6265 §5.3
 */
import { AdError } from "@interlude/core";
import type { CookieRules, UpstreamCookie } from "./page-cookies.ts";
import type { RelayViewer } from "./relay-answer.ts";
import { decodeXml, type RelayFetch, type RelayResponse } from "./relay-fetch.ts";
import { buildUpstreamHeaders } from "./upstream-headers.ts";
import { type FetchBounds, type FetchedText, nameUrl } from "./chain.ts";

export interface UpstreamDeps {
  readonly fetch: RelayFetch;
  readonly cookies: CookieRules;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
}

/** Who is served. */
export interface UpstreamSubject {
  readonly viewer: RelayViewer;
  readonly depth: number;
  /** What the client brought. */
  readonly cookies: readonly UpstreamCookie[];
  /** The operator's, names in lower case, for one origin; they go before all others. */
  readonly secret: { readonly origin: string; readonly headers: Readonly<Record<string, string>> };
}

type FetchText = (url: URL, bounds: FetchBounds) => Promise<FetchedText>;

export interface UpstreamExchange {
  readonly fetchTag: FetchText;
  /** For where wrappers and maps lead. */
  readonly fetchFurther: FetchText;
  /** Set on the way to the tag, the latest last. */
  readonly setCookies: () => readonly UpstreamCookie[];
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function openUpstream(subject: UpstreamSubject, deps: UpstreamDeps): UpstreamExchange {
  const { viewer, depth, secret } = subject;
  let jar = subject.cookies;
  let set: readonly UpstreamCookie[] = [];

  const send = async (url: URL, { admit, ...bounds }: FetchBounds, isTag: boolean): Promise<RelayResponse> => {
    admit(url);
    const headers = {
      ...buildUpstreamHeaders(viewer, deps.cookies.header(jar, url, deps.now()), depth),
      ...(url.origin === secret.origin ? secret.headers : {}),
    };
    const response = await deps.fetch(url, { headers, ...bounds });
    const added = deps.cookies.parse(response.headers.getSetCookie(), url, deps.now());
    if (added.length === 0) return response;
    jar = deps.cookies.merge(jar, added, deps.now());
    if (isTag) set = [...set, ...added];
    return response;
  };

  const fetchText =
    (isTag: boolean): FetchText =>
    async (start, bounds) => {
      const deadline = deps.clock() + bounds.timeoutMs;
      let url = start;
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const left = deadline - deps.clock();
        if (left <= 0) throw new AdError("upstream-timeout", `${nameUrl(url)}: the time for its redirects is used up`);
        const response = await send(url, { ...bounds, timeoutMs: left }, isTag);
        const next = readRedirect(response, url);
        if (!next) return { text: readText(response, url), url };
        url = next;
      }
      throw new AdError("upstream-unreachable", `${nameUrl(start)}: expected at most ${MAX_REDIRECTS} redirects`);
    };
  return { fetchTag: fetchText(true), fetchFurther: fetchText(false), setCookies: () => set };
}

function readRedirect({ status, headers }: RelayResponse, url: URL): URL | undefined {
  const location = REDIRECTS.has(status) ? headers.get("location") : null;
  if (location === null) return undefined;
  const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (!next) throw new AdError("upstream-unreachable", `${nameUrl(url)}: expected a redirect to a URL`);
  if (url.protocol === "https:" && next.protocol === "http:")
    throw new AdError("address-refused", `${nameUrl(url)}: expected no redirect from https to http`);
  next.hash = "";
  return next;
}

function readText({ status, headers, bytes }: RelayResponse, url: URL): string {
  if (status < 200 || status > 299)
    throw new AdError("upstream-status", `${nameUrl(url)}: expected status 200, got ${status}`, { cause: status });
  return decodeXml(bytes, headers.get("content-type"));
}

/**
 * Whether an upstream answered that the request is wrong (4xx, but neither too slow nor too many): whoever asks with parameters of
 * his own can have that said, and must not have the upstream left alone for others.
 */
export function isRequestRefused(error: unknown): boolean {
  if (!(error instanceof AdError) || error.code !== "upstream-status") return false;
  const { cause } = error.context;
  return typeof cause === "number" && cause >= 400 && cause < 500 && cause !== 408 && cause !== 429;
}
