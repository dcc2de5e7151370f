/**
 * The breaks of VOD content: decided once, before the first playlist is handed over, for all renditions of the session.
 *
 *   `pttimeline`            → its breaks
 *   cues in the content     → a break at each avail; with `enableC3` in place of the avail's content
 *   neither                 → what the ad server's VMAP places, or its VAST as a pre-roll
 *   not decided in time     → content, `ads-timeout`
 *
 * @see primetime.md §1.6; DESIGN §6
 */
import {
  type Avail,
  type MediaPlaylist,
  parseCues,
  parseTimeline,
  placeTimeline,
  type SkipReason,
} from "@interlude/core";
import type { AdAnswer, AdCalls, MappedBreak } from "../ads/ad-call.ts";
import { ALL_ID, nameVodAvail, PLAN_ID } from "./avail-names.ts";
import { boundWaits, type BreakContext, type BreakDecider, type BreakOrder } from "./break-decision.ts";
import type { BreakPosition, BreakRow } from "./decision.ts";
import type { SessionOptions } from "../options.ts";
import { MAX_LISTED_BREAKS } from "../session/session-limits.ts";
import type { SessionStore } from "../session/session.ts";
import type { ZoneManifest } from "../zone-manifest.ts";

export interface VodRequest {
  readonly playlist: MediaPlaylist;
  /** Of the playlist; its boundaries count for the other renditions where this one is the first. */
  readonly contentUrl: string;
  /** No ad server is asked any more. */
  readonly isShed: boolean;
  readonly options: SessionOptions;
  readonly zone: ZoneManifest;
  readonly context: BreakContext;
}

export interface VodBreaksDeps {
  readonly store: Pick<SessionStore, "decide" | "load">;
  readonly decider: BreakDecider;
  readonly adCalls: Pick<AdCalls, "callMap">;
  readonly sleep: (ms: number) => Promise<void>;
}

/** The rows of a session's breaks, in no order, and the row of the plan. */
export type DecideVod = (request: VodRequest) => Promise<readonly BreakRow[]>;

/** A break with what is known of its ads: an answer of the ad server, or the tag that is asked for it alone. */
interface Planned {
  readonly order: BreakOrder;
  readonly source: { readonly answer: AdAnswer } | { readonly tagUrl: string } | { readonly reason: SkipReason };
}

/** Nobody said in time which breaks there are. */
function planNothing(reason: SkipReason): readonly Planned[] {
  const place = { kind: "vod", time: 0, replaces: 0 } as const;
  const common = { availDuration: 0, maxAds: undefined, attributes: {}, signal: undefined };
  return [{ order: { breakId: ALL_ID, position: "pre", place, ...common }, source: { reason } }];
}

export function createVodBreaks(deps: VodBreaksDeps): DecideVod {
  const planning = new Map<string, Promise<readonly BreakRow[]>>();

  const decideAll = async (unbounded: VodRequest): Promise<readonly BreakRow[]> => {
    const { zone } = unbounded;
    const over = deps.sleep(zone.startBudgetMs).then(() => undefined);
    const context = boundWaits(unbounded.context, zone.startBudgetMs, deps.sleep);
    const request = { ...unbounded, context };
    const planned = request.isShed ? planNothing("overload") : await planInTime(request, over);
    const rows = await Promise.all(planned.map((entry) => decideInTime(entry, context, over)));
    const place = { kind: "vod", time: 0, replaces: 0 } as const;
    const plan = {
      breakId: PLAN_ID,
      position: "pre",
      place,
      availDuration: 0,
      ads: [],
      skipped: [],
      trackers: [],
    } as const;
    const planRow = await deps.store.decide(context.state.session.id, {
      ...plan,
      signal: undefined,
      planned: rows.map((row) => row.breakId),
      reference: request.contentUrl,
    });
    const isOurs = planRow.decision?.planned?.every((id) => rows.some((row) => row.breakId === id));
    // Another instance was first, and knows other breaks: VOD playlists are read once, so that they must agree now.
    const standing = isOurs ? undefined : await deps.store.load(context.state.session.id);
    return selectPlanned(standing?.breaks ?? rows, planRow);
  };

  /** Ads that an answer names after that are told as left out. */
  const planInTime = async (request: VodRequest, over: Promise<undefined>): Promise<readonly Planned[]> => {
    const plans = planBreaks(request, deps);
    const planned = await Promise.race([plans, over]);
    if (planned) return planned;
    const giveUp = ({ order, source }: Planned): void => {
      if ("answer" in source) deps.decider.giveUp(order, source.answer, "ads-timeout", request.context);
    };
    void plans.then(
      (late) => late.forEach(giveUp),
      () => undefined,
    );
    return planNothing("ads-timeout");
  };

  const decideInTime = async (
    { order, source }: Planned,
    context: BreakContext,
    over: Promise<undefined>,
  ): Promise<BreakRow> => {
    const decision = startDecision(order, source, context);
    decision.catch(() => undefined);
    return (await Promise.race([decision, over])) ?? deps.decider.decideEmpty(order, "ads-timeout", context);
  };

  const startDecision = (order: BreakOrder, source: Planned["source"], context: BreakContext): Promise<BreakRow> => {
    if ("reason" in source) return deps.decider.decideEmpty(order, source.reason, context);
    if ("answer" in source) return deps.decider.decideAnswered(order, source.answer, context);
    return deps.decider.decide(order, source.tagUrl, context);
  };

  return async (request) => {
    const { state } = request.context;
    const known = state.breaks.find((row) => row.breakId === PLAN_ID);
    if (known) return selectPlanned(state.breaks, known);
    const running = planning.get(state.session.id);
    if (running) return running;
    const rows = decideAll(request).finally(() => planning.delete(state.session.id));
    planning.set(state.session.id, rows);
    return rows;
  };
}

function selectPlanned(rows: readonly BreakRow[], plan: BreakRow): readonly BreakRow[] {
  const ids = plan.decision?.planned ?? [];
  return [...rows.filter((row) => ids.includes(row.breakId)), plan];
}

/** The media playlist whose boundaries count for all renditions; undefined: not decided. */
export function selectReference(rows: readonly BreakRow[]): string | undefined {
  return rows.find((row) => row.breakId === PLAN_ID)?.decision?.reference;
}

async function planBreaks(request: VodRequest, deps: VodBreaksDeps): Promise<readonly Planned[]> {
  const { playlist, options, zone, context } = request;
  if (zone.adTagUrl === undefined) return [];
  const hasPreRoll = !context.state.session.isBackup && !options.isIosMobileWeb;
  const isWanted = ({ position }: { readonly position: BreakPosition }): boolean => hasPreRoll || position !== "pre";
  const orders = orderBreaks(playlist, options, zone)?.filter(isWanted).slice(0, MAX_LISTED_BREAKS);
  const inserted = orders?.filter(({ maxAds }) => maxAds !== 0);
  const removed = orders?.filter(({ maxAds }) => maxAds === 0) ?? [];
  const rest = removed.map((order) => ({ order, source: { reason: "policy" } as const }));
  if (inserted && options.hasMultiCall) {
    const tagUrl = zone.availTagUrl ?? zone.adTagUrl;
    return [...rest, ...inserted.map((order) => ({ order, source: { tagUrl } }))];
  }
  if (inserted?.length === 0) return rest;
  const duration = durationOf(playlist);
  const answers = await callOnce(request, inserted, deps);
  const planned = inserted
    ? matchAnswers(inserted, answers)
    : answers.filter(isWanted).flatMap((answer) => orderMapped(answer, duration));
  const placed = new Set(planned.flatMap(({ source }) => ("answer" in source ? [source.answer] : [])));
  for (const answer of answers)
    if (!placed.has(answer)) deps.decider.giveUp(orderAt(answer, "end"), answer, "policy", context);
  return [...rest, ...planned];
}

/** One ad call for the whole asset. */
function callOnce(
  { context, options, zone }: VodRequest,
  orders: readonly BreakOrder[] | undefined,
  deps: VodBreaksDeps,
): Promise<readonly MappedBreak[]> {
  const { state, baseUrl, adTimeoutMs, trace } = context;
  const timeline = options.timeline ?? (orders && formatTimeline(orders));
  return deps.adCalls.callMap(
    {
      tagUrl: zone.adTagUrl ?? "",
      session: state.session,
      cookies: state.cookies,
      baseUrl,
      breakId: "",
      position: "pre",
      availDuration: undefined,
      attributes: {},
      timeoutMs: adTimeoutMs,
      ...(timeline === undefined ? {} : { timeline }),
    },
    trace,
  );
}

/** The breaks that the client or the content names; undefined where the ad server is to place them. */
function orderBreaks(
  playlist: MediaPlaylist,
  options: SessionOptions,
  zone: ZoneManifest,
): readonly BreakOrder[] | undefined {
  const avails = parseCues(playlist, options.cueFormat ?? zone.cueFormat);
  if (options.timeline !== undefined) {
    const duration = durationOf(playlist);
    const replaced = options.enableC3 === undefined ? undefined : { avails, localOnly: options.enableC3 };
    return placeTimeline(parseTimeline(options.timeline), duration, replaced).map((placed) => {
      const { breakId, position, time, replaces, maxDuration, maxAds } = placed;
      const place = { kind: "vod", time, replaces } as const;
      const avail = avails.find(({ startTime }) => startTime === time);
      const { attributes = {}, signal } = avail ?? {};
      return { breakId, position, place, availDuration: maxDuration, maxAds, attributes, signal };
    });
  }
  if (avails.length === 0) return undefined;
  return avails.flatMap((avail) => orderAvail(avail, options));
}

function orderAvail(avail: Avail, { enableC3 }: SessionOptions): readonly BreakOrder[] {
  const { startTime, duration, attributes, signal, reach, returnTime } = avail;
  // Inside the C3 window national ads stay as they are.
  if (avail.isPartial || (enableC3 === true && reach === "national")) return [];
  const length = returnTime === undefined ? duration : returnTime - startTime;
  const place = { kind: "vod", time: startTime, replaces: enableC3 === undefined ? 0 : length } as const;
  return [
    {
      breakId: nameVodAvail(avail.id),
      position: startTime > 0 ? "mid" : "pre",
      place,
      availDuration: duration,
      maxAds: undefined,
      attributes,
      signal,
    },
  ];
}

/** `l,150,30,m`: linear, seconds, ads, position (primetime.md §1.14, inferred). */
function formatTimeline(orders: readonly BreakOrder[]): string {
  const letter = { pre: "p", mid: "m", post: "t" } as const;
  return orders
    .map(({ availDuration, maxAds = 30, position }) => `l,${availDuration},${maxAds},${letter[position]}`)
    .join(";");
}

/** Answered breaks go to the ordered ones of their id, or of their number (`#2`), the others to those of their position, in order. */
function matchAnswers(orders: readonly BreakOrder[], answers: readonly MappedBreak[]): readonly Planned[] {
  const left = [...answers];
  const take = (fits: (answer: MappedBreak) => boolean): MappedBreak | undefined => {
    const index = left.findIndex(fits);
    return index < 0 ? undefined : left.splice(index, 1)[0];
  };
  const meant = orders.map(({ breakId }, index) =>
    take((answer) => answer.breakId === breakId || answer.availNumber === index + 1),
  );
  return orders.map((order, index) => {
    const isNext = (answer: MappedBreak): boolean => {
      return answer.position === order.position && answer.availNumber === undefined;
    };
    const answer = meant[index] ?? take(isNext);
    return { order, source: answer ? { answer } : { reason: "no-ads" } };
  });
}

/** A break that the ad server placed; one without a place in this content is left out. */
function orderMapped(answer: MappedBreak, total: number): readonly Planned[] {
  const { time } = answer;
  const at = typeof time === "object" ? time.share * total : time;
  if (at === undefined) return [];
  return [{ order: orderAt(answer, typeof at === "number" && at >= total ? "end" : at), source: { answer } }];
}

function orderAt({ breakId, position }: MappedBreak, time: number | "end"): BreakOrder {
  const place = { kind: "vod", time, replaces: 0 } as const;
  const common = { availDuration: 0, maxAds: undefined, attributes: {}, signal: undefined };
  return { breakId: nameVodAvail(breakId), position, place, ...common };
}

function durationOf(playlist: MediaPlaylist): number {
  return playlist.segments.reduce((total, segment) => total + segment.duration, 0);
}
