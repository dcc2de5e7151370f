/**
 * The bootstrap URL, made in the page from what the publisher told it.
 *
 * @see Overview of Manifest Server interactions, steps 1 and 2; docs/manifest-server.md
 */
import { ZONE } from "../catalog.ts";
import type { Choice } from "../choice.ts";

/** One parameter of the URL with what it is for. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

const MEANING: Readonly<Record<string, string>> = {
  u: "the publisher’s name for the asset",
  z: "the zone",
  _sid_: "the player’s own id of this viewing",
  live: "live or on demand",
  ptcdn: "which CDN has the repackaged ads",
  pttrackingmode: "the player tracks; the answer is JSON",
  pttrackingversion: "form of the sidecar",
  ptdebug: "the headers that this page reads",
};

/** What the publisher tells the ad server through the player: the query of the content's ad tag, and the line item. */
export function readAdInformation({ content, creative }: Choice): Readonly<Record<string, string>> {
  const query = new URL(content.adTag, "http://ads.invalid").searchParams;
  query.delete("zone");
  return { ...Object.fromEntries(query), li: creative.id };
}

/** Base64url of a text's UTF-8, without padding (RFC 4648 §5). */
export function encodeBase64Url(text: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param base the page's address: the manifest server is where the page is
 * @param viewing an id of the player's own, `_sid_`
 */
export function formatBootstrapUrl(choice: Choice, base: string, viewing: string): URL {
  const { content, cdn } = choice;
  const source = encodeBase64Url(new URL(content.url, base).href);
  const url = new URL(`auditude/variant/${encodeURIComponent(content.id)}/${source}.m3u8`, base);
  const query = {
    u: content.id,
    z: ZONE,
    _sid_: viewing,
    live: String(content.isLive),
    ptcdn: cdn,
    pttrackingmode: "simple",
    pttrackingversion: "v2",
    ptdebug: "true",
    ...readAdInformation(choice),
  };
  url.search = new URLSearchParams(query).toString();
  return url;
}

/** The parameters in their order; what is not the manifest server's own is for the ad server. */
export function listParameters(url: URL): readonly Parameter[] {
  return [...url.searchParams].map(([name, value]) => {
    return { name, value, meaning: MEANING[name] ?? "for the ad server" };
  });
}
