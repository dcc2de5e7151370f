/**
 * A break on its way from the ad server's schedule to the playlists.
 */
import type { SkipReason } from "@interlude/core";
import type { PlannedBreak } from "./planned-break.ts";
import type { ReadyAd, ResolvedBreak, SkippedAd } from "../insertion.ts";
import type { BreakTerms } from "./wait-deadline.ts";

/** A break and what has become of it. `ready`: its ads are there, but no playlist shows them yet. */
export interface BreakEntry {
  readonly planned: PlannedBreak;
  /** Seconds of content; undefined until the content is known, and in live. */
  time: number | "end" | undefined;
  status: "pending" | "ready" | "placed" | "skipped";
  reason: SkipReason | undefined;
  ads: readonly ReadyAd[];
  /** Those of `ads` that are left out after all. */
  readonly refused: Set<ReadyAd>;
  /** Those of `ads` that cannot be played to their end, and stay listed; absent: none. */
  broken?: Set<ReadyAd>;
}

/** A break of which nothing is known but its plan. */
export function createEntry(planned: PlannedBreak): BreakEntry {
  return { planned, time: undefined, status: "pending", reason: undefined, ads: [], refused: new Set() };
}

/** What the breaks of VOD and of live content ask of their session. */
export interface SessionPorts {
  readonly startBudgetMs: number;
  /** Of the start, while an ad of the pre-roll is waited for; less than `startBudgetMs` counts as that. */
  readonly waitBudgetMs: number;
  readonly now: () => number;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
  readonly resolve: (planned: PlannedBreak, onHopeless: () => void, terms: BreakTerms) => Promise<ResolvedBreak>;
  readonly reportSkipped: (entry: BreakEntry, skipped: readonly SkippedAd[]) => void;
  /**
   * Takes what has become of a break: its ads, and what is told of the others.
   *
   * @returns false where there is nothing to show, or where the break was skipped meanwhile
   */
  readonly takeResolved: (entry: BreakEntry, resolved: ResolvedBreak) => boolean;
  /**
   * @param told what {@link reportSkipped} has told of it already; empty: nothing
   * @param message why, where the reason alone does not say it
   */
  readonly skipBreak: (entry: BreakEntry, reason: SkipReason, told: readonly SkippedAd[], message?: string) => void;
  /** A break was decided after the playlists had been handed over. */
  readonly onLateChange: () => void;
}
