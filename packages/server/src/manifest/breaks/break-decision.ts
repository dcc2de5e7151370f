/**
 * One break: from its place to the row that says what it shows. The ad server is asked, each creative is looked for on the CDN,
 * and the first instance that has an answer decides for all.
 *
 * @see Primetime JIT workflow initiated by the manifest server, steps 1-4 (primetime.md §3.2); DESIGN §4, §6
 */
import { buildPod, type SkipReason } from "@interlude/core";
import type { AdAnswer, AdCalls } from "../ads/ad-call.ts";
import type {
  BreakDecision,
  BreakPlace,
  BreakPosition,
  BreakRow,
  CueSignal,
  DecidedAd,
  SkippedAd,
} from "./decision.ts";
import { type PodNeeds, type PodResolver, skipFailed } from "../ads/pod-resolver.ts";
import { skipAd } from "../ads/ad-creative.ts";
import type { SessionState, SessionStore } from "../session/session.ts";
import { isNamed, skipDecided, skipLate } from "./skip-decided.ts";
import type { RequestTrace } from "../trace.ts";

/** A break that is to be decided. Durations in seconds. */
export interface BreakOrder {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly place: BreakPlace;
  /** 0: not known, or without bounds. */
  readonly availDuration: number;
  readonly maxAds: number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly signal: CueSignal | undefined;
  /** See `BreakDecision`. */
  readonly isEntry?: true;
}

/** The request in whose course a break is decided. */
export interface BreakContext {
  readonly state: SessionState;
  readonly baseUrl: URL;
  /** undefined: no ad fits this content, whatever the answer is. */
  readonly needs: PodNeeds | undefined;
  readonly adTimeoutMs: number;
  readonly trace: RequestTrace;
}

export interface BreakDecider {
  /** Asks the ad server for one break. */
  readonly decide: (order: BreakOrder, tagUrl: string, context: BreakContext) => Promise<BreakRow>;
  /** Decides a break for which the ad server has answered already. */
  readonly decideAnswered: (order: BreakOrder, answer: AdAnswer, context: BreakContext) => Promise<BreakRow>;
  /** The content plays. */
  readonly decideEmpty: (order: BreakOrder, reason: SkipReason, context: BreakContext) => Promise<BreakRow>;
  /** What an answer owes that came when all had been given up, or that has no place in the content: none of its ads is shown. */
  readonly giveUp: (order: BreakOrder, answer: AdAnswer, reason: GivenUp, context: BreakContext) => void;
}

export type GivenUp = "ads-timeout" | "policy";

/** What the decider uses; `onDecided` is told of each row that this instance was the first to write. */
export interface BreakDeciderDeps {
  readonly store: Pick<SessionStore, "decide" | "saveCookies">;
  readonly adCalls: Pick<AdCalls, "callBreak">;
  readonly resolvePod: PodResolver["resolvePod"];
  readonly onDecided: (decision: BreakDecision, sessionId: string) => void;
  /** Told of the ads of an answer that came to nothing since its break had been given up. */
  readonly onLate: (late: BreakDecision, sessionId: string) => void;
}

/** What is left of a break's time when nobody waits for a copy any more: to load it, and to write down the decision. */
const ROOM_MS = 300;

/** The same, with ads that may be waited for as long as a playlist waits for the decision. */
export function boundWaits(
  context: BreakContext,
  budgetMs: number,
  sleep: (ms: number) => Promise<void>,
): BreakContext {
  const { needs } = context;
  if (!needs || budgetMs <= ROOM_MS) return context;
  return { ...context, needs: { ...needs, over: sleep(budgetMs - ROOM_MS) } };
}

export function createBreakDecider(deps: BreakDeciderDeps): BreakDecider {
  const write = async (decision: BreakDecision, { state }: BreakContext): Promise<BreakRow> => {
    const row = await deps.store.decide(state.session.id, decision);
    const late = row.decision === decision ? undefined : skipLate(decision, row.decision);
    if (row.decision === decision) deps.onDecided(decision, state.session.id);
    else if (late) deps.onLate(late, state.session.id);
    return row;
  };
  const decideAnswered: BreakDecider["decideAnswered"] = async (order, answer, context) => {
    const { needs, state, trace } = context;
    if (answer.setCookies.length > 0) await deps.store.saveCookies(state.session.id, answer.setCookies);
    const pod = needs ? await deps.resolvePod(answer, needs, trace) : refuseAll(answer);
    const { ads, skipped } = limitPod(pod, order);
    return write({ ...describe(order), ads, skipped, trackers: answer.trackers }, context);
  };
  return {
    decideAnswered,
    decide: async (order, tagUrl, context) => {
      const { state, baseUrl, adTimeoutMs, trace } = context;
      const { breakId, position, availDuration, maxAds, attributes } = order;
      const answer = await deps.adCalls.callBreak(
        {
          tagUrl,
          session: state.session,
          cookies: state.cookies,
          baseUrl,
          breakId,
          position,
          availDuration: availDuration || undefined,
          ...(maxAds === undefined ? {} : { maxAds }),
          attributes,
          timeoutMs: adTimeoutMs,
        },
        trace,
      );
      return decideAnswered(order, answer, context);
    },
    decideEmpty: (order, reason, context) => {
      const message = MESSAGE[reason] ?? reason;
      const skipped =
        order.maxAds === 0 ? [] : [{ adId: undefined, adSystem: "", creativeId: undefined, reason, message }];
      return write({ ...describe(order), ads: [], skipped, trackers: [] }, context);
    },
    giveUp: (order, { result, trackers }, reason, { state }) => {
      const pod = buildPod(result.ads).pod.map((ad) => skipAd(ad, ad.creatives[0], reason, GIVEN_UP[reason]));
      const skipped = [...skipFailed(result).filter(isNamed), ...pod];
      if (skipped.length > 0) deps.onLate({ ...describe(order), ads: [], skipped, trackers }, state.session.id);
    },
  };
}

const GIVEN_UP: Readonly<Record<GivenUp, string>> = {
  "ads-timeout": "the ad server answered when its breaks had been given up",
  policy: "the content has no place for its break",
};

const MESSAGE: { readonly [Reason in SkipReason]?: string } = {
  "ads-timeout": "no decision in the time that a playlist may wait",
  policy: "the viewer's place in the content asks for no ads here",
  overload: "the server sheds load",
};

function describe({ breakId, position, place, availDuration, signal, maxAds, isEntry }: BreakOrder) {
  const removal = maxAds === 0 ? ({ isRemoval: true } as const) : {};
  return { breakId, position, place, availDuration, signal, ...removal, ...(isEntry && { isEntry }) };
}

/** Muxed fMP4: no packaging that is made fits it (DESIGN §6). */
function refuseAll({ result }: AdAnswer): {
  readonly ads: readonly DecidedAd[];
  readonly skipped: readonly SkippedAd[];
} {
  const message = "the content is muxed fMP4, into which no ad fits";
  const skipped = result.ads.map((ad) => skipAd(ad, ad.creatives[0], "no-variant-match", message));
  return { ads: [], skipped: [...skipFailed(result), ...skipped] };
}

/** No more ads, and no more seconds, than the timeline gives a break; an ad that is too long leaves its place to shorter ones. */
function limitPod(
  { ads, skipped }: { readonly ads: readonly DecidedAd[]; readonly skipped: readonly SkippedAd[] },
  { maxAds = Infinity, availDuration, place }: BreakOrder,
): { readonly ads: readonly DecidedAd[]; readonly skipped: readonly SkippedAd[] } {
  // Live, the splice counts: half a segment more is allowed there.
  const maxDuration = place.kind === "vod" && availDuration > 0 ? availDuration + 0.5 : Infinity;
  const kept: DecidedAd[] = [];
  const dropped: SkippedAd[] = [];
  let total = 0;
  for (const ad of ads) {
    if (kept.length < maxAds && total + ad.duration <= maxDuration) {
      kept.push(ad);
      total += ad.duration;
    } else {
      const message = `the break has room for ${maxAds} ads and ${availDuration} s`;
      dropped.push(skipDecided(ad, "break-duration-exceeded", message));
    }
  }
  return { ads: kept, skipped: [...skipped, ...dropped] };
}
