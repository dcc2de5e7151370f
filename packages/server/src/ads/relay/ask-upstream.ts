/**
 * One upstream asked once: its tag, and whatever its answer leads to. What it does is a value, and the breaker is told of it.
 *
 * @see VAST 4.3 §1.6, §2.4.3
 */
import { AdError, expandMacros, isNamed, type MacroValues } from "@interlude/core";
import type { OwnExchange } from "../../own-exchange.ts";
import type { Breaker, UpstreamOutcome } from "./breaker.ts";
import type { ReadOwnTracking, TrackingUrl } from "./own-tracking.ts";
import { type Chain, CHAIN_BUDGET, faultOf, fetchAnswer, readAnswer } from "./chain.ts";
import { readPageCookies, type UpstreamCookie } from "./page-cookies.ts";
import { emptyVast } from "./pod-tree.ts";
import type { RelayAttempt, RelayFailure, RelayRequest, Tell } from "./relay-answer.ts";
import type { RelayDeps } from "./relay-deps.ts";
import type { RelayFetch } from "./relay-fetch.ts";
import type { Upstream, ZoneRelay } from "./relay-zone.ts";
import { shapeAnswer, type ShapedAnswer, type TrackedAd } from "./shape-answer.ts";
import { isRequestRefused, openUpstream, type UpstreamExchange } from "./upstream.ts";
import { buildUpstreamUrl } from "./upstream-tag.ts";
import { readOwnErrors, type VastTree } from "./vast-tree.ts";

/** One request on its way. */
export interface Asking {
  readonly request: RelayRequest;
  readonly relay: ZoneRelay;
  readonly macros: MacroValues;
  /** The zone's order; empty is the usual one. */
  readonly mediaTypes: readonly string[];
  /** By `clock`, of all upstreams. */
  readonly deadline: number;
  readonly deps: Pick<RelayDeps, "fetch" | "cookies" | "trackingUrls" | "readOwnTracking">;
  readonly now: () => number;
  readonly clock: () => number;
  readonly tell: Tell;
}

/** What an upstream answered. */
export interface Answered extends ShapedAnswer {
  readonly upstream: string;
  readonly setCookies: readonly UpstreamCookie[];
}

export interface Asked {
  readonly attempt: RelayAttempt;
  /** undefined: no document came. */
  readonly answered: Answered | undefined;
  readonly failures: readonly RelayFailure[];
}

/** Of the time that is left, for one upstream behind which there are others. */
const SHARE = 0.8;

/** The same where those before it took the time: nobody is blamed for being late then, and who comes behind is to be asked too. */
const HURRIED_SHARE = 0.5;

/** An upstream that has this much of the time that it would have had as the first is late by its own fault. */
const FAIR = 0.9;

/**
 * Never throws.
 *
 * @param isLast no other can be asked after it
 */
export async function askUpstream(
  upstream: Upstream,
  breaker: Breaker,
  asking: Asking,
  isLast: boolean,
): Promise<Asked> {
  const { clock, deadline, relay } = asking;
  const { name } = upstream;
  const startedAt = clock();
  const permit = breaker.admit();
  if (typeof permit === "string")
    return { attempt: { upstream: name, outcome: permit, ms: 0 }, answered: undefined, failures: [] };
  const { timeoutMs, isHurried } = shareTime(upstream, deadline - startedAt, relay, isLast);
  const attempt = (outcome: UpstreamOutcome): RelayAttempt => ({
    upstream: name,
    outcome,
    ms: Math.round(clock() - startedAt),
  });
  try {
    const call = openCall(upstream, asking, startedAt + timeoutMs);
    const document = await fetchTag(call, asking);
    permit.succeed();
    const answered = await resolve(document, call, asking);
    const failures = [...answered.failures, ...answered.filmless].map(({ errorUrls: _urls, ...failure }) => ({
      ...failure,
      upstream: name,
    }));
    return { attempt: attempt(judge(answered)), answered, failures };
  } catch (error) {
    const code = error instanceof AdError ? error.code : undefined;
    const isTimeout = code === "upstream-timeout";
    if (isRequestRefused(error)) permit.succeed();
    // Where those before it took the time, being late is not its fault; an address that cannot be built never reached it.
    else if (code === "url-malformed" || (isTimeout && isHurried)) permit.giveUp();
    else permit.fail();
    const failure = { ...faultOf(error), adId: undefined, upstream: name };
    return { attempt: attempt(isTimeout ? "timeout" : "failed"), answered: undefined, failures: [failure] };
  }
}

function shareTime(
  { timeoutMs }: Upstream,
  leftMs: number,
  relay: ZoneRelay,
  isLast: boolean,
): { readonly timeoutMs: number; readonly isHurried: boolean } {
  const take = (ms: number, share: number): number => Math.min(timeoutMs, ms * (isLast ? 1 : share));
  const isHurried = take(leftMs, SHARE) < take(relay.timeoutMs, SHARE) * FAIR;
  return { timeoutMs: take(leftMs, isHurried ? HURRIED_SHARE : SHARE), isHurried };
}

/** An answer whose ads all failed is worse than one that says that there are none. */
function judge({ hasAds, failures, filmless }: ShapedAnswer): UpstreamOutcome {
  if (hasAds) return "ads";
  return filmless.length > 0 || failures.some(({ reason }) => reason !== "no-ads") ? "failed" : "no-ads";
}

interface Call {
  readonly upstream: Upstream;
  readonly exchange: UpstreamExchange;
  readonly chain: Chain;
}

function openCall(upstream: Upstream, { request, relay, macros, deps, now, clock }: Asking, deadline: number): Call {
  const { viewer, depth, baseUrl } = request;
  const origin = URL.canParse(upstream.tagUrl, baseUrl.href) ? new URL(upstream.tagUrl, baseUrl).origin : "";
  const secret = { origin, headers: upstream.headers };
  const subject = { viewer, depth, cookies: readPageCookies(request.cookies), secret };
  const own = ownExchange(upstream, request);
  const isPathTag = upstream.tagUrl.startsWith("/");
  const fetch: RelayFetch = (url, options) => deps.fetch(url, { ...options, exchange: own, isPathTag });
  const exchange = openUpstream(subject, { fetch, cookies: deps.cookies, now, clock });
  const chain = {
    ...CHAIN_BUDGET,
    fetchText: exchange.fetchFurther,
    clock,
    deadline,
    expandAddress: (template: string) => expandMacros(template, macros),
    wrapperLimit: relay.wrapperLimit,
    rules: relay.rules,
  };
  return { upstream, exchange, chain };
}

/** What this server is told when its own campaign file is asked; of relays within each other, the outermost asks. */
function ownExchange(
  { name }: Upstream,
  { form, zone, session, serving, breakId, position, baseUrl, relayed }: RelayRequest,
): OwnExchange {
  const ofBreak = form === "vast" ? breakId : undefined;
  return { baseUrl, relayed: relayed ?? { upstream: name, zone, session, serving, breakId: ofBreak, position } };
}

/**
 * undefined: the body is empty, as of a 204.
 *
 * @throws AdError where the answer is neither VAST nor VMAP
 */
async function fetchTag(
  { upstream, exchange, chain }: Call,
  { request, macros }: Asking,
): Promise<VastTree | undefined> {
  const url = buildUpstreamUrl(upstream, request, macros);
  const answer = await fetchAnswer(chain, url, exchange.fetchTag);
  const root = readAnswer(answer);
  if (!root) return undefined;
  const document = { root, base: answer.url };
  if (!isNamed(root, "VMAP")) readOwnErrors(document);
  return document;
}

async function resolve(
  document: VastTree | undefined,
  { upstream: { name: upstream }, exchange, chain }: Call,
  { request, mediaTypes, deps, tell }: Asking,
): Promise<Answered> {
  const urlsOf = (thing: TrackedAd): TrackingUrl => deps.trackingUrls(request, thing);
  const readOwn: ReadOwnTracking = (url) => deps.readOwnTracking(url, request, upstream);
  const known = document ?? { root: emptyVast(), base: request.baseUrl };
  const shaped = await shapeAnswer(known, { request, upstream, chain, urlsOf, readOwn, mediaTypes });
  for (const { errorUrls, vastError } of shaped.failures) tell(errorUrls, vastError);
  return { ...shaped, upstream, setCookies: exchange.setCookies() };
}
