/**
 * Reads the bootstrap's parameters. What a value means that is none is what leaving it out means: a player that was written for
 * Primetime is not turned away for it. Only the zone must be right, and the CDN, since ads would be looked for in vain.
 *
 * @see primetime.md §1.4
 */
import { AdError, type EncounterStep } from "@interlude/core";
import { requireZone, type ZoneConfig } from "../zones.ts";
import type { SessionOptions, TrackingMode } from "./options.ts";

/**
 * @param query without `?`; the first of two equal parameters counts
 * @throws AdError `option-invalid` where `z` is missing or `ptcdn` names no CDN of the zone; HttpError `zone-unknown`
 */
export function parseOptions(query: string, zones: readonly ZoneConfig[]): SessionOptions {
  const parameters = new URLSearchParams(query);
  const zone = requireZone(zones, readZone(parameters));
  const read = (name: string): string => parameters.get(name)?.trim() ?? "";
  const lower = (name: string): string => read(name).toLowerCase();
  return {
    zone: zone.zone,
    isLive: readFlag(lower("live")),
    enableC3: readFlag(lower("enableC3")),
    partialBreaks: lower("pabimode") === "true" || lower("pabimode") === "start",
    adTimeoutMs: readNumber(read("ptadtimeout"), { min: 1, max: 600_000 }),
    adWindow: readNumber(read("ptadwindow"), { min: 0, max: MAX_AD_WINDOW }) ?? MAX_AD_WINDOW,
    cdn: readCdn(read("ptcdn"), zone),
    cueFormat: lower("ptcueformat") || undefined,
    debug: DEBUG[lower("ptdebug")],
    firstEncounter: ENCOUNTER[lower("ptencounter")],
    hasFailover: lower("ptfailover") === "true",
    hasMultiCall: lower("ptmulticall") === "true",
    isIosMobileWeb: lower("ptplayer") === "ios-mobileweb",
    rules: readNames(read("ptprotoswitch")),
    hasDiscontinuitySequence: lower("pttagds") === "true",
    timeline: read("pttimeline") || undefined,
    segmentToken: SEGMENT_TOKEN[lower("pttoken")],
    tracking: TRACKING[lower("pttrackingmode")] ?? "marker",
    trackingVersion: TRACKING_VERSION[lower("pttrackingversion")],
    isScteTracked: lower("scteTracking") === "true",
    liveTargetMultiplier: readNumber(read("vetargetmultiplier"), LIVE_OFFSET) ?? 3,
    liveBufferLength: readNumber(read("vebufferLength"), LIVE_OFFSET) ?? 3,
    hasSubtitleDiscontinuities: lower("vttdisc") !== "false",
  };
}

const MAX_AD_WINDOW = 1800;
const LIVE_OFFSET = { min: 0, max: 10_000 };

/** Tables without a prototype: `constructor` is no tracking mode. */
function table<Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> {
  const values: Record<string, Value> = Object.create(null);
  for (const [name, value] of entries) values[name] = value;
  return values;
}

const DEBUG = table<NonNullable<SessionOptions["debug"]>>([
  ["true", "all"],
  ["adcall", "adcall"],
  ["header", "header"],
]);

/** `true` is what the parameter was before it named CDNs: Akamai. */
const SEGMENT_TOKEN = table<NonNullable<SessionOptions["segmentToken"]>>([
  ["akamai", "akamai"],
  ["true", "akamai"],
  ["llnw", "limelight"],
  ["limelight", "limelight"],
  ["ctl", "centurylink"],
  ["centurylink", "centurylink"],
  ["level3", "centurylink"],
]);

const ENCOUNTER = table<readonly EncounterStep[]>([
  ["wait", ["wait"]],
  ["skip", ["skip"]],
]);

const TRACKING = table<TrackingMode>([
  ["simple", "simple"],
  ["sstm", "sstm"],
  ["simplesstm", "simplesstm"],
]);

const TRACKING_VERSION = table<NonNullable<SessionOptions["trackingVersion"]>>([
  ["v1", "v1"],
  ["v2", "v2"],
  ["v3", "v3"],
  ["vmap", "vmap"],
]);

function readZone(parameters: URLSearchParams): string {
  const zone = parameters.get("z") ?? "";
  if (zone === "") throw new AdError("option-invalid", "z: expected the id of a zone, got nothing");
  return zone;
}

function readFlag(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** undefined for what is no number; the nearest one in the range for what is. */
function readNumber(text: string, range: { readonly min: number; readonly max: number }): number | undefined {
  if (!/^-?\d{1,12}(?:\.\d{0,12})?$/.test(text)) return undefined;
  return Math.min(range.max, Math.max(range.min, Number(text)));
}

const MAX_NAMES = 20;

function readNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  return names.filter((name) => name !== "").slice(0, MAX_NAMES);
}

/** The parameter may list several, as Primetime's could; the first that the zone has is taken, whatever its case. */
function readCdn(text: string, zone: ZoneConfig): string | undefined {
  const wanted = readNames(text);
  if (wanted.length === 0) return undefined;
  const known = Object.keys(zone.cdns);
  for (const name of wanted) {
    const found = known.find((cdn) => cdn.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found;
  }
  const got = JSON.stringify(text.slice(0, 64));
  throw new AdError("option-invalid", `ptcdn: expected one of ${known.join(", ")}, got ${got}`);
}

/**
 * {@link parseOptions}, remembering as many answers as `size`: viewers ask again and again with the same query.
 */
export function createOptionsReader(zones: readonly ZoneConfig[], size = 4_096): (query: string) => SessionOptions {
  const known = new Map<string, SessionOptions>();
  return (query) => {
    const before = known.get(query);
    if (before !== undefined) return before;
    const options = parseOptions(query, zones);
    const [oldest] = known.size >= size ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    known.set(query, options);
    return options;
  };
}
