/**
 * VAST macros: `[NAME]` in a tracking or ad request URL.
 *
 * @see VAST 4.3 §6, and the list that the IAB Tech Lab keeps beside it (59 names)
 */
import { formatTime } from "./time.ts";

/** Every name of the list; a name that is not in it stays in the URL as it is. */
export const MACRO_NAMES = [
  "ADCATEGORIES",
  "ADCOUNT",
  "ADPLAYHEAD",
  "ADSERVINGID",
  "ADTYPE",
  "APIFRAMEWORKS",
  "APPBUNDLE",
  "ASSETURI",
  "BLOCKEDADCATEGORIES",
  "BREAKMAXADLENGTH",
  "BREAKMAXADS",
  "BREAKMAXDURATION",
  "BREAKMINADLENGTH",
  "BREAKPOSITION",
  "CACHEBUSTING",
  "CLICKPOS",
  "CLICKTYPE",
  "CLIENTUA",
  "CONTENTCAT",
  "CONTENTID",
  "CONTENTPLAYHEAD",
  "CONTENTURI",
  "DEVICEIP",
  "DEVICEUA",
  "DOMAIN",
  "DSAPARAMS",
  "DSAPUBRENDER",
  "DSAREQUIRED",
  "ERRORCODE",
  "EXTENSIONS",
  "GDPRCONSENT",
  "GPPSECTIONID",
  "GPPSTRING",
  "IFA",
  "IFATYPE",
  "INVENTORYSTATE",
  "LATLONG",
  "LIMITADTRACKING",
  "MEDIAMIME",
  "MEDIAPLAYHEAD",
  "OMIDPARTNER",
  "PAGEURL",
  "PLACEMENTTYPE",
  "PLAYBACKMETHODS",
  "PLAYERCAPABILITIES",
  "PLAYERSIZE",
  "PLAYERSTATE",
  "PODSEQUENCE",
  "REASON",
  "REGULATIONS",
  "SERVERSIDE",
  "SERVERUA",
  "STOREID",
  "STOREURL",
  "TIMESTAMP",
  "TRANSACTIONID",
  "UNIVERSALADID",
  "VASTVERSIONS",
  "VERIFICATIONVENDORS",
] as const;

/** One of {@link MACRO_NAMES}. */
export type MacroName = (typeof MACRO_NAMES)[number];

/** A list is joined by commas; `null` stands for what may not be told. */
export type MacroValue = string | number | boolean | URL | readonly (string | number)[] | null;

/** What is given its form here rather than by the caller. */
interface FormedValues {
  /** When the URL is requested. */
  readonly TIMESTAMP: Date | null;
  /** A random integer below 10⁸, new for every request. */
  readonly CACHEBUSTING: number;
  /** Seconds in the ad. */
  readonly ADPLAYHEAD: number | null;
  /** Seconds in the content. */
  readonly MEDIAPLAYHEAD: number | null;
  /** The old name of MEDIAPLAYHEAD. */
  readonly CONTENTPLAYHEAD: number | null;
}

/** By the standard's names. Absent or undefined: not known. Times in seconds, booleans become 1 or 0. */
export type MacroValues = {
  readonly [Name in MacroName]?: (Name extends keyof FormedValues ? FormedValues[Name] : MacroValue) | undefined;
};

const NAMES: ReadonlySet<string> = new Set(MACRO_NAMES);

function isMacroName(name: string): name is MacroName {
  return NAMES.has(name);
}

/** Values by the standard's names, and by names of one's own: upper-case letters, digits, `_`, a letter first. */
export type MacroOverrides = Readonly<Record<string, MacroValue | Date | undefined>>;

/**
 * Replaces each known upper-case `[NAME]` by its value, percent-encoded: -1 where it is not known, -2 where it may not be told.
 * TIMESTAMP is ISO 8601 with milliseconds in UTC, playheads are HH:MM:SS.mmm, CACHEBUSTING has eight digits.
 * Anything else, `%%NAME%%` too, stays as it is; a value that looks like a macro is not expanded again.
 *
 * @param overrides go before `values`; a name that the standard does not have is expanded only where it is in here
 */
export function expandMacros(template: string, values: MacroValues, overrides: MacroOverrides = {}): string {
  return template.replace(/\[([A-Z][A-Z0-9_]*)\]/g, (macro, name: string) => {
    const own = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    if (own !== undefined) return format(name, own);
    return isMacroName(name) ? format(name, values[name]) : macro;
  });
}

function format(name: string, value: MacroValue | Date | undefined): string {
  if (value === undefined) return "-1";
  if (value === null) return "-2";
  if (value instanceof Date) return encodeUrlPart(value.toISOString().replace("Z", "+00:00"));
  if (Array.isArray(value)) return value.map((item) => encodeUrlPart(String(item))).join(",");
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "number") return encodeUrlPart(String(value));
  if (!Number.isFinite(value)) return "-1";
  if (name === "CACHEBUSTING") return String(Math.floor(value)).padStart(8, "0");
  return name.endsWith("PLAYHEAD") ? encodeUrlPart(formatTime(value)) : String(value);
}

/** Percent-encodes as `encodeURIComponent` does, but never throws: half a surrogate pair becomes U+FFFD. */
export function encodeUrlPart(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\uFFFD"));
}
