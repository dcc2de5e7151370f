/**
 * The ads left out of a break, for the report. An ad with this server's own tracking is told to the same receiver by its `<Error>` as
 * well, if that beacon arrives: in the place that its URL names, so that it is lost once.
 */
import { adName } from "../../ad-name.ts";
import { cleanText } from "../../clean-text.ts";
import type { AdSkippedNoted } from "../../noted-event.ts";
import type { BreakDecision } from "../breaks/decision.ts";
import type { ReadOwnError } from "./own-error.ts";

/** In the order of the decision; without `ad` the whole request failed. */
export function listNotedSkips(
  decision: BreakDecision,
  { id, zone }: { readonly id: string; readonly zone: string },
  readOwnError: ReadOwnError,
): readonly AdSkippedNoted[] {
  const { breakId, skipped } = decision;
  return skipped.flatMap((skip, index): readonly AdSkippedNoted[] => {
    const { adId, creativeId = "", reason, errors = [] } = skip;
    const [own] = errors.flatMap((url) => readOwnError(url, id) ?? []);
    // Where it names no session nothing tells two of them apart: its beacon is the one that counts.
    if (own) return own.session === "" ? [] : [{ event: "adSkipped", ...own, reason }];
    // A whole break has no place: with one it would count as an ad without an id.
    const position = adId === undefined ? 0 : (skip.place ?? placeOf(decision, adId, index)) + 1;
    const ad = adName(cleanText(adId ?? ""), position);
    const creative = cleanText(creativeId);
    return [{ event: "adSkipped", zone, session: id, breakId, position, ad, creative, reason }];
  });
}

/** One that was decided has its own place; those that never were come behind. */
function placeOf({ ads }: BreakDecision, adId: string, index: number): number {
  const place = adId === "" ? -1 : ads.findIndex((ad) => ad.adId === adId);
  return place < 0 ? ads.length + index : place;
}
