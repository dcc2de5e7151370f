/**
 * The exchanges of one ad call: each with the viewer's headers and the session's cookies, counted, traced and bounded together.
 *
 * @see primetime.md §1.15 (TRACE_AD_CALL, TRACE_AD_REDIRECT)
 */
import { AdError, type FetchText, type FetchTextOptions, type TextResponse } from "@interlude/core";
import { buildAdHeaders } from "./ad-headers.ts";
import { mergeCookies, parseSetCookie } from "../content/cookie-jar.ts";
import type { ManifestFetch, ManifestResponse } from "../manifest-fetch.ts";
import type { StoredCookie, Viewer } from "../session/session.ts";
import type { RequestTrace } from "../trace.ts";

/** Who asks. */
export interface ExchangeSubject {
  readonly viewer: Viewer;
  readonly cookies: readonly StoredCookie[];
  /** Where the viewer came in. */
  readonly baseUrl: URL;
  /** The operator's rules for what is fetched (primetime.md §1.13). */
  readonly rewrite: (url: string) => string;
}

/** The break that is asked for; `availDuration` in seconds. */
export interface AskedBreak {
  readonly breakId: string;
  readonly availDuration: number | undefined;
}

export interface AdExchange {
  /** For the address of a tag. */
  readonly fetchTag: (asked: AskedBreak) => FetchText;
  /** For where wrappers lead. */
  readonly fetchRedirect: (asked: AskedBreak) => FetchText;
  /** Set so far, the latest last. */
  readonly setCookies: () => readonly StoredCookie[];
  /** Whether any exchange was given up for want of time. */
  readonly isTimedOut: () => boolean;
  /** Whether a tag of this server has answered for that break, alone or in a map. */
  readonly isAnsweredHere: (breakId: string) => boolean;
}

export interface ExchangeDeps {
  readonly fetch: ManifestFetch;
  /** Whether an address is a tag of this server's; none where it is not given. */
  readonly isOwnTag?: ((url: URL, base: URL) => boolean) | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Requests of one call, all breaks of a VMAP included. */
const MAX_REQUESTS = 100;
/** Of an answer, in its trace record. */
const MAX_TRACED_BODY = 8192;

export function openExchange(subject: ExchangeSubject, deps: ExchangeDeps, trace: RequestTrace): AdExchange {
  const { ask, ...state } = createAsking(subject, deps);
  return {
    ...state,
    fetchTag: ({ breakId, availDuration }) =>
      traced(ask, breakId, (asked, { status, ms, response }) => {
        trace.adCalls++;
        const body = response && Buffer.from(readTraced(response)).toString("base64");
        const fields = [status, ms, asked.href, readAdSystem(response), breakId, availDuration, body];
        trace.records.push({ type: "TRACE_AD_CALL", fields });
      }),
    fetchRedirect: ({ breakId }) =>
      traced(ask, breakId, (asked, { status, ms, response }) => {
        trace.redirectAdCalls++;
        const urls = [asked.href, response?.url.href];
        const ids = [readAdSystem(response), undefined, undefined];
        const fields = [status, breakId, "REDIRECT", undefined, ...urls, ...ids, undefined, ms, undefined];
        trace.records.push({ type: "TRACE_AD_REDIRECT", fields });
      }),
  };
}

type Ask = (asked: URL, options: FetchTextOptions, breakId: string) => Promise<ManifestResponse>;

/** With the cookies of the answers before. */
function createAsking(
  subject: ExchangeSubject,
  deps: ExchangeDeps,
): Pick<AdExchange, "setCookies" | "isTimedOut" | "isAnsweredHere"> & { readonly ask: Ask } {
  let jar = subject.cookies;
  let requestsLeft = MAX_REQUESTS;
  let isTimedOut = false;
  const answeredHere = createAnsweredHere(subject, deps);
  const setCookies: StoredCookie[] = [];
  const keepCookies = ({ headers, url }: ManifestResponse): void => {
    const added = parseSetCookie(headers.getSetCookie(), url, deps.now());
    setCookies.push(...added);
    jar = mergeCookies(jar, added, deps.now());
  };
  const ask: Ask = async (asked, options, breakId) => {
    if (requestsLeft-- <= 0) {
      const message = `VAST at ${asked.href}: expected at most ${MAX_REQUESTS} requests in one call`;
      throw new AdError("wrapper-limit", message);
    }
    const url = new URL(subject.rewrite(asked.href));
    const headers = buildAdHeaders(subject.viewer, jar, url, deps.now());
    try {
      const response = await deps.fetch(url, { ...options, headers, baseUrl: subject.baseUrl });
      keepCookies(response);
      answeredHere.add(url, response.status, breakId);
      return response;
    } catch (error) {
      isTimedOut ||= error instanceof AdError && error.code === "upstream-timeout";
      throw error;
    }
  };
  return { ask, setCookies: () => setCookies, isTimedOut: () => isTimedOut, isAnsweredHere: answeredHere.has };
}

/** Has each answer written down, or why there is none. */
function traced(ask: Ask, breakId: string, write: (asked: URL, answer: TracedAnswer) => void): FetchText {
  return async (asked, options) => {
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    try {
      const response = await ask(asked, options, breakId);
      write(asked, { status: response.status, ms: elapsed(), response });
      return response;
    } catch (error) {
      write(asked, { status: error instanceof AdError ? error.code : "failed", ms: elapsed(), response: undefined });
      throw error;
    }
  };
}

interface AnsweredHere {
  readonly add: (url: URL, status: number, breakId: string) => void;
  readonly has: (breakId: string) => boolean;
}

/** The breaks for which a tag of this server has answered; a map answers for all. */
function createAnsweredHere(
  { baseUrl }: Pick<ExchangeSubject, "baseUrl">,
  { isOwnTag }: Pick<ExchangeDeps, "isOwnTag">,
): AnsweredHere {
  const breakIds = new Set<string>();
  let isAll = false;
  return {
    add: (url, status, breakId) => {
      if (status < 200 || status > 299 || !isOwnTag?.(url, baseUrl)) return;
      if (url.pathname.endsWith("/vmap")) isAll = true;
      else breakIds.add(breakId);
    },
    has: (breakId) => isAll || breakIds.has(breakId),
  };
}

interface TracedAnswer {
  readonly status: number | string;
  readonly ms: number;
  readonly response: TextResponse | undefined;
}

/** What is no XML came from where no ad server is: who named that address must not read it here. */
function readTraced({ text }: TextResponse): string {
  return /^\s*</.test(text) ? text.slice(0, MAX_TRACED_BODY) : "";
}

/** The first AdSystem of an answer, which names who answered. */
function readAdSystem(response: TextResponse | undefined): string | undefined {
  const head = response?.text.slice(0, MAX_TRACED_BODY) ?? "";
  return /<AdSystem[^>]{0,200}>\s*(?:<!\[CDATA\[)?([^<\]]{0,200})/i.exec(head)?.[1]?.trim();
}
