/**
 * The ads left out of a break that nobody else tells the report of: the `<Error>` URLs of the others lead to a receiver of this kind and
 * are requested with the reason.
 */
import { VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { AdSkippedNoted } from "../../noted-event.ts";
import type { BreakDecision, SkippedAd } from "../breaks/decision.ts";

/** What a receiver has in front of its query, whatever name it is reached by. */
const OWN_ERROR = /^https?:\/\/[^?#]*\/track\/error\?/i;

/** Ids are a stranger's; as many characters as a beacon may have. */
const MAX_ID = 500;

/** In the order of the decision; without `ad` the whole request failed. */
export function listUntoldSkips(
  decision: BreakDecision,
  { id, zone }: { readonly id: string; readonly zone: string },
): readonly AdSkippedNoted[] {
  const { breakId, skipped } = decision;
  return skipped.flatMap((entry, index): readonly AdSkippedNoted[] => {
    if (isTold(entry)) return [];
    const { adId = "", creativeId = "", reason } = entry;
    const position = placeOf(decision, adId, index) + 1;
    const [ad, creative] = [adId.slice(0, MAX_ID), creativeId.slice(0, MAX_ID)];
    return [{ event: "adSkipped", zone, session: id, breakId, position, ad, creative, reason }];
  });
}

function isTold({ reason, errors = [] }: SkippedAd): boolean {
  return VAST_ERROR_OF_SKIP[reason] !== undefined && errors.some((url) => OWN_ERROR.test(url));
}

/** One that was decided has its own place; those that never were come behind. */
function placeOf({ ads }: BreakDecision, adId: string, index: number): number {
  const place = ads.findIndex((ad) => ad.adId === adId);
  return place < 0 ? ads.length + index : place;
}
