/**
 * The answer to a playlist's address with `pttrackingposition`: all the tracking that the client has to do in that playlist.
 *
 * 201 without a body where the playlist has no ads. Whether the client has played this stream (500 if never, 404 if it has left
 * it) is decided before.
 *
 * @see primetime.md §2.2, §1.15
 */
import {
  type Avail,
  buildSidecar,
  type MediaPlaylist,
  type PlacedBreak,
  type RefusedAd,
  type SidecarBreak,
  type SidecarSignal,
} from "@interlude/core";
import type { BreakDecision, DecidedTracker } from "../breaks/decision.ts";
import type { SessionOptions, TrackingMode } from "../options.ts";
import { findAd } from "./schedule.ts";
import type { RequestTrace } from "../trace.ts";

/** One playlist as it was stitched for the session. */
export interface SidecarQuestion {
  /** undefined: v1. */
  readonly version: SessionOptions["trackingVersion"];
  readonly mode: TrackingMode;
  /** The stitched playlist. */
  readonly text: string;
  readonly placed: readonly PlacedBreak[];
  readonly refused: readonly RefusedAd[];
  /** Of all breaks of the session, by break id. */
  readonly decisions: ReadonlyMap<string, BreakDecision>;
  /** Needed for the cues of `scteTracking`, and in live for breaks without ads. */
  readonly content?: SidecarContent;
  readonly isScteTracked: boolean;
  readonly trace: RequestTrace;
}

/** The playlist that ads went into. */
export interface SidecarContent {
  readonly isLive: boolean;
  readonly playlist: Pick<MediaPlaylist, "segments">;
  readonly avails: readonly Avail[];
}

/** What goes out; `contentType` also where there is no body. */
export interface SidecarAnswer {
  readonly status: 200 | 201;
  readonly contentType: string;
  readonly body: string;
}

/** Also adds TRACE_TRACKING_REQUEST and its URLs to the trace. */
export function answerSidecar(question: SidecarQuestion): SidecarAnswer {
  const { version = "v1", text, placed, decisions, isScteTracked, trace } = question;
  const endTime = playlistDuration(text);
  const times = placeBreaks(question, endTime);
  const isServerFired = question.mode === "sstm" || question.mode === "simplesstm";
  const breaks = [...decisions.values()].flatMap((decision) => {
    const time = times.get(decision.breakId);
    if (time === undefined) return [];
    const known = placed.find(({ breakId }) => breakId === decision.breakId);
    const entry = describeBreak(decision, known, time, question.refused);
    // Without a segment nothing makes this server fire.
    return [isServerFired && entry.ads.length > 0 ? withoutServerFired(entry) : entry];
  });
  traceUrls(breaks, endTime, trace);
  const signals = isScteTracked ? listSignals(question, times) : undefined;
  const { contentType, body } = buildSidecar(version, { startTime: 0, endTime, breaks, signals });
  const hasAds = breaks.some(({ ads, trackers }) => ads.length > 0 || trackers.some(isBreakEdge));
  return hasAds ? { status: 200, contentType, body } : { status: 201, contentType, body: "" };
}

/** Seconds. */
function playlistDuration(text: string): number {
  let total = 0;
  for (const [, seconds] of text.matchAll(/^#EXTINF:[ \t]*([\d.]+)/gm)) total += Number.parseFloat(seconds ?? "") || 0;
  return total;
}

/**
 * Where each break and each avail starts in the stitched playlist, by id; one whose place is not known is left out. Live, the
 * stitched edge is at most half a segment away from the content's, so what was not spliced is that far from where it is said to be.
 */
function placeBreaks(question: SidecarQuestion, endTime: number): ReadonlyMap<string, number> {
  const { placed, decisions, content } = question;
  const times = new Map<string, number>();
  if (content) {
    const contentEnd = content.playlist.segments.reduce((total, { duration }) => total + duration, 0);
    for (const { id, startTime } of content.avails) {
      times.set(id, content.isLive ? startTime + endTime - contentEnd : stitchedTime(startTime, placed, decisions));
    }
  }
  for (const { breakId, place, planned } of decisions.values()) {
    if (planned || place.kind !== "vod") continue;
    times.set(breakId, place.time === "end" ? endTime : stitchedTime(place.time, placed, decisions));
  }
  for (const { breakId, startTime } of placed) times.set(breakId, startTime);
  return times;
}

/** A time of VOD content on the stitched timeline. */
function stitchedTime(
  time: number,
  placed: readonly PlacedBreak[],
  decisions: ReadonlyMap<string, BreakDecision>,
): number {
  const before = placed.findLast(({ contentTime }) => contentTime <= time);
  if (!before) return time;
  const place = decisions.get(before.breakId)?.place;
  const replaced = place?.kind === "vod" ? place.replaces : 0;
  const sinceReturn = Math.max(0, time - before.contentTime - replaced);
  return before.startTime + before.duration + sinceReturn;
}

function describeBreak(
  decision: BreakDecision,
  placed: PlacedBreak | undefined,
  startTime: number,
  refused: readonly RefusedAd[],
): SidecarBreak {
  const { breakId, trackers, skipped } = decision;
  const ads = (placed?.ads ?? []).flatMap((spliced) => {
    const ad = decision.ads[findAd(decision, spliced.adId, spliced.index)];
    return ad ? [{ ...ad, startTime: spliced.startTime, duration: spliced.duration }] : [];
  });
  const left = refused.filter((entry) => entry.breakId === breakId).map((entry) => describeRefused(entry, decision));
  return { breakId, startTime, duration: placed?.duration ?? 0, ads, trackers, skipped: [...skipped, ...left] };
}

function describeRefused({ adId, index, reason }: RefusedAd, decision: BreakDecision) {
  const ad = decision.ads[findAd(decision, adId, index)];
  return { adId, adSystem: ad?.adSystem ?? "", creativeId: ad?.creativeId, reason };
}

/** What is left to the client: what the viewer does, errors, clicks and companions. */
function withoutServerFired(entry: SidecarBreak): SidecarBreak {
  const isClients = (tracker: DecidedTracker): boolean => tracker.time === undefined && !isBreakEdge(tracker);
  return {
    ...entry,
    trackers: entry.trackers.filter(isClients),
    ads: entry.ads.map((ad) => ({ ...ad, trackers: ad.trackers.filter(isClients) })),
  };
}

/** An empty break owes these too. */
function isBreakEdge({ event }: DecidedTracker): boolean {
  return /^break(?:start|end)$/i.test(event);
}

/** The cues of the playlist, and those of breaks that are still played while their cues have left it. */
function listSignals(
  { decisions, content }: SidecarQuestion,
  times: ReadonlyMap<string, number>,
): readonly SidecarSignal[] {
  const decided = [...decisions.values()].map(({ breakId: id, signal, place }) => {
    return { id, signal, programDateTime: place.kind === "live" ? place.programDateTime : undefined };
  });
  const byId = new Map([...decided, ...(content?.avails ?? [])].map((cue) => [cue.id, cue]));
  return [...byId.values()].flatMap(({ id, signal, programDateTime }) => {
    const startTime = times.get(id);
    if (!signal || startTime === undefined) return [];
    const date = Date.parse(programDateTime ?? "") / 1000;
    return [{ ...signal, startTime, date: Number.isFinite(date) ? date : undefined }];
  });
}

function traceUrls(breaks: readonly SidecarBreak[], endTime: number, { records }: RequestTrace): void {
  const urls = breaks.flatMap((entry) => [
    ...entry.trackers.map(({ url, time = 0 }) => [entry.startTime + time, entry.ads[0]?.adSystem, url] as const),
    ...entry.ads.flatMap(({ startTime, adSystem, trackers }) =>
      trackers.map(({ url, time = 0 }) => [startTime + time, adSystem, url] as const),
    ),
  ]);
  records.push({ type: "TRACE_TRACKING_REQUEST", fields: [urls.length, 0, endTime] });
  for (const fields of urls) records.push({ type: "TRACE_TRACKING_REQUEST_URL", fields });
}
