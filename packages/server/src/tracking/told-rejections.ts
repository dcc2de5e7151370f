/**
 * Rejected lines are told before the transaction that leaves them behind, so that none is lost, and once, however often that transaction
 * is made again.
 */
import type { Segment } from "./journal-segments.ts";

/** Entries that do not get into the database. */
export interface Rejection {
  readonly segment: Segment;
  readonly reason: string;
  /** Their lines, each with its end. */
  readonly lines: readonly string[];
}

export interface RejectedLine {
  /** With its end. */
  readonly line: string;
  /** In bytes from the start of its segment. */
  readonly end: number;
}

/** `broken`: not what was written; `refused`: not to be stored. A segment has its lines of each in order. */
export type RejectedKind = "broken" | "refused";

export interface RejectionTeller {
  /** @returns how many were told, those not that were told before */
  tell(kind: RejectedKind, segment: Segment, lines: readonly RejectedLine[], reason: string): Promise<number>;
  /** The segment is gone. */
  forget(segment: Segment): void;
}

export function createRejectionTeller(onRejected: (rejection: Rejection) => Promise<void>): RejectionTeller {
  const toldTo = { broken: new Map<string, number>(), refused: new Map<string, number>() };
  return {
    tell: async (kind, segment, lines, reason) => {
      const before = toldTo[kind].get(segment.id) ?? 0;
      const news = lines.filter(({ end }) => end > before);
      const last = news.at(-1);
      if (last === undefined) return 0;
      await onRejected({ segment, reason, lines: news.map(({ line }) => line) });
      toldTo[kind].set(segment.id, last.end);
      return news.length;
    },
    forget: ({ id }) => {
      toldTo.broken.delete(id);
      toldTo.refused.delete(id);
    },
  };
}
