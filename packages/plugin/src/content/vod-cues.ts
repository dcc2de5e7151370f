/**
 * Breaks of VOD content that only its playlist places: at its cues, or again and again up to its end.
 *
 * @see primetime.md §4.1 (MANIFEST_CUES: pre-roll inserted, mid-rolls replace); VMAP 1.0.1 §2.3.1 (`#n`, repeatAfter)
 */
import { type Avail, parseCues } from "@interlude/core";
import { PRE_ROLL_ID } from "../ads/ad-requests.ts";
import type { AdServer } from "../ads/ad-server.ts";
import type { BreakSource, PlannedBreak } from "../ads/planned-break.ts";
import { orderVodAvail } from "./avails.ts";
import type { ContentFacts } from "./content.ts";

/** Breaks of one content that are looked at; a playlist or a VMAP may be of any length. */
const MAX_BREAKS = 500;

/** One break per cue, and a pre-roll before them. */
export function planCues(
  { playlist }: ContentFacts,
  cueFormat: string | undefined,
  planAvail: AdServer["planAvail"],
): readonly PlannedBreak[] {
  const preroll = { breakId: PRE_ROLL_ID, position: "pre", timeOffset: "start" } as const;
  const avails = parseCues(playlist, cueFormat).filter(({ isPartial }) => !isPartial);
  return [preroll, ...avails.slice(0, MAX_BREAKS).map(orderVodAvail)].flatMap((order) => planAvail(order) ?? []);
}

/** Breaks of the n-th cue get its time, breaks that repeat are listed up to the end; one whose cue is missing stays without a time. */
export function placeByContent(
  planned: readonly PlannedBreak[],
  { playlist, duration }: ContentFacts,
  cueFormat: string | undefined,
): readonly PlannedBreak[] {
  const avails = parseCues(playlist, cueFormat);
  const all = planned.flatMap((item) => repeat(placeAtCue(item, avails), duration));
  return all.slice(0, MAX_BREAKS);
}

function placeAtCue(planned: PlannedBreak, avails: readonly Avail[]): PlannedBreak {
  const { timeOffset } = planned;
  if (typeof timeOffset !== "object" || !("position" in timeOffset)) return planned;
  const avail = avails[timeOffset.position - 1];
  if (!avail) return planned;
  const { attributes, signal, startTime } = avail;
  return { ...planned, timeOffset: { seconds: Math.max(0, startTime) }, cue: { attributes, signal } };
}

function repeat(planned: PlannedBreak, contentDuration: number): readonly PlannedBreak[] {
  const { timeOffset, repeatAfter } = planned;
  const first = timeOffset === "start" ? 0 : readSeconds(timeOffset, contentDuration);
  if (!repeatAfter || first === undefined) return [planned];
  const count = Math.min(MAX_BREAKS, Math.ceil((contentDuration - first) / repeatAfter) - 1);
  const again = Array.from({ length: Math.max(0, count) }, (_, index): PlannedBreak => {
    const breakId = `${planned.breakId}@${index + 2}`;
    const timeOffset = { seconds: first + (index + 1) * repeatAfter };
    return { ...planned, breakId, position: "mid", timeOffset, source: renameSource(planned.source, breakId) };
  });
  return [planned, ...again];
}

/** The ad server is told the name that events and beacons have. */
function renameSource(source: BreakSource, breakId: string): BreakSource {
  if (source.kind !== "tag") return source;
  const { tag } = source;
  return { ...source, tag: { ...tag, parameters: { ...tag.parameters, break: breakId } } };
}

function readSeconds(offset: PlannedBreak["timeOffset"], contentDuration: number): number | undefined {
  if (typeof offset !== "object" || "position" in offset) return undefined;
  return "seconds" in offset ? offset.seconds : offset.share * contentDuration;
}
