/**
 * What a request for ads tells of the break, the viewer and what is watched.
 *
 * Every parameter that this server does not know is a key-value, and so are the pairs of `k`. A value that cannot be used is left
 * out: a player's mistake must not cost the ad.
 *
 * @see primetime.md §1.4 (`k`, `g`: all parameters of the client go on to the ad server), §1.14 (`tl`)
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { readOwnExchange } from "../own-exchange.ts";
import type { AdRequest } from "./ad-request.ts";
import { DEVICE_KINDS, readDevice } from "./campaign/device.ts";
import type { Traits } from "./campaign/targeting.ts";
import { filledIn } from "./filled-in.ts";

/** Who watches what. */
export interface AdViewer extends Traits {
  /** Tells viewers apart and nobody who they are; empty: nobody knows who it is. */
  readonly key: string;
  /** As the tag had it: what a tag of ours for the same viewer must say again. */
  readonly parameters: readonly (readonly [string, string])[];
}

/** A request for one break, or for all of a schedule. */
export interface BreakCall {
  readonly request: AdRequest;
  readonly viewer: AdViewer;
  /** Name of a line item; undefined: the pod is picked. */
  readonly li: string | undefined;
  /** Seconds of the avail; undefined: not told. */
  readonly duration: number | undefined;
  readonly maxAds: number | undefined;
  /** This server's relay asks, which notes down what is answered. */
  readonly isRelayed: boolean;
  /** The one break that the relay wants of a map: what it takes is tracked in it. undefined: the map's own names hold. */
  readonly relayedBreak: string | undefined;
  /** Nobody watches: a program that names itself asks, or something that is fetched ahead. */
  readonly isRobot: boolean;
}

/** A query as it was parsed; a list where a parameter is given more than once. */
export type QueryValues = Readonly<Record<string, unknown>>;

/** Never key-values. */
const OWN: ReadonlySet<string> = new Set(
  "zone session break position li schedule source duration maxads tl viewer device k ticket prefetch".split(" "),
);

/** These go on with a tag of ours, beside the key-values. */
const PASSED_ON: ReadonlySet<string> = new Set(["viewer", "device", "k"]);

const MAX_KEYS = 50;
const MAX_VALUE = 200;
/** Of all parameters that go on, in characters. */
const MAX_PASSED_ON = 2000;

/** What is found in the query and the headers; whether a robot asks is found out elsewhere. */
export function readBreakCall(
  request: AdRequest,
  query: QueryValues,
  headers: IncomingHttpHeaders,
): Omit<BreakCall, "isRobot"> {
  const first = (name: string): string => listTexts(query[name])[0] ?? "";
  const viewerId = filledIn(first("viewer"));
  const key = viewerKey(request.zone, viewerId, request.session);
  const parameters = listParameters(query);
  const header = headers["x-device-user-agent"] ?? headers["user-agent"];
  const device = DEVICE_KINDS.find((kind) => kind === first("device").toLowerCase());
  const [, tlDuration = "", tlAds = ""] = first("tl").split(",");
  const relayed = readOwnExchange(headers)?.relayed;
  return {
    // Tracking URLs name the session anyway: only who is told apart otherwise needs a name of its own there
    request: { ...request, viewer: viewerId === "" ? undefined : key },
    viewer: {
      key,
      parameters,
      keyValues: readKeyValues(query),
      device: device ?? readDevice(Array.isArray(header) ? header[0] : header),
    },
    li: first("li") || undefined,
    duration: readSeconds(first("duration")) ?? readSeconds(tlDuration),
    maxAds: readCount(first("maxads")) ?? readCount(tlAds),
    isRelayed: relayed !== undefined,
    relayedBreak: relayed?.breakId || undefined,
  };
}

/** The same for the same viewer in the same zone: the id that the tag gave, else the session. Empty where there is neither. */
export function viewerKey(zone: string, viewerId: string, session: string): string {
  const [kind, id] = viewerId === "" ? ["session", session] : ["viewer", viewerId];
  if (id === "") return "";
  return createHash("sha256")
    .update(JSON.stringify([kind, zone, id]))
    .digest("base64url")
    .slice(0, 22);
}

function listTexts(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value])
    .map((entry: unknown) => (typeof entry === "number" ? String(entry) : entry))
    .filter((entry) => typeof entry === "string")
    .filter((entry) => entry !== "" && entry.length <= MAX_VALUE && !/[\p{Cc}\p{Cs}]/u.test(entry));
}

function listParameters(query: QueryValues): readonly (readonly [string, string])[] {
  let length = 0;
  return Object.entries(query)
    .filter(([name]) => isKey(name) || PASSED_ON.has(name))
    .flatMap(([name, value]) => listTexts(value).map((text) => [name, text] as const))
    .filter(([name, text]) => (length += name.length + text.length) <= MAX_PASSED_ON);
}

function isKey(name: string): boolean {
  return /^[\w.-]{1,64}$/.test(name) && !OWN.has(name);
}

function readKeyValues(query: QueryValues): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const add = (key: string, values: readonly string[]): void => {
    if (!isKey(key) || (found.size >= MAX_KEYS && !found.has(key))) return;
    const lower = values.map((value) => value.trim().toLowerCase()).filter((value) => filledIn(value) !== "");
    if (lower.length > 0) found.set(key, [...(found.get(key) ?? []), ...lower].slice(0, MAX_KEYS));
  };
  for (const pair of listTexts(query["k"]).flatMap((text) => text.split(";"))) {
    const at = pair.indexOf("=");
    if (at > 0) add(pair.slice(0, at).trim(), pair.slice(at + 1).split(","));
  }
  for (const [name, value] of Object.entries(query)) if (isKey(name)) add(name, listTexts(value));
  return found;
}

/** undefined for macros nobody filled in, and for the 0 that stands for a length that is not known. */
function readSeconds(text: string): number | undefined {
  const seconds = /^\d{1,5}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  return seconds > 0 && seconds <= 86_400 ? seconds : undefined;
}

function readCount(text: string): number | undefined {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return count > 0 ? count : undefined;
}
