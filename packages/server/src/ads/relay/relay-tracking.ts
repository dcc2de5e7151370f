/** The tracking URLs of an ad that the relay hands on: as of an ad of the campaign file, with the upstream in place of the line item. */
import type { SignEvents } from "../../beacon-signature.ts";
import { trackedSession, trackingUrls } from "../ad-request.ts";
import type { OwnTracking, TrackingUrl } from "./own-tracking.ts";
import type { RelayRequest } from "./relay-answer.ts";
import type { TrackedAd } from "./shape-answer.ts";

/** @param sign makes `sig` */
export function relayTrackingUrls(
  request: RelayRequest,
  { upstream, breakId, ad, creative, position }: TrackedAd,
  sign: SignEvents,
): TrackingUrl {
  const { baseUrl: base, zone, session, serving } = request;
  const place = { base, zone, session, serving, breakId, position: request.position, upstream, sign };
  return trackingUrls(place, { lineItem: "", ad, creative, position });
}

/**
 * What this server's campaign file wrote into its answer to this very request. Whoever else writes such an address into an ad keeps
 * nothing from being counted: undefined.
 */
export function readRelayedTracking(
  text: string,
  request: RelayRequest,
  upstream: string,
  sign: SignEvents,
): OwnTracking | undefined {
  if (!text.startsWith(`${request.baseUrl.href}track/`) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const event = url.pathname.slice("/track/".length);
  // Of a parameter that is given twice the first counts, as where the beacon is received.
  const told = Object.fromEntries([...url.searchParams].toReversed());
  const { sig, ad = "", creative = "", li = "", position } = told;
  const isOfRequest =
    told["zone"] === request.zone && told["up"] === upstream && told["session"] === trackedSession(request);
  if (!isOfRequest || sig === undefined || sig !== sign(told)(event)) return undefined;
  return { event, ad, creative, lineItem: li, position: Number(position) };
}
