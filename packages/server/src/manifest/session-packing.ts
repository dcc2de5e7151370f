/**
 * Live timelines and sessions in few bytes. The times of a timeline's segments follow from their durations, so only where they do
 * not is anything said about them.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { LiveTimeline } from "@interlude/core";
import type { BreakRow } from "./decision.ts";
import type { Session, StoredCookie } from "./session.ts";

type TimedSegment = LiveTimeline["segments"][number];

/** A timeline with its segments in columns. Survives JSON. */
export type PackedTimeline = Omit<LiveTimeline, "segments"> & { readonly segments: PackedSegments };

/** `marks`: index, start, discontinuity and discontinuities of segments that do not simply go on where the one before ends. */
interface PackedSegments {
  readonly durations: readonly number[];
  readonly marks: readonly (readonly [index: number, start: number, discontinuity: number, discontinuities: number])[];
}

/** What the store in memory knows of a session. */
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

type PackedFacts = Omit<SessionFacts, "tracks"> & {
  readonly tracks: readonly { readonly name: string; readonly timeline: PackedTimeline | undefined }[];
};

export function packTimeline(timeline: LiveTimeline): PackedTimeline {
  const durations: number[] = [];
  const marks: [number, number, number, number][] = [];
  let before: TimedSegment | undefined;
  for (const [index, segment] of timeline.segments.entries()) {
    const { start, duration, discontinuity, discontinuities } = segment;
    durations.push(duration);
    if (!before || !goesOn(segment, before)) marks.push([index, start, discontinuity, discontinuities]);
    before = segment;
  }
  return { ...timeline, segments: { durations, marks } };
}

function goesOn(segment: TimedSegment, before: TimedSegment): boolean {
  return (
    segment.discontinuities === 0 &&
    segment.discontinuity === before.discontinuity &&
    segment.start === before.start + before.duration
  );
}

/** The timeline that was packed, to the last bit. */
export function unpackTimeline(packed: PackedTimeline): LiveTimeline {
  const { durations, marks } = packed.segments;
  let next = 0;
  let [start, discontinuity] = [0, 0];
  const segments = durations.map((duration, index): TimedSegment => {
    const mark = marks[next];
    let discontinuities = 0;
    if (mark?.[0] === index) {
      [, start, discontinuity, discontinuities] = mark;
      next += 1;
    }
    const segment = { start, duration, discontinuity, discontinuities };
    start += duration;
    return segment;
  });
  return { ...packed, segments };
}

/** A session as text of one byte per character: 16 bytes of overhead, where a `Buffer` of its own has about 300. */
export function packSession(facts: SessionFacts): string {
  const tracks = facts.tracks.map(({ name, timeline }) => ({ name, timeline: timeline && packTimeline(timeline) }));
  const packed: PackedFacts = { ...facts, tracks };
  return deflateRawSync(JSON.stringify(packed), { memLevel: 8 }).toString("latin1");
}

/** The session that was packed; what was `undefined` is absent. */
export function unpackSession(text: string): SessionFacts {
  const packed: PackedFacts = JSON.parse(inflateRawSync(Buffer.from(text, "latin1")).toString());
  const tracks = packed.tracks.map(({ name, timeline }) => ({ name, timeline: timeline && unpackTimeline(timeline) }));
  return { ...packed, tracks };
}

/** Where a track stands: content is listed through one number, and known from `first` up to `edge`, which is not included. */
export interface TrackPosition {
  readonly listedThrough: number;
  readonly first: number;
  readonly edge: number;
}

export function positionOf({ listedThrough, firstMediaSequence: first, segments }: LiveTimeline): TrackPosition {
  return { listedThrough, first, edge: first + segments.length };
}

/**
 * False for a refresh that was overtaken by a later one. A window that lies wholly before what is known is no old refresh: the
 * stream began anew.
 */
export function isCurrent(next: TrackPosition, known: TrackPosition): boolean {
  if (next.edge < known.first || next.listedThrough > known.listedThrough) return true;
  return next.listedThrough === known.listedThrough && next.edge >= known.edge;
}
