/**
 * The ad request of the manifest server: the ads of one break, or the breaks of a whole asset with theirs.
 *
 *   tag      → the zone's, macros expanded, with all that the client said
 *   answer   → VAST; VMAP where breaks are asked for, or where an ad server answers so for one
 *   failure  → the zone's fallback tag, in the time that is left
 *
 * One deadline holds for a request with all its wrappers. Where a zone has a fallback, its tag gets two thirds of the start budget
 * at most, and the fallback what is left of it. It is asked where a request failed or gave nothing but failures; an ad server that
 * says that it has no ad is believed.
 *
 * @see Primetime JIT workflow initiated by the manifest server, step 1 (primetime.md §3.2); §1.4 `ptadtimeout`, §1.14
 */
import {
  AdError,
  isNamed,
  type MacroValues,
  parseVmap,
  readXml,
  resolveVastText,
  type VastResult,
  type XmlElement,
  type XmlReader,
} from "@interlude/core";
import { type AdExchange, type ExchangeDeps, openExchange } from "./ad-exchange.ts";
import { adMacros, type AdPlace } from "./ad-macros.ts";
import { buildBreakTag, buildTag } from "./ad-tag.ts";
import { failRequest, failWith } from "./ad-request-failure.ts";
import type { DecidedTracker } from "../breaks/decision.ts";
import type { ManifestLog } from "../manifest-fetch.ts";
import { applyRules, readRuleNames } from "./rewrite-rules.ts";
import type { StoredCookie } from "../session/session.ts";
import type { RequestTrace } from "../trace.ts";
import { type OwnReport, tellAnswer } from "./tell-answer.ts";
import { type BreakSlot, readBreaks, selectBreak, type VmapBreak } from "./vmap-breaks.ts";
import type { ZoneManifest } from "../zone-manifest.ts";

/** One ad request. */
export interface AdCall extends AdPlace {
  /** Macros unexpanded; absolute, or a path of this server. */
  readonly tagUrl: string;
  readonly cookies: readonly StoredCookie[];
  readonly baseUrl: URL;
  /** The request and all its wrappers. */
  readonly timeoutMs: number;
}

/** What came of it. Nothing that an upstream does is an exception: the reasons are in `result.failures`. */
export interface AdAnswer {
  /** As the ad server names it where it placed the break itself. */
  readonly breakId: string;
  readonly result: VastResult;
  /**
   * Of the break itself (VMAP), macros unexpanded: `breakStart` is due at 0, `breakEnd` at the end of what is played, and `error`
   * when something fails; the latter two have no time.
   */
  readonly trackers: readonly DecidedTracker[];
  readonly setCookies: readonly StoredCookie[];
  /** Some exchange was given up for want of time. */
  readonly isTimedOut: boolean;
}

/** A break that the ad server placed. */
export interface MappedBreak extends AdAnswer, BreakSlot {}

export interface AdCalls {
  /** The ads of one break; of a VMAP answer, those of its break that fits, else of its first. Never throws. */
  callBreak(call: AdCall, trace: RequestTrace): Promise<AdAnswer>;
  /**
   * The breaks of an asset in the order of the answer: those of a VMAP, or a VAST as the pre-roll. A request that fails is a
   * pre-roll without ads and with the reason. Never throws.
   */
  callMap(call: AdCall, trace: RequestTrace): Promise<readonly MappedBreak[]>;
}

export interface AdCallsDeps extends ExchangeDeps {
  readonly readXml: XmlReader;
  /** undefined: no such zone, hence no fallback and no rules. */
  readonly zoneManifest: (
    zone: string,
  ) => Pick<ZoneManifest, "fallbackTagUrl" | "startBudgetMs" | "rewriteRules"> | undefined;
  readonly log: ManifestLog;
  /** For the report; undefined: it is told of nothing. */
  readonly report?: OwnReport | undefined;
  /** Told of each call, with the answers for its breaks, for metrics. */
  readonly onAnswered?: (answers: readonly AdAnswer[], ms: number) => void;
}

export function createAdCalls(deps: AdCallsDeps): AdCalls {
  return {
    callBreak: async (call, trace) => {
      const asking = startAsking(call, deps, trace);
      const draft = await askWithFallback(asking);
      return (
        finish([draft], asking, deps, trace)[0] ?? {
          breakId: call.breakId,
          ...draft,
          setCookies: [],
          isTimedOut: false,
        }
      );
    },
    callMap: async (call, trace) => {
      const asking = startAsking(call, deps, trace);
      return finish(await askMap(asking), asking, deps, trace);
    },
  };
}

/** One call under way; the deadline is one of `performance.now`. */
interface Asking {
  readonly call: AdCall;
  readonly exchange: AdExchange;
  readonly macros: MacroValues;
  readonly readXml: XmlReader;
  readonly startedAt: number;
  readonly deadline: number;
  /** Until when a fallback may take; undefined: there is none. */
  readonly fallback: { readonly tagUrl: string; readonly deadline: number } | undefined;
}

/** An answer without what belongs to its call. */
type Draft = Pick<AdAnswer, "result" | "trackers">;

const MAX_BYTES = 2_000_000;
/** Of the start budget, for a tag that has a fallback. */
const TAG_SHARE = 2 / 3;

function startAsking(call: AdCall, deps: AdCallsDeps, trace: RequestTrace): Asking {
  const { session, cookies, baseUrl, timeoutMs } = call;
  const zone = deps.zoneManifest(session.zone);
  const names = readRuleNames(session.query);
  const rewrite = (url: string): string => applyRules(url, zone?.rewriteRules ?? [], names, "adfetch");
  const startedAt = performance.now();
  const { fallbackTagUrl: tagUrl, startBudgetMs = 0 } = zone ?? {};
  const tagMs = tagUrl === undefined ? timeoutMs : Math.min(timeoutMs, startBudgetMs * TAG_SHARE);
  return {
    call,
    exchange: openExchange(
      { viewer: session.viewer, cookies, baseUrl, rewrite },
      { ...deps, isOwnTag: deps.report?.isOwnTag },
      trace,
    ),
    macros: adMacros(call, deps.now()),
    readXml: deps.readXml,
    startedAt,
    deadline: startedAt + tagMs,
    fallback: tagUrl === undefined ? undefined : { tagUrl, deadline: startedAt + startBudgetMs },
  };
}

function finish<D extends Draft>(
  drafts: readonly D[],
  { call, exchange, startedAt }: Asking,
  deps: AdCallsDeps,
  trace: RequestTrace,
): readonly (D & AdAnswer)[] {
  const ms = Math.round(performance.now() - startedAt);
  trace.adCallMs += ms;
  const common = { setCookies: exchange.setCookies(), isTimedOut: exchange.isTimedOut() };
  const answers = drafts.map((draft) => {
    const answer = { breakId: call.breakId, ...draft, ...common };
    const { breakId, result } = answer;
    if (!deps.report || exchange.isAnsweredHere(breakId)) return answer;
    const place = { zone: call.session.zone, session: call.session.id, breakId };
    return { ...answer, result: tellAnswer(result, place, call.baseUrl, deps.report) };
  });
  for (const { result } of answers)
    for (const { reason, message, adId } of result.failures)
      if (reason !== "no-ads") deps.log.warn({ session: call.session.id, break: call.breakId, adId, reason }, message);
  deps.onAnswered?.(answers, ms);
  return answers;
}

/** The tag, and the fallback where that failed. */
async function askWithFallback(asking: Asking): Promise<Draft> {
  return addFallback(await askBreak(asking, () => buildTag(asking.call.tagUrl, asking)), asking);
}

async function addFallback(first: Draft, asking: Asking): Promise<Draft> {
  const fallback = hasFailed(first.result) ? startFallback(asking) : undefined;
  if (!fallback) return first;
  const second = await askBreak(fallback, () => buildTag(fallback.call.tagUrl, fallback));
  const failures = [...first.result.failures, ...second.result.failures];
  return { result: { ads: second.result.ads, failures }, trackers: [...first.trackers, ...second.trackers] };
}

function hasFailed({ ads, failures }: VastResult): boolean {
  return ads.length === 0 && failures.some(({ reason }) => reason !== "no-ads");
}

/** undefined: no fallback, or no time for it. */
function startFallback(asking: Asking): Asking | undefined {
  const { call, fallback } = asking;
  const now = performance.now();
  const deadline = Math.min(now + call.timeoutMs, fallback?.deadline ?? now);
  if (!fallback || deadline <= now) return undefined;
  return { ...asking, call: { ...call, tagUrl: fallback.tagUrl }, deadline, fallback: undefined };
}

async function askBreak(asking: Asking, buildUrl: () => URL): Promise<Draft> {
  try {
    const { root, base } = await fetchDocument(asking, buildUrl());
    if (root === "" || !isNamed(root, "VMAP")) return { result: await resolve(root, base, asking), trackers: [] };
    const found = selectBreak(readBreaks(parseVmap(root, base)), asking.call);
    if (!found) return { result: failWith("no-ads", 303, "VMAP: expected a linear break, got none"), trackers: [] };
    return { result: await resolveBreak(found, base, asking).catch(failRequest), trackers: found.trackers };
  } catch (error) {
    return { result: failRequest(error), trackers: [] };
  }
}

async function askMap(asking: Asking): Promise<readonly (Draft & BreakSlot)[]> {
  try {
    return await readMap(asking);
  } catch (error) {
    const failed = failRequest(error);
    const fallback = startFallback(asking);
    if (!fallback) return [{ ...PRE_ROLL, result: failed, trackers: [] }];
    const breaks = await readMap(fallback).catch((cause: unknown) => [
      { ...PRE_ROLL, result: failRequest(cause), trackers: [] },
    ]);
    return breaks.map((draft, index) => (index === 0 ? { ...draft, result: join(failed, draft.result) } : draft));
  }
}

const PRE_ROLL: BreakSlot = {
  breakId: "preroll",
  position: "pre",
  time: 0,
  availNumber: undefined,
  repeatAfter: undefined,
};

function join(failed: VastResult, { ads, failures }: VastResult): VastResult {
  return { ads, failures: [...failed.failures, ...failures] };
}

/** @throws AdError when the map itself cannot be had */
async function readMap(asking: Asking): Promise<readonly (Draft & BreakSlot)[]> {
  const { root, base } = await fetchDocument(asking, buildTag(asking.call.tagUrl, asking));
  if (root === "" || !isNamed(root, "VMAP")) {
    const draft = await addFallback({ result: await resolve(root, base, asking), trackers: [] }, asking);
    return [{ ...PRE_ROLL, ...draft }];
  }
  return Promise.all(
    readBreaks(parseVmap(root, base)).map(async (found) => {
      const { breakId, position } = found.slot;
      const own = { ...asking, call: { ...asking.call, breakId, position, availDuration: undefined } };
      const result = await resolveBreak(found, base, own).catch(failRequest);
      return { ...found.slot, ...(await addFallback({ result, trackers: found.trackers }, own)) };
    }),
  );
}

async function resolveBreak({ slot, source }: VmapBreak, base: URL, asking: Asking): Promise<VastResult> {
  if (source.kind === "vast") return resolve(source.vast, base, asking, source);
  if (source.kind === "tag") {
    const answer = await fetchDocument(asking, buildBreakTag(source.url, asking));
    return resolve(answer.root, answer.base, asking, source);
  }
  return failWith("no-ads", 303, `VMAP break ${slot.breakId}: expected VASTAdData or AdTagURI, got ${source.kind}`);
}

/** `root` is "" where the body is empty. */
async function fetchDocument(
  { call, exchange, deadline, readXml: reader }: Asking,
  url: URL,
): Promise<{ readonly root: XmlElement | ""; readonly base: URL }> {
  const timeoutMs = deadline - performance.now();
  if (timeoutMs <= 0) throw new AdError("upstream-timeout", `ad tag at ${url.href}: the time of the call is used up`);
  const response = await exchange.fetchTag(call)(url, { timeoutMs, maxBytes: MAX_BYTES });
  const { status, text } = response;
  if (status < 200 || status > 299)
    throw new AdError("upstream-status", `ad tag at ${url.href}: expected status 200, got ${status}`);
  return { root: text.trim() === "" ? "" : readXml(text, reader, { maxBytes: MAX_BYTES }), base: response.url };
}

function resolve(
  vast: XmlElement | string,
  base: URL,
  { call, exchange, deadline, macros, readXml: reader }: Asking,
  source: { readonly allowMultipleAds?: boolean; readonly followRedirects?: boolean } = {},
): Promise<VastResult> {
  const { allowMultipleAds = true, followRedirects = true } = source;
  return resolveVastText(
    vast,
    base,
    { fetchText: exchange.fetchRedirect(call), readXml: reader },
    { timeoutMs: deadline - performance.now(), allowMultipleAds, followRedirects, macros },
  );
}
