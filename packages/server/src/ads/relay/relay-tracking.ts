/** The tracking URL of an ad that the relay hands on: as of an ad of the campaign file, with the upstream in place of the line item. */
import { type AdRequest, trackingUrl } from "../ad-request.ts";
import type { RelayRequest } from "./relay-answer.ts";
import type { TrackedAd } from "./shape-answer.ts";

/** @param sign makes `sig` */
export function relayTrackingUrl(
  event: string,
  request: RelayRequest,
  { upstream, breakId, ad, creative, position }: TrackedAd,
  sign: NonNullable<AdRequest["sign"]>,
): string {
  const { baseUrl: base, zone, session } = request;
  const place = { base, zone, session, breakId, position: request.position, upstream, sign };
  return trackingUrl(event, place, { lineItem: "", ad, creative, position });
}
