/**
 * A break before its ads are known: where it stands, and where its ads come from.
 */
import type { AvailSignal, BreakOffset, VastResult, XmlElement } from "@interlude/core";
import type { BreakPosition } from "../events.ts";
import type { AdTag } from "./ad-requests.ts";

/** Where the ads of a break come from; `none`: a resolver of the page, if any. */
export type BreakSource =
  | { readonly kind: "tag"; readonly tag: AdTag }
  | { readonly kind: "vast"; readonly vast: XmlElement | string; readonly base: URL }
  | { readonly kind: "hls"; readonly urls: readonly URL[] }
  | { readonly kind: "result"; readonly result: VastResult }
  | { readonly kind: "none" };

export interface PlannedBreak {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly timeOffset: BreakOffset;
  readonly source: BreakSource;
  readonly allowMultipleAds: boolean;
  readonly followRedirects: boolean;
  readonly breakStart: readonly string[];
  readonly breakEnd: readonly string[];
  readonly errors: readonly string[];
  /** Seconds between repetitions; absent: it comes once. */
  readonly repeatAfter?: number | undefined;
  /** Seconds of VOD content from its place on that give way to it; absent: none. */
  readonly replaces?: number | undefined;
  /** Seconds that its ads may fill; absent: any. */
  readonly maxDuration?: number | undefined;
  /** The cue that it comes from. */
  readonly cue?: { readonly attributes: Readonly<Record<string, string>>; readonly signal: AvailSignal } | undefined;
  /** True for a break of live content. */
  readonly isLive?: boolean | undefined;
  /** Where it stands, seconds of content, as far as that is known when its ads are asked for. */
  readonly contentTime?: number | "end" | undefined;
  /** The break that is asked for next, where that is within the minute after it. */
  readonly next?: PlannedBreak | undefined;
}

/** A break of which nothing is known but its place and its source. */
export function planAlone(breakId: string, timeOffset: BreakOffset, source: BreakSource): PlannedBreak {
  const alone = { allowMultipleAds: true, followRedirects: true, breakStart: [], breakEnd: [], errors: [] } as const;
  return { ...alone, breakId, timeOffset, position: selectPosition(timeOffset), source };
}

const POSITION: Readonly<Record<string, BreakPosition>> = { start: "pre", end: "post" };

/** What an offset makes of a break: the first and the last thing that is shown, or between. */
export function selectPosition(offset: BreakOffset): BreakPosition {
  if (typeof offset === "string") return POSITION[offset] ?? "mid";
  if ("share" in offset && offset.share >= 1) return "post";
  return ("seconds" in offset && offset.seconds === 0) || ("share" in offset && offset.share === 0) ? "pre" : "mid";
}
