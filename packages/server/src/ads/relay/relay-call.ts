/** What a request for ads says, as the relay is asked: who watches, which break, which parameters. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isLoopbackName } from "../../base-url.ts";
import { readOwnExchange } from "../../own-exchange.ts";
import { readBreakCall } from "../break-call.ts";
import { filledIn } from "../filled-in.ts";
import { readRelayDepth, RELAY_DEPTH_HEADER, type RelayRequest, type RelayViewer } from "./relay-answer.ts";

/** As it came; the query without `?`. */
export interface RelayCall {
  readonly form: RelayRequest["form"];
  readonly zone: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the client, as far as proxies are believed. */
  readonly ip: string;
  readonly baseUrl: URL;
}

export function readRelayRequest({ form, zone, query, headers, ip, baseUrl }: RelayCall): RelayRequest {
  const parameters = new URLSearchParams(query);
  const session = filledIn(parameters.get("session") ?? "") || readPrimaryId(parameters);
  const breakId = filledIn(parameters.get("break") ?? "");
  const position = Number(parameters.get("position") ?? 1);
  const asked = { base: baseUrl, zone, session, breakId, position };
  const { duration } = readBreakCall(asked, Object.fromEntries(parameters), headers);
  const relayed = readOwnExchange(headers)?.relayed;
  return {
    form,
    zone,
    session,
    serving: relayed?.serving ?? `~${randomUUID()}`,
    breakId,
    position,
    breakPosition: readBreakPosition(breakId, parameters.get("tl") ?? ""),
    duration,
    query,
    baseUrl,
    viewer: readViewer(headers, ip),
    cookies: headers.cookie,
    depth: readRelayDepth(headers[RELAY_DEPTH_HEADER]),
    relayed,
  };
}

/** Empty: there is none. Players of interstitials name the viewing so. @see draft-pantos-hls-rfc8216bis Appendix D.2 (`_HLS_primary_id`) */
export function readPrimaryId(parameters: URLSearchParams): string {
  const id = parameters.get("_HLS_primary_id") ?? "";
  return id.length <= MAX_TEXT && !/[\p{Cc}\p{Cs}]/u.test(id) ? filledIn(id) : "";
}

/** The last of `tl` where it is told; else by the names that breaks commonly have. @see primetime.md §1.14 (`tl=l,150,30,m`) */
function readBreakPosition(breakId: string, tl: string): RelayRequest["breakPosition"] {
  const told = tl.split(",")[3]?.trim().toLowerCase();
  if (told === "m") return "mid";
  const name = /^(pre|start|mid|post|end)(?![a-z]{3})|^(pre|mid|post)-?roll/i.exec(breakId);
  const found = (name?.[1] ?? name?.[2])?.toLowerCase();
  if (found === "pre" || found === "start") return "pre";
  if (found === "post" || found === "end") return "post";
  return found === "mid" ? "mid" : undefined;
}

/**
 * Whoever asks for a viewer says so in X-Device headers. The address in them is believed only of this machine (its manifest server, its
 * proxy): from elsewhere, the client's own is the better word.
 *
 * @see VAST 4.3 §1.6
 */
function readViewer(headers: IncomingHttpHeaders, ip: string): RelayViewer {
  const device = first(headers["x-device-ip"]) ?? "";
  const isOwn = readOwnExchange(headers) !== undefined || isLoopbackName(ip.replace(/^::ffff:/, ""));
  return {
    ip: isOwn && /^[\da-f.:]{2,45}$/i.test(device) ? device : ip,
    userAgent: first(headers["x-device-user-agent"]) ?? headers["user-agent"] ?? "",
    referer: first(headers["x-device-referer"]) ?? headers.referer,
    acceptLanguage: first(headers["x-device-accept-language"]) ?? headers["accept-language"],
  };
}

function first(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

/** What is there against caches, and says nothing of what is asked for. */
const CACHE_BUSTERS: ReadonlySet<string> = new Set(
  "cb cachebuster cache_buster cachebusting correlator ord rand random rnd t timestamp ts".split(" "),
);
const MAX_TEXT = 200;
const MAX_HINT = 2000;

/** By what an answer that was asked for ahead is found again: the same viewer, the same parameters in any order. */
export function aheadKey({ form, zone, viewer, query }: RelayRequest): string {
  const parameters = [...new URLSearchParams(query)]
    .filter(([name]) => name !== "prefetch" && !CACHE_BUSTERS.has(name.toLowerCase()))
    .toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return JSON.stringify([form, zone, viewer.ip, viewer.userAgent, parameters]);
}

/**
 * The call for the break that a player will ask for next, from its hint: `prefetch=mid-2` names the break, all else stays;
 * `prefetch=break%3Dmid-2%26duration%3D30` names every parameter that will be another. undefined: there is no hint, none of use, or nothing to know the viewer by.
 */
export function readHint(call: RelayCall): RelayCall | undefined {
  const parameters = new URLSearchParams(call.query);
  const hint = parameters.get("prefetch") ?? "";
  if (hint === "" || hint.length > MAX_HINT || /\p{Cc}/u.test(hint)) return undefined;
  parameters.delete("prefetch");
  const before = parameters.toString();
  const changes = hint.includes("=") ? [...new URLSearchParams(hint)] : [["break", hint] as const];
  for (const [name, value] of changes) if (name !== "zone" && value.length <= MAX_TEXT) parameters.set(name, value);
  if (!/^[1-9]\d{0,2}$/.test(parameters.get("position") ?? "1")) return undefined;
  const next = { ...call, query: parameters.toString() };
  // without a name viewers behind one address are one, and would get each other's answers and cookies
  const isNamed = filledIn(parameters.get("viewer") ?? "") !== "" || readRelayRequest(next).session !== "";
  return isNamed && next.query !== before ? next : undefined;
}

/** The Cookie header with what an answer has just set. */
export function addCookies(header: string | undefined, setCookies: readonly string[]): string | undefined {
  const nameOf = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf("=")));
  // the last of a name counts; one that has ended takes its name out
  const last = new Map<string, string | undefined>();
  for (const line of setCookies) {
    const [pair = "", ...attributes] = line.split(";");
    const hasEnded = attributes.some((one) => /^\s*max-age=(?:0|-\d+)\s*$/i.test(one));
    if (pair.includes("=")) last.set(nameOf(pair), hasEnded ? undefined : pair);
  }
  const set = [...last.values()].flatMap((pair) => pair ?? []);
  const known = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !last.has(nameOf(pair)));
  return [...known, ...set].join("; ") || undefined;
}
