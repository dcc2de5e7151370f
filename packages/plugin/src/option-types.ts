/**
 * Whether an option is of the type that it is declared to be: pages that are written without types get an error that names it.
 * Loaded behind the entry; what was parsed before is thrown away where this throws.
 */
import { AdError } from "@interlude/core";
import type { AdsOption, OpportunityResolver } from "./ads/opportunity.ts";
import type { BreakOption, TimeRanges } from "./opportunity-options.ts";
import type { AdInsertionOptions } from "./options.ts";
import type { AdPolicy } from "./viewing/policy.ts";

/** What the error says was expected. */
type OptionType =
  | "true or false"
  | "a number"
  | "a string"
  | "a function"
  | "a string or an object"
  | "an http(s) URL"
  | "an object"
  | "an object, true or false"
  | "a number or false"
  | "a list"
  | "a list or a function"
  | "a list of objects";

const IS: Readonly<Record<OptionType, (value: unknown) => boolean>> = {
  "true or false": (value) => typeof value === "boolean",
  "a number": (value) => typeof value === "number",
  "a string": (value) => typeof value === "string",
  "a function": (value) => typeof value === "function",
  "a string or an object": (value) => typeof value === "string" || isObject(value),
  "an http(s) URL": (value) => typeof value === "string" || (isObject(value) && "href" in value),
  "an object": isObject,
  "an object, true or false": (value) => typeof value === "boolean" || isObject(value),
  "a number or false": (value) => typeof value === "number" || value === false,
  "a list": (value) => Array.isArray(value),
  "a list or a function": (value) => Array.isArray(value) || typeof value === "function",
  "a list of objects": (value) => Array.isArray(value) && value.every(isObject),
};

/** Each member of some options, by name. */
type OptionTypes<T> = { readonly [K in keyof T]-?: OptionType };

const TYPES: OptionTypes<AdInsertionOptions> = {
  zoneUrl: "an http(s) URL",
  zone: "an object",
  adTagUrl: "an http(s) URL",
  repackageUrl: "an http(s) URL",
  server: "an object",
  ptcdn: "a string",
  session: "a string",
  credentials: "a string",
  live: "true or false",
  followRepackaging: "true or false",
  startBudgetMs: "a number",
  zoneTimeoutMs: "a number",
  adTimeoutMs: "a number",
  probeTimeoutMs: "a number",
  playlistTimeoutMs: "a number",
  repackageTimeoutMs: "a number",
  breaks: "a list of objects",
  resolvers: "a list of objects",
  signaling: "a string",
  cueFormat: "a string",
  timeRanges: "an object",
  lookAhead: "a number or false",
  maxAds: "a number",
  maxBreakDuration: "a number",
  livePreroll: "an object, true or false",
  partialBreaks: "true or false",
  policy: "an object",
  snapBack: "true or false",
  keepInAds: "true or false",
  noAdsWithin: "a number",
  livePrerollOnce: "true or false",
  trickPlayRate: "a number",
  startContentTime: "a number",
  macros: "an object",
  consentTimeoutMs: "a number",
  firstEncounter: "a list or a function",
  waitBudgetMs: "a number",
  remuxUrl: "an http(s) URL",
  remuxMaxBytes: "a number",
};

const POLICY_TYPES: OptionTypes<AdPolicy> = {
  selectPolicyForAdBreak: "a function",
  selectAdBreaksToPlay: "a function",
  selectPolicyForSeekIntoAd: "a function",
  selectWatchedPolicyForAdBreak: "a function",
};

const ADS_TYPES: OptionTypes<AdsOption> = {
  vast: "a string or an object",
  hlsUrls: "a list",
  adTagUrl: "an http(s) URL",
};

const BREAK_TYPES: OptionTypes<Omit<BreakOption, "time">> = { id: "a string", ...ADS_TYPES };

const RESOLVER_TYPES: OptionTypes<OpportunityResolver> = { canResolve: "a function", resolve: "a function" };

const RANGES_TYPES: OptionTypes<Pick<TimeRanges, "ranges">> = { ranges: "a list of objects" };

/**
 * @returns names that are no option's, each with the sentence that says so
 * @throws AdError `option-invalid` naming the first option that is of a wrong type
 */
export function checkOptions(options: AdInsertionOptions): readonly AdError[] {
  checkTypes(options, TYPES);
  const { breaks = [], livePreroll, policy = {}, resolvers = [], timeRanges } = options;
  for (const [index, item] of breaks.entries()) checkTypes(item, BREAK_TYPES, `breaks[${index}].`);
  for (const [index, resolver] of resolvers.entries())
    checkTypes(resolver, RESOLVER_TYPES, `resolvers[${index}].`, false);
  if (typeof livePreroll === "object") checkTypes(livePreroll, ADS_TYPES, "livePreroll.");
  if (timeRanges) checkTypes(timeRanges, RANGES_TYPES, "timeRanges.", false);
  checkTypes(policy, POLICY_TYPES, "policy.");
  return findUnknown(options);
}

function findUnknown(options: AdInsertionOptions): readonly AdError[] {
  return Object.keys(options).flatMap((name) => {
    if (Object.hasOwn(TYPES, name)) return [];
    const meant = Object.keys(TYPES).find((known) => known.toLowerCase() === name.toLowerCase());
    const hint = meant === undefined ? "" : `; ${meant} is one`;
    return [new AdError("option-invalid", `${name}: expected the name of an option, got one that is none${hint}`)];
  });
}

/** @param mayLack whether a member may be absent or undefined */
function checkTypes(options: unknown, types: Readonly<Record<string, OptionType>>, prefix = "", mayLack = true): void {
  if (!isObject(options)) throw wrongType("options", "an object", options);
  for (const [name, expected] of Object.entries(types)) {
    const value: unknown = Reflect.get(options, name);
    if (!(mayLack && value === undefined) && !IS[expected](value)) throw wrongType(prefix + name, expected, value);
  }
}

function wrongType(name: string, expected: string, got: unknown): AdError {
  return new AdError("option-invalid", `${name}: expected ${expected}, got ${describe(got)}`);
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : String(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
