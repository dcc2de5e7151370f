/**
 * The relay: a player's or the manifest server's ad request, answered by the ad servers of the zone.
 *
 *   1. the request's viewer, parameters and cookies → macros
 *   2. the first upstream whose breaker lets it → its tag, called with the viewer's headers
 *   3. no answer in time, an error, or no ads → the next upstream, as the zone says
 *   4. wrappers and AdTagURIs → resolved, merged into the in-line ads, by the rules of the zone
 *   5. what wrappers that led to nothing want to know → told
 *   6. this server's own tracking → added; the answer is VAST or VMAP, as was asked
 *
 * What an ad server does never throws: where none answers, the answer is an empty one.
 *
 * @see VAST 4.3 §1.6, §2.4.3; primetime.md §1.14, §4.1
 */
import { AdError, expandMacros, isNamed, type MacroValues, type XmlReader } from "@interlude/core";
import { type Breaker, BREAKER_DEFAULTS, type BreakerOptions, type BreakerState, createBreaker } from "./breaker.ts";
import { type CookieRules, formatPageCookies, readPageCookies, type UpstreamCookie } from "./page-cookies.ts";
import { emptyVast } from "./pod-tree.ts";
import {
  MAX_RELAY_DEPTH,
  type RelayAnswer,
  type RelayAttempt,
  type RelayFailure,
  type RelayRequest,
  type RelayViewer,
} from "./relay-answer.ts";
import type { RelayFetch } from "./relay-fetch.ts";
import type { Upstream, ZoneRelay } from "./relay-zone.ts";
import { shapeAnswer, type ShapedAnswer, type TrackedAd } from "./shape-answer.ts";
import { openUpstream, type UpstreamExchange } from "./upstream.ts";
import { buildUpstreamUrl, relayMacros } from "./upstream-tag.ts";
import {
  type Chain,
  CHAIN_BUDGET,
  faultOf,
  fetchAnswer,
  readAnswer,
  readOwnErrors,
  type VastTree,
} from "./vast-tree.ts";
import { emptyVmap } from "./vmap-tree.ts";

export type { TrackedAd } from "./shape-answer.ts";

export interface RelayDeps {
  readonly fetch: RelayFetch;
  readonly readXml: XmlReader;
  readonly cookies: CookieRules;
  /** Of one event of a thing that an answer to this request names. */
  readonly trackingUrl: (event: string, request: RelayRequest, thing: TrackedAd) => string;
  /** Fire and forget: an address of an ad server that is told of an error; macros are filled in. */
  readonly sendBeacon: (url: string, viewer: RelayViewer) => void;
  /** Told of each upstream that was, or was not, asked. */
  readonly onAttempt?: (zone: string, attempt: RelayAttempt) => void;
  readonly breaker?: Partial<BreakerOptions>;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  readonly clock?: () => number;
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

export interface UpstreamStatus {
  readonly zone: string;
  readonly upstream: string;
  readonly state: BreakerState;
  /** Requests that wait for it. */
  readonly pending: number;
}

export interface Relay {
  /** Never throws. */
  answerAdRequest(request: RelayRequest, relay: ZoneRelay): Promise<RelayAnswer>;
  /** The upstreams that were asked so far, for metrics and console. */
  upstreams(): readonly UpstreamStatus[];
}

export function createRelay(deps: RelayDeps): Relay {
  const breakers = new Map<string, { readonly zone: string; readonly upstream: string; readonly breaker: Breaker }>();
  const clock = deps.clock ?? (() => performance.now());
  const breakerOf = (zone: string, upstream: string): Breaker => {
    const key = `${zone} ${upstream}`;
    const known = breakers.get(key) ?? {
      zone,
      upstream,
      breaker: createBreaker({ ...BREAKER_DEFAULTS, ...deps.breaker }, clock),
    };
    breakers.set(key, known);
    return known.breaker;
  };
  return {
    answerAdRequest: (request, relay) =>
      answerAdRequest({ request, relay, deps, clock, breakerOf, beaconsLeft: MAX_BEACONS }),
    upstreams: () =>
      [...breakers.values()].map(({ zone, upstream, breaker }) => ({
        zone,
        upstream,
        state: breaker.state(),
        pending: breaker.pending(),
      })),
  };
}

/** One request on its way. */
interface Asking {
  readonly request: RelayRequest;
  readonly relay: ZoneRelay;
  readonly deps: RelayDeps;
  readonly clock: () => number;
  readonly breakerOf: (zone: string, upstream: string) => Breaker;
  beaconsLeft: number;
}

/** What one upstream answered. */
interface Answered extends ShapedAnswer {
  readonly upstream: string;
  readonly setCookies: readonly UpstreamCookie[];
}

/** An upstream that gave no document has `answered` undefined. */
interface Asked {
  readonly attempt: RelayAttempt;
  readonly answered: Answered | undefined;
  readonly failures: readonly RelayFailure[];
}

async function answerAdRequest(asking: Asking): Promise<RelayAnswer> {
  const { request, relay, deps, clock } = asking;
  const deadline = clock() + relay.timeoutMs;
  const macros = relayMacros(request, (deps.now ?? Date.now)(), (deps.random ?? Math.random)());
  const asked: Asked[] = [];
  const upstreams = request.depth < MAX_RELAY_DEPTH ? relay.upstreams : [];
  for (const upstream of upstreams) {
    if (clock() >= deadline) break;
    const one = await askUpstream(upstream, asking, macros, deadline);
    asked.push(one);
    deps.onAttempt?.(request.zone, one.attempt);
    if (one.attempt.outcome === "ads" || (one.attempt.outcome === "no-ads" && relay.fallback === "failure")) break;
  }
  const answers = asked.flatMap(({ answered }) => answered ?? []);
  const chosen = answers.find(({ hasAds }) => hasAds) ?? answers[0];
  // The player reads one answer, and tells that one's ad server if it is empty.
  for (const other of answers) if (other !== chosen) tell(other.ownErrors, 303, asking, macros);
  const setCookies = answers.flatMap((answer) => answer.setCookies);
  return {
    form: request.form,
    root: chosen?.root ?? (request.form === "vast" ? emptyVast() : emptyVmap()),
    upstream: chosen?.upstream,
    breaks: chosen?.breaks ?? [{ breakId: request.breakId, ads: [] }],
    attempts: asked.map(({ attempt }) => attempt),
    failures: asked.flatMap(({ failures }) => failures),
    setCookies: formatPageCookies(setCookies, request.baseUrl, (deps.now ?? Date.now)()),
  };
}

/** Never throws. */
async function askUpstream(upstream: Upstream, asking: Asking, macros: MacroValues, deadline: number): Promise<Asked> {
  const { request, clock } = asking;
  const { name } = upstream;
  const startedAt = clock();
  const permit = asking.breakerOf(request.zone, name).admit();
  if (typeof permit === "string")
    return { attempt: { upstream: name, outcome: permit, ms: 0 }, answered: undefined, failures: [] };
  const timeoutMs = Math.min(upstream.timeoutMs, deadline - startedAt);
  const attempt = (outcome: RelayAttempt["outcome"]): RelayAttempt => ({
    upstream: name,
    outcome,
    ms: Math.round(clock() - startedAt),
  });
  try {
    const exchange = openFor(upstream, asking);
    const chain = openChain(exchange, asking, macros, startedAt + timeoutMs);
    const document = await fetchTag(upstream, asking, macros, exchange, chain);
    permit.succeed();
    return await read(document, chain, name, asking, macros, exchange, attempt);
  } catch (error) {
    const isTimeout = error instanceof AdError && error.code === "upstream-timeout";
    // With less time than it may take, being late is not its fault.
    if (isTimeout && timeoutMs < upstream.timeoutMs) permit.giveUp();
    else permit.fail();
    const failure = { ...faultOf(error), adId: undefined, upstream: name };
    return { attempt: attempt(isTimeout ? "timeout" : "failed"), answered: undefined, failures: [failure] };
  }
}

function openFor(upstream: Upstream, { request, deps, clock }: Asking): UpstreamExchange {
  const { viewer, depth, baseUrl } = request;
  const origin = URL.canParse(upstream.tagUrl, baseUrl.href) ? new URL(upstream.tagUrl, baseUrl).origin : "";
  const secret = { origin, headers: upstream.headers };
  const subject = { viewer, depth, cookies: readPageCookies(request.cookies), secret };
  return openUpstream(subject, { fetch: deps.fetch, cookies: deps.cookies, now: deps.now ?? Date.now, clock });
}

function openChain(
  exchange: UpstreamExchange,
  { relay, deps, clock }: Asking,
  macros: MacroValues,
  deadline: number,
): Chain {
  return {
    ...CHAIN_BUDGET,
    fetchText: exchange.fetchFurther,
    readXml: deps.readXml,
    clock,
    deadline,
    expandAddress: (template) => expandMacros(template, macros),
    wrapperLimit: relay.wrapperLimit,
    rules: relay.rules,
  };
}

/**
 * undefined: the body is empty, as of a 204.
 *
 * @throws AdError where the answer is neither VAST nor VMAP
 */
async function fetchTag(
  upstream: Upstream,
  { request }: Asking,
  macros: MacroValues,
  exchange: UpstreamExchange,
  chain: Chain,
): Promise<VastTree | undefined> {
  const url = buildUpstreamUrl(upstream, request, macros);
  const answer = await fetchAnswer(chain, url, exchange.fetchTag);
  const root = readAnswer(answer, chain);
  if (!root) return undefined;
  const document = { root, base: answer.url };
  if (!isNamed(root, "VMAP")) readOwnErrors(document);
  return document;
}

async function read(
  document: VastTree | undefined,
  chain: Chain,
  upstream: string,
  asking: Asking,
  macros: MacroValues,
  exchange: UpstreamExchange,
  attempt: (outcome: RelayAttempt["outcome"]) => RelayAttempt,
): Promise<Asked> {
  const { request, deps } = asking;
  const root = document?.root ?? emptyVast();
  const base = document?.base ?? request.baseUrl;
  const urlOf = (event: string, thing: TrackedAd): string => deps.trackingUrl(event, request, thing);
  const shaped = await shapeAnswer({ root, base }, request, upstream, chain, urlOf);
  for (const { errorUrls, vastError } of shaped.failures) tell(errorUrls, vastError, asking, macros);
  const hasFailed = !shaped.hasAds && shaped.failures.some(({ reason }) => reason !== "no-ads");
  const outcome = shaped.hasAds ? "ads" : hasFailed ? "failed" : "no-ads";
  const failures = shaped.failures.map(({ errorUrls: _urls, ...failure }) => ({ ...failure, upstream }));
  return {
    attempt: attempt(outcome),
    answered: { ...shaped, upstream, setCookies: exchange.setCookies() },
    failures,
  };
}

/** Of one answer: nobody makes this server a crowd. */
const MAX_BEACONS = 50;

function tell(urls: readonly string[], vastError: number, asking: Asking, macros: MacroValues): void {
  const { request, deps } = asking;
  for (const url of urls) {
    if (asking.beaconsLeft-- <= 0) return;
    const expanded = expandMacros(url, { ...macros, ERRORCODE: vastError });
    if (/^https?:\/\//i.test(expanded) && URL.canParse(expanded)) deps.sendBeacon(expanded, request.viewer);
  }
}
