/** What the store in memory knows of a session, as objects or in few bytes. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { LiveTimeline } from "@interlude/core";
import type { BreakRow } from "../breaks/decision.ts";
import type { Session, StoredCookie } from "./session.ts";

export interface SessionFacts {
  readonly session: Session;
  readonly cookies: readonly StoredCookie[];
  readonly breaks: readonly BreakRow[];
  /** The one asked for last at the end. */
  readonly tracks: readonly Track[];
  readonly claims: readonly string[];
}

/** One rendition of a session; `timeline` is undefined in VOD. */
export interface Track {
  readonly name: string;
  readonly timeline: LiveTimeline | undefined;
}

/** Half of the time of zlib's defaults, for 6 % more bytes: measured on sessions with one break of two ads. */
const FAST = { level: 1, windowBits: 13, memLevel: 6 } as const;

/** A session as text of one byte per character: 16 bytes of overhead, where a `Buffer` of its own has about 300. */
export function packSession(facts: SessionFacts): string {
  return deflateRawSync(JSON.stringify(facts), FAST).toString("latin1");
}

/** The session that was packed; what was `undefined` is absent. */
export function unpackSession(text: string): SessionFacts {
  return JSON.parse(inflateRawSync(Buffer.from(text, "latin1")).toString());
}
