/**
 * A session: one viewer (or group of viewers) of one asset, from the bootstrap on. What it remembers is either in memory or in
 * PostgreSQL; in the latter case any instance answers any request.
 *
 * @see primetime.md §1.5; DESIGN §8
 */
import type { LiveTimeline } from "@interlude/core";
import type { BreakDecision, BreakRow, EarlyReturn, Resumption } from "../breaks/decision.ts";
import type { BreakSummary } from "./session-list.ts";

/** Who watches, as far as ad servers are told (VAST 4.3 §1.6: X-Device-User-Agent, X-Device-IP). */
export interface Viewer {
  readonly ip: string;
  /** Characters below ASCII 32 removed; empty where none came. */
  readonly userAgent: string;
  /** The page, and the languages, where the client told them. */
  readonly referer?: string;
  readonly acceptLanguage?: string;
}

/** What never changes after the bootstrap. */
export interface Session {
  /** A UUID; the `groupId` of Primetime's stream URLs. */
  readonly id: string;
  readonly zone: string;
  readonly assetId: string;
  /** The content's master playlist, absolute. */
  readonly contentUrl: string;
  /** The bootstrap's query, in the client's spelling and order, without `?`; every parameter goes to the ad server. */
  readonly query: string;
  /** The set of renditions that is for failover: it has no pre-roll (primetime.md §1.10). */
  readonly isBackup: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly viewer: Viewer;
}

/** All that is known of a session at one moment. */
export interface SessionState {
  readonly session: Session;
  /** `Set-Cookie` lines kept for one host each, as {@link SessionStore.saveCookies} got them; empty at first. */
  readonly cookies: readonly StoredCookie[];
  readonly breaks: readonly BreakRow[];
  /** By track, in the order of {@link tracks}. */
  readonly timelines: ReadonlyMap<string, LiveTimeline>;
  /** Tracks whose playlist was asked for, the one asked for last at the end. */
  readonly tracks: readonly string[];
}

export interface StoredCookie {
  readonly host: string;
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Milliseconds since 1970; undefined: as long as the session. */
  readonly expiresAt: number | undefined;
  /** Only for https. */
  readonly isSecure?: boolean;
}

export interface SessionListFilter {
  readonly zone: string | undefined;
  /** At least 1. */
  readonly limit: number;
  /** `next` of the page before; undefined: the first page. */
  readonly before: string | undefined;
}

/** The sessions that began last, newest first. */
export interface SessionList {
  readonly sessions: readonly ListedSession[];
  /** Sessions that are alive and that the filter takes, on all pages. */
  readonly total: number;
  /** undefined: there are no more. */
  readonly next: string | undefined;
}

export interface ListedSession {
  readonly session: Session;
  /** Milliseconds since 1970; in a database to the minute. */
  readonly usedAt: number;
  /** undefined: no media playlist was asked for yet. */
  readonly kind: "live" | "vod" | undefined;
  /** Of each break that was decided. */
  readonly breaks: readonly BreakSummary[];
}

/** One session with its breaks in the order in which they were first listed. */
export interface ShownSession extends ListedSession {
  readonly rows: readonly BreakRow[];
}

/** Rejects only where the database is away. */
export interface SessionStore {
  create(session: Session): Promise<void>;
  /** Keeps the session alive; undefined: never made, or forgotten. */
  load(id: string): Promise<SessionState | undefined>;
  /** Remembers when a break was first listed; the row that stands. */
  noteBreak(id: string, breakId: string, firstListedAt: number): Promise<BreakRow>;
  /** The first writer wins; the row that stands. */
  decide(id: string, decision: BreakDecision): Promise<BreakRow>;
  /** The first writer wins; the row that stands. */
  noteReturn(id: string, breakId: string, earlyReturn: EarlyReturn): Promise<BreakRow>;
  /** The first writer wins; the row that stands. */
  noteResumption(id: string, breakId: string, resumption: Resumption): Promise<BreakRow>;
  /** Also puts the track at the end of `tracks`; `timeline` is undefined in VOD. */
  saveTrack(id: string, track: string, timeline: LiveTimeline | undefined): Promise<void>;
  /** Adds or replaces by host and name. */
  saveCookies(id: string, cookies: readonly StoredCookie[]): Promise<void>;
  /** True for the first who asks with this key: a beacon is sent once. */
  claim(id: string, key: string): Promise<boolean>;
  /** Sessions that are alive. */
  count(): Promise<number>;
  /** Those that are alive, for an operator: it is no use of them. `before` that is none of ours is the first page. */
  list(filter: SessionListFilter): Promise<SessionList>;
  /** One of them; undefined: never made, or forgotten. */
  show(id: string): Promise<ShownSession | undefined>;
  close(): Promise<void>;
}
