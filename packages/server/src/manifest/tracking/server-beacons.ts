/**
 * The beacons that this server fires for a viewer, when one of an ad's segments was handed out.
 *
 *   what the segment owes    → by its place in the ad, for all renditions alike
 *   once per session         → claimed before it is kept, and never sent again once it may have been taken (outbox.ts)
 *   in the viewer's name     → X-Forwarded-For, User-Agent, X-Device-User-Agent; the cookies that its ad server set
 *   beside the media         → nothing waits for it, and nothing that it meets is an error of the segment
 *
 * @see primetime.md §2.1, §1.15 (TRACE_TRACKING_URL, TRACE_PLAYBACK_PROGRESS); VAST 4.3 §6 (macros)
 */
import { expandMacros, parseAdUrl } from "@interlude/core";
import type { NoteEvent } from "../../noted-event.ts";
import { buildAdHeaders } from "../ads/ad-headers.ts";
import { adMacros } from "../ads/ad-macros.ts";
import type { BreakDecision } from "../breaks/decision.ts";
import { listNotedSkips } from "./noted-skips.ts";
import { BEACON_LIMITS, type BeaconLimits, createOutbox, type Outbox } from "./outbox.ts";
import { isTooLong } from "./outbox-bounds.ts";
import { createMemoryOutbox } from "./outbox-memory.ts";
import type { OutboxBeacon, OutboxRows } from "./outbox-rows.ts";
import { type BeaconFetch, createBeaconSend } from "./outbox-send.ts";
import type { RetryCause } from "./outbox-retry.ts";
import type { ReadOwnError } from "./own-error.ts";
import { type DueBeacon, selectDue, selectSkipped, type SkipMoment } from "./schedule.ts";
import type { SegmentLink } from "./segment-links.ts";
import type { SessionState, SessionStore, Viewer } from "../session/session.ts";
import type { TraceRecord } from "../trace.ts";

/**
 * `refused`: answered with an error; `failed`: not answered, or never reached; `dropped`: no room, or it waited for too long;
 * `lost`: sessions or outbox were away.
 */
export type BeaconOutcome = "sent" | "refused" | "failed" | "dropped" | "lost";

export interface ServerBeaconsDeps {
  readonly fetch: BeaconFetch;
  readonly store: Pick<SessionStore, "load" | "claim">;
  /** Where they wait; in memory where it is not given. */
  readonly rows?: OutboxRows;
  readonly count: (event: string, outcome: BeaconOutcome) => void;
  readonly countRetry?: (cause: RetryCause) => void;
  /** For the report. */
  readonly note?: NoteEvent;
  /** Which `<Error>` URLs are this server's own; none where it is not given. */
  readonly readOwnError?: ReadOwnError;
  /** Of the outbox's database. */
  readonly onError?: (error: unknown) => void;
  /** For the log. */
  readonly trace: (record: TraceRecord, sessionId: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly limits?: BeaconLimits;
}

/** Who fetched a segment; `ip` and `userAgent` of this very request. */
export interface SegmentClient extends Pick<Viewer, "ip" | "userAgent"> {
  readonly dnt: string | undefined;
}

/** The beacons of all sessions. */
export interface ServerBeacons {
  /** Returns at once and never throws. A session or a decision that is not known owes nothing. */
  readonly report: (link: SegmentLink, client: SegmentClient) => void;
  /**
   * Tells ad servers, and the report, which ads were skipped, with the VAST error number, in every tracking mode, because no client ever
   * hears of these ads: of a decision that this server was the first to write, and of what came after it. Returns at once and never throws.
   */
  readonly reportSkipped: (sessionId: string, decision: BreakDecision, when: SkipMoment) => void;
  /** When all that was reported has ended, but for what is to be sent again later. */
  readonly idle: () => Promise<void>;
  /** Begins nothing more, and resolves when what is under way has ended; what waits stays where it is kept. */
  readonly close: () => Promise<void>;
}

/** Reports that wait for sessions or outbox; a segment that is handed out while so many do owes nothing. */
const MAX_REPORTS = 10_000;

/** What beacons that are due together have in common. */
interface Report {
  readonly state: SessionState;
  readonly decision: BreakDecision;
  readonly isHybrid: boolean;
  /** Seconds from the start of the ad. */
  readonly startTime: number;
}

/** One for the whole server: the limits are its. */
export function createServerBeacons(deps: ServerBeaconsDeps): ServerBeacons {
  const { readOwnError = () => undefined } = deps;
  const outbox = openOutbox(deps);
  const reports = followReports((event) => deps.count(event, "lost"));

  const fire = async (beacon: DueBeacon, report: Report): Promise<void> => {
    const url = beaconUrl(beacon, report, deps.now());
    if (!url) return;
    const request = describeRequest(beacon, url, report, deps.now());
    if (!request || !outbox.hasRoom(url.host)) return deps.count(beacon.event, "dropped");
    const kept = await outbox.addOwed({ beacon: request, claim: beacon.key });
    if (kept === "full") deps.count(beacon.event, "dropped");
  };

  const fireAll = async (due: readonly DueBeacon[], report: Report): Promise<void> => {
    await Promise.all(due.map((beacon) => fire(beacon, report).catch(() => deps.count(beacon.event, "lost"))));
  };

  const reportSegment = async (link: SegmentLink): Promise<void> => {
    const state = await deps.store.load(link.sessionId);
    const decision = state?.breaks.find((row) => row.breakId === link.breakId)?.decision;
    if (state && decision) await fireAll(selectDue(decision, link), { ...link, state, decision });
  };

  const reportSkipped = async (sessionId: string, decision: BreakDecision, when: SkipMoment): Promise<void> => {
    const state = decision.skipped.length > 0 ? await deps.store.load(sessionId) : undefined;
    if (!state) return;
    for (const skip of listNotedSkips(decision, state.session, readOwnError)) deps.note?.(skip);
    await fireAll(selectSkipped(decision, when), { state, decision, isHybrid: false, startTime: 0 });
  };

  return {
    report: (link, client) => {
      deps.trace({ type: "TRACE_PLAYBACK_PROGRESS", fields: progressFields(link, client, deps.now()) }, link.sessionId);
      reports.add(() => reportSegment(link), "segment");
    },
    reportSkipped: (sessionId, decision, when) => reports.add(() => reportSkipped(sessionId, decision, when), "error"),
    idle: async () => {
      await reports.settle();
      await outbox.idle();
    },
    close: async () => {
      await reports.settle();
      await outbox.close();
    },
  };
}

interface Reports {
  readonly add: (run: () => Promise<void>, event: string) => void;
  readonly settle: () => Promise<void>;
}

function followReports(onLost: (event: string) => void): Reports {
  const running = new Set<Promise<void>>();
  return {
    add: (run, event) => {
      if (running.size >= MAX_REPORTS) return onLost(event);
      const ended = run().catch(() => onLost(event));
      running.add(ended);
      void ended.finally(() => running.delete(ended));
    },
    settle: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

function openOutbox(deps: ServerBeaconsDeps): Outbox {
  const { fetch, now, count, trace, countRetry, onError, limits = BEACON_LIMITS } = deps;
  return createOutbox({
    rows: deps.rows ?? createMemoryOutbox(limits),
    claim: (sessionId, key) => deps.store.claim(sessionId, key),
    send: createBeaconSend({ fetch, now }),
    onEnd: ({ event }, outcome) => count(event, outcome),
    onRequest: ({ sessionId, time, adSystem, url }, status) =>
      trace({ type: "TRACE_TRACKING_URL", fields: [time, adSystem || undefined, url, status] }, sessionId),
    ...(countRetry && { onRetry: countRetry }),
    ...(onError && { onError }),
    now,
    limits,
  });
}

/** Undefined where it is too long to be kept. */
function describeRequest(
  { event, time, ad }: DueBeacon,
  url: URL,
  { state, startTime }: Report,
  now: number,
): OutboxBeacon | undefined {
  const { session, cookies } = state;
  const headers = buildAdHeaders(session.viewer, cookies, url, now);
  if (isTooLong({ url: url.href, headers })) return undefined;
  const about = { sessionId: session.id, event, time: time ?? startTime, adSystem: ad?.adSystem ?? "" };
  return { ...about, url: url.href, headers };
}

/** Bandwidth is not known: one ad rendition serves several variants. */
function progressFields(link: SegmentLink, client: SegmentClient, now: number): TraceRecord["fields"] {
  return [302, undefined, link.startTime, now, link.target, client.userAgent, client.dnt, client.ip, client.ip];
}

/** Macros filled in; undefined where that is no http(s) address. */
function beaconUrl(beacon: DueBeacon, { isHybrid, state, decision }: Report, now: number): URL | undefined {
  const { breakId, position, place, availDuration } = decision;
  const request = { session: state.session, breakId, position, attributes: {} };
  const values = {
    ...adMacros({ ...request, availDuration: availDuration || undefined }, now),
    SERVERSIDE: isHybrid ? 2 : 1,
    ERRORCODE: beacon.vastError,
    ADPLAYHEAD: beacon.time,
    MEDIAPLAYHEAD: place.kind === "vod" && place.time !== "end" ? place.time : undefined,
    CONTENTPLAYHEAD: place.kind === "vod" && place.time !== "end" ? place.time : undefined,
    ASSETURI: beacon.ad?.playlistUrl,
    PODSEQUENCE: beacon.ad?.sequence,
  };
  const text = expandMacros(beacon.url, values, { INTERLUDE_REASON: beacon.reason });
  const href = parseAdUrl(text);
  return href !== undefined && URL.canParse(href) ? new URL(href) : undefined;
}
