/**
 * Where the breaks of VOD content come from.
 *
 *   marked ranges                  → none
 *   replaced ranges                → one break for each
 *   signaling `manifest-cues`      → one break for each cue, and a pre-roll
 *   signaling `custom-ranges`      → none but the page's own
 *   else                           → what the ad tag names: a VMAP's breaks, or a pre-roll
 *
 * The breaks of the page's own list come besides, except beside marks.
 *
 * @see primetime.md §4.1, §4.9
 */
import type { AdServer } from "../ads/ad-server.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import type { Settings } from "../options.ts";
import type { ContentFacts } from "./content.ts";

/** @param facts of the first media playlist: waited for only where the breaks depend on it */
export async function planBreaks(
  { signaling, timeRanges, cueFormat }: Settings,
  adServer: AdServer,
  facts: Promise<ContentFacts>,
): Promise<readonly PlannedBreak[]> {
  if (timeRanges?.type === "mark") return [];
  if (timeRanges?.type === "replace") {
    const { planReplacements } = await import("./time-ranges.ts");
    return planReplacements(timeRanges.ranges, adServer.planAvail);
  }
  const isByCues = signaling === "manifest-cues";
  const planned = isByCues ? [] : await adServer.requestSchedule();
  if (!isByCues && !planned.some(needsContent)) return planned;
  const [content, cues] = await Promise.all([facts, import("./vod-cues.ts")]);
  // live content has its cues decided one by one
  if (content.isLive) return planned;
  return isByCues
    ? cues.planCues(content, cueFormat, adServer.planAvail)
    : cues.placeByContent(planned, content, cueFormat);
}

function needsContent({ timeOffset, repeatAfter }: PlannedBreak): boolean {
  return repeatAfter !== undefined || (typeof timeOffset === "object" && "position" in timeOffset);
}
