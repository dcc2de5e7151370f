/**
 * The address of an upstream's tag for one request: macros and `[?name]` filled in, and the parameters that go on.
 *
 * Of two values for one parameter the tag's goes first (the operator's word), then what this server knows itself (`session`,
 * `break`, `duration`, `position`), then the client's. Names are compared as they read when decoded, case counts.
 *
 * @see VAST 4.3 §6 (macros); primetime.md §1.4, §1.14 (all parameters of the client go on)
 */
import { AdError, encodeUrlPart, expandMacros, MACRO_NAMES, type MacroValue, type MacroValues } from "@interlude/core";
import type { RelayRequest } from "./relay-answer.ts";
import type { Upstream } from "./relay-zone.ts";

/** For this server alone: no ad server is told. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set("zone li schedule source prefetch up sig ticket".split(" "));

/** VAST 4.3 §6, BREAKPOSITION. */
const BREAK_POSITION = { pre: 1, mid: 2, post: 3 } as const;

/** VAST 2.0 to 4.3, in-line and wrapper, as AdCOM's list of creative subtypes numbers them. */
const VAST_VERSIONS = [2, 3, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16] as const;

/** MediaTailor takes addresses of this length, and few servers take longer ones. */
const MAX_ADDRESS = 25_000;

/**
 * The values of VAST's macros, for the tag and for the wrappers of its answer. What this server does not know comes from the
 * parameter of the macro's name in lower case (`gdprconsent`, `playersize`), where the request has it.
 *
 * @param now ms since 1970
 * @param random 0 to 1, for CACHEBUSTING
 */
export function relayMacros(request: RelayRequest, now: number, random: number): MacroValues {
  const { viewer, breakPosition, duration, session } = request;
  const page = viewer.referer !== undefined && URL.canParse(viewer.referer) ? new URL(viewer.referer) : undefined;
  const told: Record<string, MacroValue> = {};
  const parameters = readParameters(request.query);
  for (const name of MACRO_NAMES) {
    const value = parameters.get(name.toLowerCase());
    if (value) told[name] = value;
  }
  const { TIMESTAMP: _time, CACHEBUSTING: _buster, ...rest } = told;
  const known = {
    BREAKPOSITION: breakPosition && BREAK_POSITION[breakPosition],
    BREAKMAXDURATION: duration,
    PAGEURL: page,
    DOMAIN: page?.hostname,
    TRANSACTIONID: session || undefined,
    DEVICEIP: viewer.ip || undefined,
    DEVICEUA: viewer.userAgent || undefined,
  };
  const sure = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return {
    ...rest,
    ...sure,
    TIMESTAMP: new Date(now),
    CACHEBUSTING: Math.floor(random * 1e8),
    SERVERSIDE: 1,
    SERVERUA: "Interlude",
    VASTVERSIONS: VAST_VERSIONS,
  };
}

/** @throws AdError `url-malformed` when the tag is no http(s) URL or too long */
export function buildUpstreamUrl(upstream: Upstream, request: RelayRequest, macros: MacroValues): URL {
  const parameters = readParameters(request.query);
  const filled = upstream.tagUrl.replace(/\[\?([\w.-]{1,64})\]/g, (_macro, name: string) =>
    encodeUrlPart(parameters.get(name) ?? ""),
  );
  const text = expandMacros(filled, macros);
  const url = URL.canParse(text, request.baseUrl.href) ? new URL(text, request.baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new AdError("url-malformed", `upstream ${upstream.name}: expected an http(s) tag`);
  url.hash = "";
  const parts = url.search.slice(1).split("&").filter(Boolean);
  const taken = new Set(parts.map(readName));
  const isWanted = (name: string): boolean =>
    !taken.has(name) &&
    !OWN_PARAMETERS.has(name) &&
    (upstream.parameters === "all" || upstream.parameters.includes(name));
  for (const [name, value] of listOwn(request)) {
    if (!isWanted(name)) continue;
    taken.add(name);
    parts.push(`${name}=${encodeUrlPart(value)}`);
  }
  const added = request.query.split("&").filter((part) => part !== "" && isWanted(readName(part)));
  url.search = [...parts, ...added].join("&").replaceAll("#", "%23");
  if (url.href.length <= MAX_ADDRESS) return url;
  throw new AdError(
    "url-malformed",
    `upstream ${upstream.name}: expected an address of at most ${MAX_ADDRESS} characters`,
  );
}

function listOwn({ session, breakId, duration, position }: RelayRequest): readonly (readonly [string, string])[] {
  const known = [
    ["session", session],
    ["break", breakId],
    ["duration", duration === undefined ? "" : String(duration)],
    ["position", String(position)],
  ] as const;
  return known.filter(([, value]) => value !== "");
}

/** Decoded; of one that is given twice the first counts. */
function readParameters(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) if (!parameters.has(name)) parameters.set(name, value);
  return parameters;
}

function readName(part: string): string {
  const name = part.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}
