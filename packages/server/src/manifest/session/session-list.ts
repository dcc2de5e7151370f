/** What a list of sessions needs: what became of the breaks, in few words, and where a page ends. */
import type { BreakDecision, BreakRow } from "../breaks/decision.ts";

/** What a list counts of a decision. Survives JSON. */
export interface BreakSummary {
  readonly ads: number;
  /** Ads that were left out, by their skip reason. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** undefined: not decided yet, or a plan, which is no break of its own. */
export function summariseDecision(decision: BreakDecision | undefined): BreakSummary | undefined {
  if (decision === undefined || decision.planned !== undefined) return undefined;
  return { ads: decision.ads.length, skipped: countReasons(decision.skipped.map(({ reason }) => reason)) };
}

/** Of all breaks together. */
export function addSummaries(breaks: readonly BreakSummary[]): BreakSummary {
  const skipped: Record<string, number> = {};
  let ads = 0;
  for (const one of breaks) {
    ads += one.ads;
    for (const [reason, count] of Object.entries(one.skipped)) skipped[reason] = (skipped[reason] ?? 0) + count;
  }
  return { ads, skipped };
}

export function summariseRows(rows: readonly BreakRow[]): readonly BreakSummary[] {
  return rows.flatMap(({ decision }) => summariseDecision(decision) ?? []);
}

/** Live content has timelines, VOD has none. */
export function kindOfTracks(tracks: readonly { readonly isLive: boolean }[]): "live" | "vod" | undefined {
  if (tracks.length === 0) return undefined;
  return tracks.some(({ isLive }) => isLive) ? "live" : "vod";
}

/** Where a page ends: when its last session began, in a unit of the store's own, and its id. */
export interface ListPosition {
  readonly startedAt: bigint;
  readonly id: string;
}

const POSITION = /^(\d{1,18})\.([\w-]{1,64})$/;

export function formatPosition({ startedAt, id }: ListPosition): string {
  return `${startedAt}.${id}`;
}

/** undefined: not one of ours. */
export function parsePosition(text: string): ListPosition | undefined {
  const [, startedAt = "", id = ""] = POSITION.exec(text) ?? [];
  return id === "" ? undefined : { startedAt: BigInt(startedAt), id };
}

function countReasons(reasons: readonly string[]): BreakSummary["skipped"] {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
