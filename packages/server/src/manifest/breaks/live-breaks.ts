/**
 * The breaks of live content: each avail is decided once for all renditions, and never after its first segment was listed.
 *
 *   the viewer comes                → a pre-roll before the live point, unless a mid-roll is running there that is to be seen whole
 *   running when the viewer comes   → content; with `pabimode` the whole break, from its beginning
 *   older than `ptadwindow`         → content
 *   decided in time                 → its pod
 *   undecided                       → held back for at most one target duration, then content for the whole avail
 *
 * @see primetime.md §1.7; DESIGN §6
 */
import { type Avail, type AvailDecision, formatDateOf, type MediaPlaylist, parseCues, type Pod } from "@interlude/core";
import { nameAvails, PRE_ROLL_ID } from "./avail-names.ts";
import { boundWaits, type BreakContext, type BreakDecider, type BreakOrder } from "./break-decision.ts";
import type { BreakPlace, BreakRow } from "./decision.ts";
import type { SessionOptions } from "../options.ts";
import { MAX_LISTED_BREAKS } from "../session/session-limits.ts";
import type { SessionStore } from "../session/session.ts";
import type { ZoneManifest } from "../zone-manifest.ts";

/** What a live playlist shows of its breaks. */
export interface LiveBreaks {
  /** Of this window, by the ids of their breaks. */
  readonly avails: readonly Avail[];
  /** Those that concern this window. */
  readonly rows: readonly BreakRow[];
  /** Breaks that no playlist may show yet. */
  readonly held: readonly BreakOrder[];
  /** Where playback of a viewer that has just come starts; undefined: at the live point, as players do. */
  readonly startAtBreak: string | undefined;
}

export interface LiveRequest {
  readonly playlist: MediaPlaylist;
  readonly options: SessionOptions;
  readonly zone: ZoneManifest;
  readonly context: BreakContext;
  /** No ad server is asked any more. */
  readonly isShed: boolean;
}

export interface LiveBreaksDeps {
  readonly store: Pick<SessionStore, "noteBreak" | "noteReturn">;
  readonly decider: BreakDecider;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after as many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** A request in mid-stream waits this long for a decision: a cue is listed with its first segment, and the next refresh is near. */
const MID_STREAM_WAIT_MS = 700;
/** Room for rounding, seconds. */
const EPSILON = 0.001;

export type DecideLive = (request: LiveRequest) => Promise<LiveBreaks>;

export function createLiveBreaks(deps: LiveBreaksDeps): DecideLive {
  const deciding = new Map<string, Promise<BreakRow>>();

  /** One decision under way per break, however many renditions ask. */
  const decideOnce = (
    order: BreakOrder,
    tagUrl: string,
    unbounded: BreakContext,
    budgetMs: number,
  ): Promise<BreakRow> => {
    const context = boundWaits(unbounded, budgetMs, deps.sleep);
    const key = nameDecision(order.breakId, context);
    const running = deciding.get(key);
    if (running) return running;
    const decision = deps.decider.decide(order, tagUrl, context).finally(() => deciding.delete(key));
    deciding.set(key, decision);
    // Whoever waits for it is told; when nobody does any more, its failure ends no process.
    decision.catch(() => undefined);
    return decision;
  };

  return async ({ playlist, options, zone, context, isShed }) => {
    const { state } = context;
    const rows = new Map(state.breaks.map((row) => [row.breakId, row]));
    const signalled = parseCues(playlist, options.cueFormat ?? zone.cueFormat);
    const avails = nameAvails(signalled.slice(0, MAX_LISTED_BREAKS), rows, playlist);
    const entry = state.tracks.length === 0 ? selectEntry(playlist, avails, options) : undefined;
    const tagUrl = zone.availTagUrl ?? zone.adTagUrl;
    const pending: { readonly order: BreakOrder; readonly decision: Promise<BreakRow> }[] = [];

    if (entry && !isShed && !entry.runningAvail && wantsPreRoll(options, zone, context) && !rows.has(PRE_ROLL_ID)) {
      const order = orderPreRoll(playlist, entry.liveIndex);
      pending.push({ order, decision: decideOnce(order, zone.preRollTagUrl ?? "", context, zone.startBudgetMs) });
    }
    for (const avail of avails) {
      if (avail.isPartial) continue;
      const order = orderAvail(avail, avail.id === entry?.runningAvail);
      const row = rows.get(avail.id);
      if (row?.decision || !tagUrl) continue;
      const isMissed = entry !== undefined && isPassedOver(avail, entry, options);
      if (isMissed || isShed) {
        const reason = isMissed ? "policy" : "overload";
        rows.set(avail.id, await deps.decider.decideEmpty(order, reason, context));
      } else {
        const isBeingDecided = row !== undefined && deciding.has(nameDecision(avail.id, context));
        // The rows were read before the content was: what was decided meanwhile is not asked for again.
        const standing = isBeingDecided ? row : await deps.store.noteBreak(state.session.id, avail.id, deps.now());
        rows.set(avail.id, standing);
        const budgetMs = entry ? zone.startBudgetMs : holdOf(playlist) - (deps.now() - (standing.firstListedAt ?? 0));
        if (!standing.decision) pending.push({ order, decision: decideOnce(order, tagUrl, context, budgetMs) });
      }
    }
    const waitMs = entry ? zone.startBudgetMs : MID_STREAM_WAIT_MS;
    const held = await settle(pending, rows, { playlist, context, isEntry: entry !== undefined, waitMs });
    await noteReturns(avails, rows, playlist, context);
    return { avails, rows: [...rows.values()], held, startAtBreak: selectStart(rows) };
  };

  /** Waits for what is being decided; what is not in time is held, or given up for good. */
  async function settle(
    pending: readonly { readonly order: BreakOrder; readonly decision: Promise<BreakRow> }[],
    rows: Map<string, BreakRow>,
    request: {
      readonly playlist: MediaPlaylist;
      readonly context: BreakContext;
      readonly isEntry: boolean;
      readonly waitMs: number;
    },
  ): Promise<readonly BreakOrder[]> {
    if (pending.length === 0) return [];
    const { playlist, context, isEntry, waitMs } = request;
    const over = deps.sleep(waitMs).then(() => undefined);
    const results = await Promise.all(
      pending.map(async ({ order, decision }) => ({ order, row: await Promise.race([decision, over]) })),
    );
    const held: BreakOrder[] = [];
    for (const { order, row } of results) {
      const known = row ?? rows.get(order.breakId);
      const listedMs = deps.now() - (known?.firstListedAt ?? 0);
      // The next refresh is half a target duration away at the earliest: what is held now is held until then.
      const mayHold = order.breakId !== PRE_ROLL_ID && !isEntry && listedMs < holdOf(playlist);
      if (row) rows.set(order.breakId, row);
      else if (mayHold) held.push(order);
      else rows.set(order.breakId, await deps.decider.decideEmpty(order, "ads-timeout", context));
    }
    return held;
  }

  /** Writes down where the content came back early, for renditions that carry no cues. */
  async function noteReturns(
    avails: readonly Avail[],
    rows: Map<string, BreakRow>,
    playlist: MediaPlaylist,
    { state }: BreakContext,
  ): Promise<void> {
    for (const { id, startTime, returnTime, returnMediaSequence: mediaSequence } of avails) {
      const row = rows.get(id);
      if (!row?.decision?.ads.length || row.earlyReturn || mediaSequence === undefined || returnTime === undefined)
        continue;
      // A break of unknown length has no planned end: any return ends it.
      const planned = row.decision.availDuration || Number.POSITIVE_INFINITY;
      if (returnTime > startTime + planned - EPSILON) continue;
      const programDateTime = formatDateOf(playlist, mediaSequence);
      rows.set(id, await deps.store.noteReturn(state.session.id, id, { mediaSequence, programDateTime }));
    }
  }
}

/** Milliseconds from the first listing of an avail for which its segments may be held back. */
function holdOf({ targetDuration }: MediaPlaylist): number {
  return targetDuration * 500;
}

function nameDecision(breakId: string, { state }: BreakContext): string {
  return `${state.session.id} ${breakId}`;
}

/** Where a viewer that has just come enters the window. */
interface Entry {
  /** Index of the segment that playback starts at. */
  readonly liveIndex: number;
  /** Seconds from the first segment. */
  readonly liveTime: number;
  readonly windowDuration: number;
  /** The avail that is running there. */
  readonly runningAvail: string | undefined;
}

function selectEntry(playlist: MediaPlaylist, avails: readonly Avail[], options: SessionOptions): Entry {
  const starts: number[] = [];
  let windowDuration = 0;
  for (const { duration } of playlist.segments) {
    starts.push(windowDuration);
    windowDuration += duration;
  }
  const distance = options.liveTargetMultiplier * playlist.targetDuration + options.liveBufferLength;
  const wanted = windowDuration - distance;
  const liveIndex = Math.max(
    0,
    starts.findLastIndex((start) => start <= wanted + EPSILON),
  );
  const liveTime = starts[liveIndex] ?? 0;
  const running = options.partialBreaks && avails.find((avail) => !avail.isPartial && isRunning(avail, liveTime));
  return { liveIndex, liveTime, windowDuration, runningAvail: running ? running.id : undefined };
}

function isRunning({ startTime, duration, returnTime }: Avail, time: number): boolean {
  const end = returnTime ?? (duration > 0 ? startTime + duration : Number.POSITIVE_INFINITY);
  return startTime < time - EPSILON && time < end - EPSILON;
}

/** Avails before the viewer's entry that get no ads. */
function isPassedOver(avail: Avail, entry: Entry, options: SessionOptions): boolean {
  if (options.adWindow === 0) return true;
  if (avail.id === entry.runningAvail) return false;
  return isRunning(avail, entry.liveTime) || avail.startTime < entry.windowDuration - options.adWindow;
}

function wantsPreRoll(options: SessionOptions, zone: ZoneManifest, { state }: BreakContext): boolean {
  return zone.preRollTagUrl !== undefined && !options.isIosMobileWeb && !state.session.isBackup;
}

function orderPreRoll(playlist: MediaPlaylist, index: number): BreakOrder {
  const mediaSequence = playlist.mediaSequence + index;
  const place = { kind: "live", mediaSequence, programDateTime: formatDateOf(playlist, mediaSequence) } as const;
  const common = { availDuration: 0, maxAds: undefined, attributes: {}, signal: undefined };
  return { breakId: PRE_ROLL_ID, position: "pre", place, ...common };
}

function orderAvail(avail: Avail, isEntry: boolean): BreakOrder {
  const { id, duration, mediaSequence, programDateTime, attributes, signal } = avail;
  const place = { kind: "live", mediaSequence, programDateTime } as const;
  const common = { availDuration: duration, maxAds: undefined, attributes, signal };
  return { breakId: id, position: "mid", place, ...common, ...(isEntry && { isEntry }) };
}

/** Told in every rendition: players take it from whichever they load first, and load some side by side. */
function selectStart(rows: ReadonlyMap<string, BreakRow>): string | undefined {
  const shown = [...rows.values()].filter(({ decision }) => decision !== undefined && decision.ads.length > 0);
  const entered =
    shown.find(({ decision }) => decision?.isEntry) ?? shown.find(({ breakId }) => breakId === PRE_ROLL_ID);
  return entered?.breakId;
}

/** A row as the splice takes it. */
export function toAvailDecision(row: BreakRow, pod: Pod): AvailDecision {
  const { decision, earlyReturn, resumption } = row;
  const at = decision ? placeOf(decision.place) : {};
  if (!decision || pod.ads.length === 0) return { kind: "content", ...at };
  return { kind: "pod", pod, availDuration: decision.availDuration, earlyReturn, resumption, ...at };
}

/** An avail that no playlist may show yet. */
export function holdAvail({ place }: BreakOrder): AvailDecision {
  return { kind: "hold", ...placeOf(place) };
}

function placeOf(place: BreakPlace): Pick<AvailDecision, "programDateTime" | "mediaSequence"> {
  return place.kind === "live" ? { programDateTime: place.programDateTime, mediaSequence: place.mediaSequence } : {};
}
