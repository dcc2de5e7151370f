/** What an ad tag asks for, and the addresses that its answer contains: creatives, wrapped tags, tracking. */
import type { LineItem } from "./campaign/campaign-file.ts";

/** Who asks, from where in the content, and under which address of ours. */
export interface AdRequest {
  /** Where the client reached this server; its path is `/`. */
  readonly base: URL;
  readonly zone: string;
  /** Empty where the tag does not tell. */
  readonly session: string;
  readonly breakId: string;
  /** Of the first ad in its pod, from 1. */
  readonly position: number;
}

/** What a tracking URL says beside the request: empty where it does not apply. */
export interface TrackedThing {
  readonly lineItem: string;
  readonly ad: string;
  readonly creative: string;
  readonly position: number;
}

/** Filled in by the player. */
const MACROS = "&t=[TIMESTAMP]&playhead=[ADPLAYHEAD]&content=[CONTENTPLAYHEAD]&error=[ERRORCODE]&cb=[CACHEBUSTING]";

/**
 * The tracking URL of one event, with VAST macros left for the player: brackets in values are encoded, so no value is taken for one.
 *
 * @see VAST 4.2 §6.1 (macros)
 */
export function trackingUrl(event: string, request: AdRequest, thing: TrackedThing): string {
  const parameters = {
    zone: request.zone,
    session: request.session,
    break: request.breakId,
    position: String(thing.position),
    ad: thing.ad,
    creative: thing.creative,
    li: thing.lineItem,
  };
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${request.base.href}track/${encodeURIComponent(event)}?${query.join("&")}${MACROS}`;
}

/** This server's tag for a line item, for the same viewer and place. */
export function tagUrl(lineItem: string, request: AdRequest): string {
  return completeTag(new URL(`/ads/vast?li=${encodeURIComponent(lineItem)}`, request.base), request).href;
}

/** The tag of a wrapper: one of ours gets the viewer and the place of this request, a foreign one is left as it is. */
export function wrappedTagUrl(tag: string, request: AdRequest): string {
  const url = new URL(tag, request.base);
  if (url.origin !== request.base.origin) return tag;
  return url.pathname.startsWith("/ads/") ? completeTag(url, request).href : url.href;
}

function completeTag(url: URL, request: AdRequest): URL {
  const known = {
    zone: request.zone,
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

/** Every creative that the answer to a tag names. A wrapper names none: whoever serves the wrapped tag does. */
export function listCreativeUrls(item: LineItem, request: AdRequest): readonly string[] {
  if (item.kind === "wrapper") return [];
  return item.ads.flatMap((ad) => ad.mediaFiles.map((file) => absoluteUrl(file.url, request)));
}
