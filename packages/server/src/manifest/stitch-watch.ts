/** What became of a session's breaks, for metrics, log and those who asked to be told of errors. */
import type { RefusedAd } from "@interlude/core";
import type { BreakDecision, SkippedAd } from "./breaks/decision.ts";
import { skipDecided } from "./breaks/skip-decided.ts";
import type { ManifestLog } from "./manifest-fetch.ts";
import type { MediaRequest } from "./routes.ts";
import type { ManifestMetrics } from "./operations/manifest-metrics.ts";
import type { Session, SessionStore } from "./session/session.ts";
import type { StitchedMedia } from "./stitch-content.ts";
import { findAd } from "./tracking/schedule.ts";
import type { ServerBeacons } from "./tracking/server-beacons.ts";
import { createWeightedLru } from "./weighted-lru.ts";

export interface StitchWatchDeps {
  readonly store: Pick<SessionStore, "claim">;
  readonly metrics: Pick<ManifestMetrics, "countListed" | "countSkipped">;
  readonly log: ManifestLog;
}

/** What of a request for a playlist is looked at. */
interface Watched extends Pick<MediaRequest, "kind"> {
  readonly state: { readonly session: Pick<Session, "id"> };
}

const MAX_WATCHED = 50_000;

/** Tells the metrics of each break of each session once, however often it is listed, and by however many instances. */
export function createStitchWatch(
  { store, metrics, log }: StitchWatchDeps,
  reportSkipped: ServerBeacons["reportSkipped"],
): (request: Watched, stitched: Pick<StitchedMedia, "breaks" | "refused" | "rows">) => void {
  const seen = createWeightedLru<true>(MAX_WATCHED);
  const countOnce = (sessionId: string, parts: readonly string[], count: () => void): void => {
    const claim = JSON.stringify(["counted", ...parts]);
    const key = `${sessionId} ${claim}`;
    if (seen.get(key)) return;
    seen.set(key, true, 1);
    // Without a database the number is one too low, and the playlist goes out all the same.
    store.claim(sessionId, claim).then(
      (isFirst) => isFirst && count(),
      () => undefined,
    );
  };
  return ({ state, kind }, { breaks, refused, rows }) => {
    const { id } = state.session;
    for (const { breakId, decision } of rows) {
      if (!decision || decision.planned) continue;
      const ads = breaks.find((placed) => placed.breakId === breakId)?.ads ?? [];
      // One with ads is counted when they are listed, one without when it was decided.
      if (decision.ads.length > 0 && ads.length === 0) continue;
      const filledDuration = ads.reduce((total, { duration }) => total + duration, 0);
      const { availDuration } = decision;
      countOnce(id, [breakId], () => metrics.countListed({ kind, availDuration, filledDuration }));
    }
    for (const entry of refused) {
      const { breakId, adId, index, reason } = entry;
      const decision = rows.find((row) => row.breakId === breakId)?.decision;
      countOnce(id, [breakId, adId, String(index), reason], () => {
        metrics.countSkipped({ reason });
        if (!decision) return;
        const late = { ...decision, skipped: describeRefused(decision, entry) };
        logSkipped(log, id, late);
        reportSkipped(id, late, "refused");
      });
    }
  };
}

export function logSkipped(log: ManifestLog, session: string, { breakId, skipped }: BreakDecision): void {
  for (const { adId, creativeId, reason, message } of skipped) {
    log.info({ session, break: breakId, adId, creativeId, reason }, `an ad was skipped: ${message}`);
  }
}

/** An ad that was decided, and that the playlist does not take after all: whoever asked to be told of errors is told. */
function describeRefused(decision: BreakDecision, { adId, index, reason }: RefusedAd): readonly SkippedAd[] {
  const place = findAd(decision, adId, index);
  const ad = decision.ads[place];
  return ad ? [{ ...skipDecided(ad, reason, "the playlist does not take it"), place }] : [];
}
