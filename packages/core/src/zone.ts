/**
 * The zone document: what a client must know of a customer account to find a repackaged creative without asking anyone.
 * Client and server read the same one, `GET /v1/zones/{zone}.json`.
 *
 * @see primetime.md §4.4 (rules by host), §3.6 (CDNs by nickname)
 */
import { AdError } from "./error.ts";
import { ENCOUNTER_STEPS, type EncounterStep } from "./first-encounter.ts";

/** The document, validated; see the head of this file. */
export interface ZoneDocument {
  /** Letters, digits, `_`, `-`, at most 64. */
  readonly zone: string;
  /** CDN bases by the name that `ptcdn` gives; absolute. */
  readonly cdns: Readonly<Record<string, URL>>;
  readonly defaultCdn: string;
  /** Seconds, tried where the content's target duration is unknown; at most 12. */
  readonly targetDurations: readonly number[];
  /** In order; each applies to the result of the one before. */
  readonly normalise: readonly NormaliseRule[];
  /** MIME types in the order of preference; empty: the default order. */
  readonly mediaTypes: readonly string[];
  /**
   * What a page that says nothing of it tries for a creative that has no copy yet, without steps that are not known here; undefined: what
   * is best by what is known.
   */
  readonly firstEncounter: readonly EncounterStep[] | undefined;
}

/** A creative URL whose host matches has `find` replaced before it is keyed; the original URL is what gets fetched. */
export interface NormaliseRule {
  readonly host: HostMatch;
  /** A regular expression; the first match is replaced, `$1` … `$9` stand for its groups. */
  readonly find: string;
  readonly replace: string;
}

/** Equal, contains, starts with, ends with, and their negations; any of `values` is enough (for the negations: all). */
export interface HostMatch {
  readonly matches: "eq" | "ne" | "co" | "nc" | "sw" | "ew";
  readonly values: readonly string[];
}

const HOST_TEST: Readonly<Record<HostMatch["matches"], (host: string, values: readonly string[]) => boolean>> = {
  eq: (host, values) => values.includes(host),
  ne: (host, values) => !values.includes(host),
  co: (host, values) => values.some((value) => host.includes(value)),
  nc: (host, values) => !values.some((value) => host.includes(value)),
  sw: (host, values) => values.some((value) => host.startsWith(value)),
  ew: (host, values) => values.some((value) => host.endsWith(value)),
};

/** Whether a host (lower case) falls under a rule. */
export function isHostMatch(host: string, match: HostMatch): boolean {
  return HOST_TEST[match.matches](host, match.values);
}

const ZONE_NAME = /^[\w-]{1,64}$/;

/**
 * @param value what `JSON.parse` made of the document
 * @param base where it was fetched: relative CDN bases are resolved against it
 * @throws AdError `option-invalid` naming the member that is wrong
 */
export function parseZoneDocument(value: unknown, base: URL): ZoneDocument {
  const zone = member(value, "zone");
  if (typeof zone !== "string" || !ZONE_NAME.test(zone)) throw wrong(base, "zone", "letters, digits, _ or -", zone);
  const cdns = parseCdns(member(value, "cdns"), base);
  const defaultCdn = member(value, "defaultCdn");
  if (typeof defaultCdn !== "string" || !(defaultCdn in cdns))
    throw wrong(base, "defaultCdn", "a name in cdns", defaultCdn);
  return {
    zone,
    cdns,
    defaultCdn,
    targetDurations: parseTargetDurations(member(value, "targetDurations") ?? [6, 4], base),
    normalise: parseList(member(value, "normalise") ?? [], base, "normalise", isNormaliseRule),
    mediaTypes: parseList(member(value, "mediaTypes") ?? [], base, "mediaTypes", isString),
    firstEncounter: parseSteps(member(value, "firstEncounter"), base),
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function wrong(base: URL, key: string, expected: string, got: unknown): AdError {
  const what = `zone document at ${base.href}: ${key}: expected ${expected}, got ${JSON.stringify(got)}`;
  return new AdError("option-invalid", what, { url: base.href });
}

function parseCdns(value: unknown, base: URL): Readonly<Record<string, URL>> {
  if (typeof value !== "object" || value === null) throw wrong(base, "cdns", "an object of names and URLs", value);
  const cdns: Record<string, URL> = Object.create(null);
  for (const [name, reference] of Object.entries(value)) {
    if (typeof reference !== "string" || !URL.canParse(reference, base))
      throw wrong(base, `cdns.${name}`, "a URL", reference);
    const url = new URL(reference, base);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    cdns[name] = url;
  }
  return cdns;
}

/** Each is an address to try for each ad. */
const MAX_TARGET_DURATIONS = 12;

function parseTargetDurations(value: unknown, base: URL): readonly number[] {
  const found = parseList(value, base, "targetDurations", isTargetDuration);
  if (found.length > MAX_TARGET_DURATIONS)
    throw wrong(base, "targetDurations", `at most ${MAX_TARGET_DURATIONS} items`, found.length);
  return found;
}

function parseList<T>(value: unknown, base: URL, key: string, isItem: (item: unknown) => item is T): readonly T[] {
  if (!Array.isArray(value)) throw wrong(base, key, "a list", value);
  return value.map((item: unknown) => {
    if (!isItem(item)) throw wrong(base, key, "valid items", item);
    return item;
  });
}

/** A step that only a later version knows is left out: the rest of the document counts all the same. */
function parseSteps(value: unknown, base: URL): readonly EncounterStep[] | undefined {
  return value === undefined ? undefined : parseList(value, base, "firstEncounter", isString).filter(isStep);
}

function isStep(value: unknown): value is EncounterStep {
  return ENCOUNTER_STEPS.some((step) => step === value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isTargetDuration(value: unknown): value is number {
  return value === 2 || value === 4 || value === 6;
}

function isNormaliseRule(value: unknown): value is NormaliseRule {
  const host = member(value, "host");
  const matches = member(host, "matches");
  const values = member(host, "values");
  return (
    isString(matches) &&
    Object.hasOwn(HOST_TEST, matches) &&
    Array.isArray(values) &&
    values.every(isString) &&
    isString(member(value, "find")) &&
    isRegularExpression(member(value, "find")) &&
    isString(member(value, "replace"))
  );
}

function isRegularExpression(value: unknown): boolean {
  try {
    return typeof value === "string" && new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
}
