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

/** An id of the player's own. `crypto.randomUUID` does not exist on http pages. */
export function createViewingId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join("");
}

/** Where a piece of the URL comes from. */
export type PieceKind = "server" | "asset" | "content" | "zone" | "ads" | "player";

export interface Piece {
  /** undefined: what holds the others together. */
  readonly kind: PieceKind | undefined;
  readonly text: string;
}

/** The whole URL in pieces, in its order: joined they are its `href`. */
export function splitBootstrapUrl(url: URL): readonly Piece[] {
  const [, server = "", asset = "", content = ""] = /^(.*\/variant\/)([^/]+)\/([\w-]+)\.m3u8$/.exec(url.pathname) ?? [];
  const parameters = url.search.slice(1).split("&");
  return [
    { kind: "server", text: `${url.origin}${server}` },
    { kind: "asset", text: asset },
    { kind: undefined, text: "/" },
    { kind: "content", text: content },
    { kind: undefined, text: ".m3u8" },
    ...parameters.flatMap((text, index): readonly Piece[] => [
      { kind: undefined, text: index === 0 ? "?" : "&" },
      { kind: selectKind(text.split("=")[0] ?? ""), text },
    ]),
  ];
}

const KIND: Readonly<Record<string, PieceKind>> = { u: "asset", z: "zone" };

function selectKind(parameter: string): PieceKind {
  return KIND[parameter] ?? (parameter in MEANING ? "player" : "ads");
}

/** What a piece is made of, before it became part of a URL. */
export interface Ingredient {
  readonly kind: PieceKind;
  readonly name: string;
  readonly value: string;
  readonly how: string;
}

/** One for each kind of piece, in the order of the URL. @param base the page's address */
export function listIngredients(choice: Choice, base: string): readonly Ingredient[] {
  const { content, cdn } = choice;
  const ads = Object.entries(readAdInformation(choice)).map(([name, value]) => `${name}=${value}`);
  const source = new URL(content.url, base);
  return [
    { kind: "server", name: "Server", value: source.host, how: "where the page is, too" },
    { kind: "asset", name: "Asset", value: content.id, how: "as the catalogue names it" },
    { kind: "content", name: "Content", value: source.href, how: "in base64url" },
    { kind: "zone", name: "Zone", value: ZONE, how: "the publisher’s account" },
    { kind: "player", name: "Player", value: `CDN ${cdn}, JSON, own tracking`, how: "what it can do and wants" },
    { kind: "ads", name: "Ads", value: ads.join(", "), how: "passed on to the ad server" },
  ];
}

/** The parameters in their order; what is not the manifest server's own is for the ad server. */
export function listParameters(url: URL): readonly Parameter[] {
  return [...url.searchParams].map(([name, value]) => {
    return { name, value, meaning: MEANING[name] ?? "for the ad server" };
  });
}
