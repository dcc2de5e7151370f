/**
 * The address of an ad request: the operator's tag with its macros expanded, and everything that the client said.
 *
 * Of two values for one parameter the tag's goes first (the operator's word), then what this server knows itself (`session`,
 * `break`, `duration`, `position`, `tl`), then the client's. Names are compared as they read when decoded, case counts.
 *
 * @see VAST 4.3 §6 (macros); primetime.md §1.4 (all parameters go on), §1.8 (EXT-X-ASSET), §1.14 (`tl`)
 */
import { expandMacros, type MacroValues } from "@interlude/core";
import type { BreakPosition } from "../breaks/decision.ts";
import type { Session } from "../session/session.ts";

/** What is known when ads are asked for. Seconds. */
export interface AdPlace {
  readonly session: Session;
  readonly breakId: string;
  readonly position: BreakPosition;
  /** undefined: not known. */
  readonly availDuration: number | undefined;
  readonly maxAds?: number;
  /** Of EXT-X-ASSET; names in any case. */
  readonly attributes: Readonly<Record<string, string>>;
  /** `tl` of the ad request: the breaks that one call is for. */
  readonly timeline?: string;
}

/** VAST 4.3 §6, BREAKPOSITION. */
const BREAK_POSITION: Readonly<Record<BreakPosition, number>> = { pre: 1, mid: 2, post: 3 };

/** VAST 2.0 to 4.3, in-line and wrapper, as AdCOM's list of creative subtypes numbers them. */
const VAST_VERSIONS = [2, 3, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16] as const;

/** The longest `break` that ad servers of this project take. */
const MAX_BREAK_ID = 200;

/** The values of VAST's macros, new CACHEBUSTING and TIMESTAMP with each call; for wrappers of the answer too. */
export function adMacros(place: AdPlace, now: number): MacroValues {
  const { session, availDuration } = place;
  const { ip, userAgent, referer } = session.viewer;
  const page = referer !== undefined && URL.canParse(referer) ? new URL(referer) : undefined;
  return {
    TIMESTAMP: new Date(now),
    CACHEBUSTING: Math.floor(Math.random() * 1e8),
    BREAKPOSITION: BREAK_POSITION[place.position],
    BREAKMAXDURATION: availDuration === undefined ? undefined : roundSeconds(availDuration),
    BREAKMAXADS: place.maxAds,
    CONTENTID: session.assetId,
    CONTENTURI: session.contentUrl,
    PAGEURL: page,
    DOMAIN: page?.hostname,
    TRANSACTIONID: session.id,
    SERVERSIDE: 1,
    DEVICEIP: ip || undefined,
    DEVICEUA: userAgent || undefined,
    SERVERUA: "Interlude",
    VASTVERSIONS: VAST_VERSIONS,
  };
}

/**
 * @param tag absolute, or a path of this server
 * @throws TypeError when the tag is no URL
 */
export function buildAdUrl(tag: string, place: AdPlace, macros: MacroValues, baseUrl: URL): URL {
  const expanded = expandMacros(expandAttributes(tag, place.attributes), macros);
  const url = new URL(expanded, baseUrl);
  url.hash = "";
  const parts = url.search.slice(1).split("&").filter(Boolean);
  const taken = new Set(parts.map(readName));
  for (const [name, value] of ownParameters(place)) {
    if (taken.has(name)) continue;
    taken.add(name);
    parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  const added = place.session.query.split("&").filter((part) => part !== "" && !taken.has(readName(part)));
  // A "#" would end the query; anything else that may not stand there is encoded by the URL parser.
  url.search = [...parts, ...added].join("&").replaceAll("#", "%23");
  return url;
}

/** `[#NAME]`: the cue's attribute, percent-encoded; empty where the cue has none. Macro names are upper case like attributes. */
function expandAttributes(tag: string, attributes: Readonly<Record<string, string>>): string {
  const byName = new Map(Object.entries(attributes).map(([name, value]) => [name.toUpperCase(), value]));
  return tag.replace(/\[#([\w-]{1,64})\]/g, (_macro, name: string) => encode(byName.get(name) ?? ""));
}

/** What the ad server of this project reads: `position` is the place of the first ad in its pod, a number, never `pre` or `mid`. */
function ownParameters({ session, breakId, availDuration, timeline }: AdPlace): readonly (readonly [string, string])[] {
  const id = [...breakId.replace(/\p{Cc}/gu, "")].slice(0, MAX_BREAK_ID).join("");
  return [
    ["session", session.id],
    ...(id ? [["break", toWellFormed(id)] as const] : []),
    ...(availDuration === undefined ? [] : [["duration", String(roundSeconds(availDuration))] as const]),
    ["position", "1"],
    ...(timeline === undefined ? [] : [["tl", toWellFormed(timeline)] as const]),
  ];
}

function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function readName(part: string): string {
  const name = part.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}

function encode(text: string): string {
  return encodeURIComponent(toWellFormed(text));
}

/** Half a surrogate pair cannot be encoded. */
function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
