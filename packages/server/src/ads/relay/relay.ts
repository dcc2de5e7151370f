/**
 * The relay: a player's or the manifest server's ad request, answered by the ad servers of the zone.
 *
 *   1. the request's viewer, parameters and cookies → macros
 *   2. the first upstream whose breaker lets it → its tag, called with the viewer's headers
 *   3. no answer in time, an error, no ads, or none with a film → the next upstream, as the zone says
 *   4. wrappers and AdTagURIs → resolved, merged into the in-line ads, by the rules of the zone
 *   5. what wrappers that led to nothing want to know → told
 *   6. this server's own tracking → added; the answer is VAST or VMAP, as was asked
 *
 * What an ad server does never throws: where none answers, the answer is an empty one.
 *
 * @see VAST 4.3 §1.6, §2.4.3; primetime.md §1.14, §4.1
 */
import { trackedSession } from "../ad-request.ts";
import { type Answered, type Asked, type Asking, askUpstream } from "./ask-upstream.ts";
import { type Breaker, BREAKER_DEFAULTS, type BreakerState, createBreaker } from "./breaker.ts";
import { formatPageCookies } from "./page-cookies.ts";
import { emptyVast } from "./pod-tree.ts";
import { MAX_RELAY_DEPTH, type RelayAnswer, type RelayRequest, type UntoldError } from "./relay-answer.ts";
import type { RelayDeps } from "./relay-deps.ts";
import type { ZoneRelay } from "./relay-zone.ts";
import { createTeller, tellAll } from "./teller.ts";
import { relayMacros } from "./upstream-tag.ts";
import { emptyVmap } from "./vmap-tree.ts";

/** In less time than this no ad server can be asked. ms */
const LEAST_MS = 20;

export interface UpstreamStatus {
  readonly zone: string;
  readonly upstream: string;
  readonly state: BreakerState;
  /** Requests that wait for it. */
  readonly pending: number;
}

export interface Relay {
  /**
   * Never throws.
   *
   * @param mediaTypes the zone's order of types: an ad that has none of them is no fill; empty is the usual one
   * @param spentMs of the zone's time, before the relay was asked
   */
  answerAdRequest(
    request: RelayRequest,
    relay: ZoneRelay,
    mediaTypes?: readonly string[],
    spentMs?: number,
  ): Promise<RelayAnswer>;
  /** The upstreams that were asked so far, for metrics and console. */
  upstreams(): readonly UpstreamStatus[];
}

export function createRelay(deps: RelayDeps): Relay {
  const breakers = new Map<string, { readonly zone: string; readonly upstream: string; readonly breaker: Breaker }>();
  const { now = Date.now, clock = () => performance.now(), random = Math.random } = deps;
  const options = { ...BREAKER_DEFAULTS, ...deps.breaker };
  const breakerOf = (zone: string, upstream: string): Breaker => {
    const key = `${zone} ${upstream}`;
    const known = breakers.get(key) ?? { zone, upstream, breaker: createBreaker(options, clock) };
    breakers.set(key, known);
    return known.breaker;
  };
  return {
    answerAdRequest: (request, relay, mediaTypes = [], spentMs = 0) => {
      const macros = relayMacros(request, now(), random());
      const tell = createTeller({ viewer: request.viewer, macros, sendBeacon: deps.sendBeacon });
      const deadline = clock() + relay.timeoutMs - spentMs;
      return answerAdRequest({ request, relay, macros, mediaTypes, deadline, deps, now, clock, tell, breakerOf });
    },
    upstreams: () =>
      [...breakers.values()].map(({ zone, upstream, breaker }) => ({
        zone,
        upstream,
        state: breaker.state(),
        pending: breaker.pending(),
      })),
  };
}

/** One request, to be asked of all upstreams. */
interface AskingAll extends Asking {
  readonly deps: RelayDeps;
  readonly breakerOf: (zone: string, upstream: string) => Breaker;
}

async function answerAdRequest(asking: AskingAll): Promise<RelayAnswer> {
  const { request, relay, deps, breakerOf, tell } = asking;
  const asked: Asked[] = [];
  const upstreams = request.depth < MAX_RELAY_DEPTH ? relay.upstreams : [];
  for (const upstream of upstreams) {
    if (asking.deadline - asking.clock() < LEAST_MS) break;
    const isLast = upstream === upstreams.at(-1);
    const one = await askUpstream(upstream, breakerOf(request.zone, upstream.name), asking, isLast);
    asked.push(one);
    deps.onAttempt?.(request.zone, one.attempt);
    for (const failure of one.failures) deps.onFailure?.(request.zone, failure);
    if (one.attempt.outcome === "ads" || (one.attempt.outcome === "no-ads" && relay.fallback === "failure")) break;
  }
  const answers = asked.flatMap(({ answered }) => answered ?? []);
  // Ads that nobody here can play are better than none: the player may be able to.
  const chosen =
    answers.find(({ hasAds }) => hasAds) ?? answers.find(({ filmless }) => filmless.length > 0) ?? answers[0];
  // The player reads one answer, and tells that one's ad server if it is empty, or cannot be played.
  for (const other of answers) if (other !== chosen) tellAll(listUntold(other), tell);
  const setCookies = answers.flatMap((answer) => answer.setCookies);
  return {
    form: request.form,
    root: chosen?.root ?? (request.form === "vast" ? emptyVast() : emptyVmap()),
    upstream: chosen?.upstream,
    session: trackedSession(request),
    breaks: chosen?.breaks ?? [{ breakId: request.breakId, ads: [] }],
    attempts: asked.map(({ attempt }) => attempt),
    failures: asked.flatMap(({ failures }) => failures),
    setCookies: formatPageCookies(setCookies, request.baseUrl, asking.now()),
    untold: chosen ? listUntold(chosen) : [],
    tell,
  };
}

function listUntold({ ownErrors, filmless }: Answered): readonly UntoldError[] {
  const told = filmless.map(({ errorUrls, vastError }) => ({ errorUrls, vastError }));
  return ownErrors.length > 0 ? [{ errorUrls: ownErrors, vastError: 303 }, ...told] : told;
}
