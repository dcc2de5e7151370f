/** What an ad tag asks for, and the addresses that its answer contains: creatives, wrapped tags, tracking. */
import type { SignEvents } from "../beacon-signature.ts";

/** Who asks, from where in the content, and under which address of ours. */
export interface AdRequest {
  /** Where the client reached this server; its path is `/`. */
  readonly base: URL;
  readonly zone: string;
  /** Whose line items are served, where a relay of this server asks them for `zone`; undefined: that of `zone`. */
  readonly servedZone?: string;
  /** Empty where the tag does not tell. */
  readonly session: string;
  /** Stands for a session that the tag does not tell, in this one answer: by it beacons of one ad are told from those of another. */
  readonly serving?: string;
  readonly breakId: string;
  /** Of the first ad in its pod, from 1. */
  readonly position: number;
  /** The ad server of the relay that the ad comes from; undefined: none. */
  readonly upstream?: string;
  /** The key that stands for the viewer that the tag named; undefined: it named none. */
  readonly viewer?: string | undefined;
  /** The `sig` of a tracking URL: over the event and the parameters that are fixed. */
  readonly sign?: SignEvents;
  /** The ticket by which a page may have a creative repackaged that this answer names; undefined: it needs none. */
  readonly repackageTicket?: (creativeUrl: string, ad: TicketedAd) => string | undefined;
}

/** What a repackage ticket says of an ad. */
export interface TicketedAd {
  readonly adSystem: string;
  readonly adId: string;
  readonly creativeId: string;
}

/** What a tracking URL says beside the request: empty where it does not apply. */
export interface TrackedThing {
  readonly lineItem: string;
  readonly ad: string;
  readonly creative: string;
  /** From 1; 0: not one of the ads. */
  readonly position: number;
}

/** Filled in by the player. */
const MACROS = "&t=[TIMESTAMP]&playhead=[ADPLAYHEAD]&content=[CONTENTPLAYHEAD]&error=[ERRORCODE]&cb=[CACHEBUSTING]";

/** Ours: which of the skip reasons, where one VAST error number stands for several; by which step an impression was saved. */
const REASON_OF_EVENT: Readonly<Record<string, string>> = {
  error: "&reason=[INTERLUDE_REASON]",
  impression: "&reason=[INTERLUDE_ENCOUNTER]",
};

/** What beacons and notes of an answer say the session is. */
export function trackedSession({ session, serving = "" }: Pick<AdRequest, "session" | "serving">): string {
  return session === "" ? serving : session;
}

/**
 * The tracking URL of one event, with VAST macros left for the player: brackets in values are encoded, so no value is taken for one.
 *
 * @see VAST 4.2 §6.1 (macros)
 */
export function trackingUrl(event: string, request: AdRequest, thing: TrackedThing): string {
  return trackingUrls(request, thing)(event);
}

/** The same for all events of a thing. */
export function trackingUrls(request: AdRequest, thing: TrackedThing): (event: string) => string {
  const parameters = {
    zone: request.zone,
    session: trackedSession(request),
    break: request.breakId,
    position: String(thing.position),
    ad: thing.ad,
    creative: thing.creative,
    li: thing.lineItem,
    ...(request.upstream === undefined ? {} : { up: request.upstream }),
    ...(request.viewer === undefined ? {} : { v: request.viewer }),
  };
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const [start, fixed] = [`${request.base.href}track/`, query.join("&")];
  const sign = request.sign?.(parameters);
  return (event) => {
    const sig = sign ? `&sig=${sign(event)}` : "";
    return `${start}${encodeURIComponent(event)}?${fixed}${sig}${MACROS}${REASON_OF_EVENT[event] ?? ""}`;
  };
}

/** What a tag of ours for a break says, beside the viewer and the place. */
export interface TagTerms {
  /** undefined: the pod is picked. */
  readonly lineItem: string | undefined;
  /** Seconds. */
  readonly duration: number | undefined;
  readonly maxAds: number | undefined;
  /** As the viewer's own tag had them. */
  readonly parameters: readonly (readonly [string, string])[];
}

/** This server's tag for a break, for the same viewer and place. */
export function tagUrl({ lineItem, duration, maxAds, parameters }: TagTerms, request: AdRequest): string {
  const url = new URL("/ads/vast", request.base);
  const terms = { li: lineItem, duration, maxads: maxAds };
  for (const [name, value] of Object.entries(terms)) if (value !== undefined) url.searchParams.set(name, String(value));
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return completeTag(url, request).href;
}

/** The tag of a wrapper: one of ours gets the viewer and the place of this request, a foreign one is left as it is. */
export function wrappedTagUrl(tag: string, request: AdRequest): string {
  const url = new URL(tag, request.base);
  if (url.origin !== request.base.origin) return tag;
  return url.pathname.startsWith("/ads/") ? completeTag(url, request).href : url.href;
}

function completeTag(url: URL, request: AdRequest): URL {
  const known = {
    zone: request.servedZone ?? request.zone,
    session: request.session,
    break: request.breakId,
    position: request.position === 1 ? "" : String(request.position),
  };
  for (const [name, value] of Object.entries(known)) {
    if (value !== "" && !url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  return url;
}

/** The absolute address of a media file or a click-through. */
export function absoluteUrl(reference: string, request: AdRequest): string {
  return new URL(reference, request.base).href;
}
