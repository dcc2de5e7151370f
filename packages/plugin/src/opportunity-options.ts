/**
 * The options that say where breaks come from, and when they are asked for.
 *
 * @see primetime.md §4.1 (signaling modes), §4.8 (lazy resolving), §4.9 (resolvers, time ranges)
 */
import type { AdsOption, OpportunityResolver } from "./ads/opportunity.ts";
import { wrongOption } from "./wrong-option.ts";

/** A break that the page itself asks for. Without ads of its own it is offered to the `resolvers`, and skipped where none takes it. */
export interface BreakOption extends AdsOption {
  /** Named so in events and in `break` of its ad request; default `break-{n}`, from 1. */
  readonly id?: string;
  /** Seconds of content, at the segment boundary nearest to it; `start` is a pre-roll, `end` a post-roll. */
  readonly time: number | "start" | "end";
}

/** Which signals count. @see primetime.md §4.1 */
export type Signaling = "default" | "manifest-cues" | "server-map" | "custom-ranges";

/** Seconds of content. `end` lies after `begin`. */
export interface TimeRange {
  readonly begin: number;
  readonly end: number;
  /** Seconds that the ads in place of a replaced range may fill; 0: none, absent: the ad server decides. */
  readonly replacementDuration?: number;
}

/** What becomes of ranges of the content: told only, taken out, or taken out with a break in place of each. */
export interface TimeRanges {
  readonly type: "mark" | "delete" | "replace";
  /** In any order; ranges that overlap are one, with the replacement of the earliest. */
  readonly ranges: readonly TimeRange[];
}

export interface OpportunityOptions {
  /** Breaks besides those of the ad tag. Default none. */
  readonly breaks?: readonly BreakOption[];
  /**
   * Which signals make breaks. `default`: VOD by the ad tag's map, inserted; live by cues, replaced. `manifest-cues`: VOD by cues too,
   * each in place of its content, the ad tag asked once per cue, and once for a pre-roll that is inserted. `server-map`: the map alone, live
   * content gets no ads. `custom-ranges`: neither map nor cues. Default `default`.
   */
  readonly signaling?: Signaling;
  /** The dialect of the cues (`DPISimple`, `DPIScte35`, `elemental`, `nbc`, `nfl`, `turner`, any case); absent: every cue that is known. */
  readonly cueFormat?: string;
  /** Asked for the ads of each break, in order: the first whose `canResolve` is true. Default none: each break's own ad tag. */
  readonly resolvers?: readonly OpportunityResolver[];
  /** Ranges of the content that are marked, deleted or replaced; they go before `signaling`. Default none. */
  readonly timeRanges?: TimeRanges;
  /**
   * How far ahead a VOD break is resolved: as many seconds before it comes up for loading, reckoned as buffer and target duration; false: all
   * at the start. Default 5. Players that ask for a VOD playlist once have all resolved at the start.
   */
  readonly lookAhead?: number | false;
  /**
   * Ads that one VOD break may have, from 1: of those that can be played the first so many, the others are left out
   * (`break-duration-exceeded`). Default 10. In live content an avail's own length bounds it.
   */
  readonly maxAds?: number;
  /**
   * Seconds that the ads of one VOD break may fill, where neither its cue nor the range that it replaces says how many: an ad that does not
   * fit is left out (`break-duration-exceeded`), a shorter one after it may fit. Default 180.
   */
  readonly maxBreakDuration?: number;
  /**
   * A pre-roll before the live point, once when the viewer comes: true by the ad tag (`break=preroll`), or with ads of its own. Default
   * false. The start waits for it up to `startBudgetMs`.
   */
  readonly livePreroll?: boolean | AdsOption;
  /**
   * True: a viewer who joins live content in the middle of an avail sees its break from the beginning, instead of the live pre-roll. Default
   * false: what is left of the avail is content.
   */
  readonly partialBreaks?: boolean;
}

/** {@link AdsOption}, checked. */
export type AdsSource =
  | { readonly kind: "tag"; readonly url: URL }
  | { readonly kind: "vast"; readonly vast: string }
  | { readonly kind: "hls"; readonly urls: readonly URL[] };

export interface OpportunitySettings {
  readonly breaks: readonly {
    readonly id: string;
    readonly time: number | "start" | "end";
    readonly ads: AdsSource | undefined;
  }[];
  readonly signaling: Signaling;
  readonly cueFormat: string | undefined;
  readonly resolvers: readonly OpportunityResolver[];
  /** Sorted, none overlaps another. */
  readonly timeRanges: TimeRanges | undefined;
  readonly lookAhead: number | false;
  readonly maxAds: number;
  readonly maxBreakDuration: number;
  readonly livePreroll: { readonly ads: AdsSource | undefined } | undefined;
  readonly partialBreaks: boolean;
}

/**
 * @param base what relative URLs are relative to
 * @throws AdError `option-invalid` naming the option
 */
export function parseOpportunityOptions(
  options: OpportunityOptions & { readonly adTagUrl?: string | URL },
  base: string,
): OpportunitySettings {
  const { signaling = "default", livePreroll = false, lookAhead = 5, maxAds = 10, maxBreakDuration = 180 } = options;
  const isKnown = ["default", "manifest-cues", "server-map", "custom-ranges"].includes(signaling);
  check(isKnown, "signaling", "default, manifest-cues, server-map or custom-ranges", signaling);
  check(lookAhead === false || isFrom(lookAhead, 0), "lookAhead", "seconds from 0, or false", lookAhead);
  check(isFrom(maxAds, 1), "maxAds", "a number from 1", maxAds);
  check(isFrom(maxBreakDuration, 0), "maxBreakDuration", "seconds from 0", maxBreakDuration);
  const preroll = livePreroll === true ? options : livePreroll;
  const breaks = (options.breaks ?? []).map((item, index) => parseBreak(item, index, base));
  for (const [index, { id }] of breaks.entries())
    check(breaks.findIndex((other) => other.id === id) === index, `breaks[${index}].id`, "a name of its own", id);
  return {
    breaks,
    signaling,
    cueFormat: options.cueFormat,
    resolvers: options.resolvers ?? [],
    timeRanges: options.timeRanges && parseRanges(options.timeRanges),
    lookAhead,
    maxAds,
    maxBreakDuration,
    livePreroll: preroll ? { ads: parseAds("livePreroll", preroll, base) } : undefined,
    partialBreaks: options.partialBreaks ?? false,
  };
}

/** Of one break; as many as of a VAST document, the rest is not looked at. */
const MAX_ADS = 30;

/**
 * @param name of what is read, for the message
 * @throws AdError `option-invalid`
 */
export function parseAds(name: string, { vast, hlsUrls, adTagUrl }: AdsOption, base: string): AdsSource | undefined {
  if (vast !== undefined)
    return { kind: "vast", vast: typeof vast === "string" ? vast : new XMLSerializer().serializeToString(vast) };
  if (hlsUrls)
    return {
      kind: "hls",
      urls: hlsUrls.slice(0, MAX_ADS).map((url, index) => parseUrl(`${name}.hlsUrls[${index}]`, url, base)),
    };
  return adTagUrl === undefined ? undefined : { kind: "tag", url: parseUrl(`${name}.adTagUrl`, adTagUrl, base) };
}

/** @throws AdError `option-invalid` for what is no http(s) URL */
export function parseUrl(name: string, value: string | URL, base: string): URL {
  const url = URL.canParse(value, base) ? new URL(value, base) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw wrongOption(name, "an http(s) URL", String(value));
}

function parseBreak(item: BreakOption, index: number, base: string): OpportunitySettings["breaks"][number] {
  const { id = `break-${index + 1}`, time } = item;
  const name = `breaks[${index}]`;
  check(
    time === "start" || time === "end" || isFrom(time, 0),
    `${name}.time`,
    `seconds from 0, "start" or "end"`,
    time,
  );
  return { id, time, ads: parseAds(name, item, base) };
}

/** Sorted by their begin, those that overlap merged: the replacement of the earliest counts. */
function parseRanges({ type, ranges }: TimeRanges): TimeRanges {
  check(["mark", "delete", "replace"].includes(type), "timeRanges.type", "mark, delete or replace", type);
  const merged: TimeRange[] = [];
  for (const [index, { begin, end, replacementDuration = 0 }] of ranges.entries()) {
    const name = `timeRanges.ranges[${index}]`;
    check(isFrom(begin, 0), `${name}.begin`, "seconds from 0", begin);
    check(isFrom(end, 0) && end > begin, `${name}.end`, `seconds after ${begin}`, end);
    check(isFrom(replacementDuration, 0), `${name}.replacementDuration`, "seconds from 0", replacementDuration);
  }
  for (const range of ranges.toSorted((a, b) => a.begin - b.begin)) {
    const last = merged.at(-1);
    if (last && range.begin < last.end) merged[merged.length - 1] = { ...last, end: Math.max(last.end, range.end) };
    else merged.push(range);
  }
  return { type, ranges: merged };
}

function isFrom(value: unknown, least: number): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= least;
}

function check(isRight: boolean, name: string, expected: string, value: unknown): void {
  if (!isRight) throw wrongOption(name, expected, value);
}
