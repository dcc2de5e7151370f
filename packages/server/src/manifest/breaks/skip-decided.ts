/** Ads that could have been shown, and are not: whoever asked to be told of errors is told. */
import type { SkipReason } from "@interlude/core";
import type { BreakDecision, DecidedAd, SkippedAd } from "./decision.ts";

export function skipDecided(ad: DecidedAd, reason: SkipReason, message: string): SkippedAd {
  const { adId, adSystem, creativeId, errors, encounter } = ad;
  return { adId, adSystem, creativeId, reason, message, errors, ...(encounter && { encounter }) };
}

/**
 * What becomes of an answer whose break had been given up before it was decided: none of its ads is shown.
 *
 * @returns undefined where it names no ad, and where the break is decided otherwise
 */
export function skipLate(late: BreakDecision, standing: BreakDecision | undefined): BreakDecision | undefined {
  if (!standing || !isGivenUp(standing)) return undefined;
  const { ads, skipped } = late;
  const message = "its break had been given up before it was decided";
  const named = [...skipped.filter(isNamed), ...ads.map((ad) => skipDecided(ad, "ads-timeout", message))];
  return named.length > 0 ? { ...late, ads: [], skipped: named } : undefined;
}

/** Somebody waits to be told of it; else it is the whole request that failed. */
export function isNamed({ adId, errors = [] }: SkippedAd): boolean {
  return adId !== undefined || errors.length > 0;
}

function isGivenUp({ ads, skipped }: BreakDecision): boolean {
  return (
    ads.length === 0 &&
    skipped.length > 0 &&
    skipped.every(({ adId, reason }) => adId === undefined && reason === "ads-timeout")
  );
}
