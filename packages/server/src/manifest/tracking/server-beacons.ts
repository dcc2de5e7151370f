/**
 * The beacons that this server fires for a viewer, when one of an ad's segments was handed out.
 *
 *   what the segment owes    → by its place in the ad, for all renditions alike
 *   once per session         → claimed before it is sent, never sent again: whether a lost answer means a lost beacon is unknowable
 *   in the viewer's name     → X-Forwarded-For, User-Agent, X-Device-User-Agent; the cookies that its ad server set
 *   beside the media         → nothing waits for it, and nothing that it meets is an error of the segment
 *
 * @see primetime.md §2.1, §1.15 (TRACE_TRACKING_URL, TRACE_PLAYBACK_PROGRESS); VAST 4.3 §6 (macros)
 */
import { expandMacros, parseAdUrl } from "@interlude/core";
import { buildAdHeaders } from "../ads/ad-headers.ts";
import { adMacros } from "../ads/ad-macros.ts";
import { type BeaconLimits, createBeaconQueue } from "./beacon-queue.ts";
import type { BreakDecision } from "../breaks/decision.ts";
import type { ManifestFetchOptions } from "../manifest-fetch.ts";
import { type DueBeacon, selectDue, selectSkipped } from "./schedule.ts";
import type { SegmentLink } from "./segment-links.ts";
import type { SessionState, SessionStore, Viewer } from "../session/session.ts";
import type { TraceRecord } from "../trace.ts";

/** `refused`: answered with an error; `failed`: not answered; `dropped`: too many on their way; `lost`: sessions were away. */
export type BeaconOutcome = "sent" | "refused" | "failed" | "dropped" | "lost";

export interface ServerBeaconsDeps {
  /** GET; any answer is a value, its body is read and not looked at. */
  readonly fetch: (url: URL, options: ManifestFetchOptions) => Promise<{ readonly status: number }>;
  readonly store: Pick<SessionStore, "load" | "claim">;
  readonly count: (event: string, outcome: BeaconOutcome) => void;
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
   * Tells ad servers which of their ads were skipped, with the VAST error number: of a decision that this server was the first to
   * write, in every tracking mode, because no client ever hears of these ads. Returns at once and never throws.
   */
  readonly reportSkipped: (sessionId: string, decision: BreakDecision) => void;
  /** When all that was reported has ended. */
  readonly idle: () => Promise<void>;
  /** Drops what waits to be sent and resolves when the rest has ended. */
  readonly close: () => Promise<void>;
}

const TIMEOUT_MS = 3000;
const MAX_ANSWER_BYTES = 65_536;

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
  const queue = createBeaconQueue(deps.limits);
  const reports = new Set<Promise<void>>();

  const send = async (beacon: DueBeacon, url: URL, { state, startTime }: Report): Promise<void> => {
    const headers = buildAdHeaders(state.session.viewer, state.cookies, url, deps.now());
    const options = { headers, timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER_BYTES };
    const status = await deps.fetch(url, options).then(
      (answer) => answer.status,
      () => undefined,
    );
    deps.count(beacon.event, status === undefined ? "failed" : status < 400 ? "sent" : "refused");
    const fields = [beacon.time ?? startTime, beacon.ad?.adSystem, url.href, status ?? 0];
    deps.trace({ type: "TRACE_TRACKING_URL", fields }, state.session.id);
  };

  const fire = async (beacon: DueBeacon, report: Report): Promise<void> => {
    const url = beaconUrl(beacon, report, deps.now());
    if (!url) return;
    // A claim that cannot be honoured would silence the next request for the same segment too.
    if (!queue.hasRoom(url.host)) return deps.count(beacon.event, "dropped");
    if (!(await deps.store.claim(report.state.session.id, beacon.key))) return;
    if (!queue.push(url.host, () => send(beacon, url, report))) deps.count(beacon.event, "dropped");
  };

  const fireAll = async (due: readonly DueBeacon[], report: Report): Promise<void> => {
    await Promise.all(due.map((beacon) => fire(beacon, report).catch(() => deps.count(beacon.event, "lost"))));
  };

  const reportSegment = async (link: SegmentLink): Promise<void> => {
    const state = await deps.store.load(link.sessionId);
    const decision = state?.breaks.find((row) => row.breakId === link.breakId)?.decision;
    if (state && decision) await fireAll(selectDue(decision, link), { ...link, state, decision });
  };

  const reportSkipped = async (sessionId: string, decision: BreakDecision): Promise<void> => {
    const due = selectSkipped(decision);
    const state = due.length > 0 ? await deps.store.load(sessionId) : undefined;
    if (state) await fireAll(due, { state, decision, isHybrid: false, startTime: 0 });
  };

  const follow = (running: Promise<void>, event: string): void => {
    const ended = running.catch(() => deps.count(event, "lost"));
    reports.add(ended);
    void ended.finally(() => reports.delete(ended));
  };

  const settle = async (): Promise<void> => {
    while (reports.size > 0) await Promise.all(reports);
  };

  return {
    report: (link, client) => {
      deps.trace({ type: "TRACE_PLAYBACK_PROGRESS", fields: progressFields(link, client, deps.now()) }, link.sessionId);
      follow(reportSegment(link), "segment");
    },
    reportSkipped: (sessionId, decision) => follow(reportSkipped(sessionId, decision), "error"),
    idle: async () => {
      await settle();
      await queue.idle();
    },
    close: async () => {
      const closing = queue.close();
      await settle();
      await closing;
      await queue.idle();
    },
  };
}

/** Bandwidth is not known: one ad rendition serves several variants. */
function progressFields(link: SegmentLink, client: SegmentClient, now: number): TraceRecord["fields"] {
  return [302, undefined, link.startTime, now, link.target, client.userAgent, client.dnt, client.ip, client.ip];
}

/** Macros filled in; undefined where that is no http(s) address. */
function beaconUrl(beacon: DueBeacon, { isHybrid, state, decision }: Report, now: number): URL | undefined {
  const { breakId, position, place, availDuration } = decision;
  const request = { session: state.session, breakId, position, attributes: {} };
  const text = expandMacros(beacon.url, {
    ...adMacros({ ...request, availDuration: availDuration || undefined }, now),
    SERVERSIDE: isHybrid ? 2 : 1,
    ERRORCODE: beacon.vastError,
    ADPLAYHEAD: beacon.time,
    MEDIAPLAYHEAD: place.kind === "vod" && place.time !== "end" ? place.time : undefined,
    CONTENTPLAYHEAD: place.kind === "vod" && place.time !== "end" ? place.time : undefined,
    ASSETURI: beacon.ad?.playlistUrl,
    PODSEQUENCE: beacon.ad?.sequence,
  });
  const href = parseAdUrl(text);
  return href !== undefined && URL.canParse(href) ? new URL(href) : undefined;
}
