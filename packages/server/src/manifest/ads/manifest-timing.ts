/**
 * The time that a request spends on fetching ad playlists: all fetches added up, and the time in which any was under way.
 *
 * @see primetime.md §1.15 (X-ADBE-AI-X1: ad manifest fetch ms, sum and parallel)
 */
import type { RequestTrace } from "../trace.ts";

const open = new WeakMap<RequestTrace, { count: number; startedAt: number }>();

/** Counts `fetching` in the trace, whatever comes of it. */
export async function timeAdManifest<Value>(trace: RequestTrace, fetching: Promise<Value>): Promise<Value> {
  const now = performance.now();
  const busy = open.get(trace) ?? { count: 0, startedAt: now };
  open.set(trace, busy);
  if (busy.count++ === 0) busy.startedAt = now;
  try {
    return await fetching;
  } finally {
    const end = performance.now();
    trace.adManifestSumMs += Math.round(end - now);
    if (--busy.count === 0) trace.adManifestMs += Math.round(end - busy.startedAt);
  }
}
