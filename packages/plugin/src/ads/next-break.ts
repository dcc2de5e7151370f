/**
 * What a relay of this project is told of the break that the player asks for next, so that it asks its ad servers ahead.
 *
 * Ad servers count what they answered, so the hint goes out only where the next request will be the same but for the break: of one
 * tag, which has no macros but one against caches.
 *
 * @see docs/relay.md (asking ahead)
 */
import type { AdTag } from "./ad-requests.ts";

/** `[CACHEBUSTING]` and its like, under a name that the relay does not look at. */
const CACHE_BUSTER = /(?<=[?&])(?:cb|correlator|ord|rnd)=(?:\[|%5B)\w+(?:\]|%5D)(?=&|$)/gi;

/** The value of `prefetch`: what will be another in the next request, as a query. undefined: nothing is to be asked ahead. */
export function formatHint({ tag, parameters }: AdTag, next: AdTag): string | undefined {
  const names = Object.keys(next.parameters);
  const isSame =
    tag.href === next.tag.href &&
    Object.keys(parameters).every((name) => names.includes(name)) &&
    !names.some((name) => tag.searchParams.has(name));
  if (!isSame || !isRelayed(tag) || /\[|%5B/i.test(tag.search.replaceAll(CACHE_BUSTER, ""))) return undefined;
  return new URLSearchParams(next.parameters).toString();
}

/** As far as an address tells: of a server of this project, and of no line item. */
function isRelayed({ pathname, searchParams }: URL): boolean {
  return pathname.endsWith("/ads/vast") && searchParams.has("zone") && !searchParams.has("li");
}
