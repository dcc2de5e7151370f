/** What the policy is told of a cold creative: by the break, by VAST, and by the page. */
import type { EncounterFacts, MediaFile, RepackageRequest } from "@interlude/core";
import type { DeviceFacts } from "./device-facts.ts";
import { nameContainer, readBitrate } from "./media-choice.ts";
import type { PlannedBreak } from "./planned-break.ts";
import type { BreakTerms } from "./wait-deadline.ts";

export interface ColdCreative {
  readonly planned: PlannedBreak;
  readonly terms: Pick<BreakTerms, "timeToBreak">;
  readonly request: RepackageRequest;
  /** That the page would repackage; undefined: it is told of the one that the ad server is asked for. */
  readonly file: MediaFile | undefined;
}

export type KnownFacts = DeviceFacts & Pick<EncounterFacts, "reason" | "canWait" | "canRemux" | "bandwidthBps">;

export function describeFacts(
  { planned, terms, request, file: chosen }: ColdCreative,
  { downlinkBps: _downlinkBps, ...known }: KnownFacts,
): EncounterFacts {
  const { creative, creativeUrl } = request;
  const file = chosen ?? creative.mediaFiles.find(({ url }) => url === creativeUrl);
  const { duration } = creative;
  return {
    position: planned.isLive ? "live" : planned.position,
    timeToBreak: Math.max(0, terms.timeToBreak()),
    container: file ? nameContainer(file.type) : "other",
    bitrateKbps: file && readBitrate(file, duration),
    fileSize: file?.fileSize,
    duration,
    codec: file?.codec,
    ...known,
  };
}
