/**
 * Which requests need not have been made because somebody watched: programs that name themselves, what a browser fetched ahead, and
 * URLs that were changed or that anybody could have written. They are kept and marked.
 *
 * @see IAB/ABC International Spiders and Bots List (its list is sold; isbot's is free); W3C Prefetch (Sec-Purpose)
 */
import { isbot } from "isbot";
import type { BeaconSignature } from "../beacon-signature.ts";

/** What does not count. */
export const MARKS = ["bot", "prefetch", "forged", "unsigned"] as const;

/** Empty: counts. */
export type Mark = "" | (typeof MARKS)[number];

/** As Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** isbot takes the libraries that these are for downloaders; televisions and telephones watch with them. */
const PLAYER = /\b(?:exoplayer|androidxmedia3|media3|okhttp|vlc|libvlc|stagefright|gstreamer|applecoremedia|roku)/i;

/** Of a text that strangers choose, what the pattern is tried on. */
const MAX_USER_AGENT = 500;
const MAX_REMEMBERED = 5000;

const PREFETCH_HEADERS = ["sec-purpose", "purpose", "x-purpose", "x-moz"] as const;

/** Judges requests as if each had to be signed; what it found out about a User-Agent it remembers. */
export function createMarker(): (headers: RequestHeaders, signature: BeaconSignature) => Mark {
  const bots = new Map<string, boolean>();
  const isBot = (userAgent: string): boolean => {
    const known = bots.get(userAgent);
    if (known !== undefined) return known;
    if (bots.size >= MAX_REMEMBERED) bots.clear();
    const found = !PLAYER.test(userAgent) && isbot(userAgent);
    bots.set(userAgent, found);
    return found;
  };
  return (headers, signature) => {
    if (signature === "forged") return "forged";
    // Where a server sends in a viewer's name, the viewer's program is in the header of VAST 4.3 §6.3.
    const userAgent = first(headers["x-device-user-agent"]) || first(headers["user-agent"]);
    if (isBot(userAgent.slice(0, MAX_USER_AGENT))) return "bot";
    if (PREFETCH_HEADERS.some((name) => /prefetch|prerender|preview/i.test(first(headers[name])))) return "prefetch";
    return signature === "unsigned" ? "unsigned" : "";
  };
}

function first(value: RequestHeaders[string]): string {
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}
