/**
 * What hls.js's errors say of an ad.
 *
 * @see hls.js 1.7 API.md, errors (`Hls.ErrorDetails`)
 */
import type { SkipReason } from "@interlude/core";

/** An error that an ad may have caused. */
export interface AdFault {
  readonly reason: SkipReason;
  /** The first of its kind may be chance. */
  readonly mayBeChance: boolean;
  /** It is of what is on screen, unless it names a fragment of an ad; else of the fragment that it names, or that was loaded last. */
  readonly isOfPlayhead: boolean;
  /** What became of the media source: of no more use, or made anew by hls.js already. */
  readonly source: "kept" | "stuck" | "renewed";
}

const LOADING: readonly string[] = ["fragLoadError", "keyLoadError"];
const LATE: readonly string[] = ["fragLoadTimeOut", "keyLoadTimeOut"];
const DECODING: readonly string[] = [
  "fragParsingError",
  "fragDecryptError",
  "bufferAppendError",
  "bufferAddCodecError",
  "bufferIncompatibleCodecsError",
  "remuxAllocError",
];

/**
 * Undefined for what hls.js mends itself, and for errors of playlists.
 *
 * @param hasMediaError the browser has given up decoding (`HTMLMediaElement.error`)
 * @param isMadeHere the page makes the fragment itself, of a source that it reads
 */
export function selectFault(
  details: string,
  isFatal: boolean,
  hasMediaError: boolean,
  isMadeHere = false,
): AdFault | undefined {
  const reason = selectReason(details, isMadeHere);
  if (details === "mediaSourceRequiresReset")
    return { reason, mayBeChance: false, isOfPlayhead: true, source: "renewed" };
  if (hasMediaError) return { reason, mayBeChance: false, isOfPlayhead: true, source: "stuck" };
  if (details === "bufferStalledError" && isFatal)
    return { reason, mayBeChance: false, isOfPlayhead: true, source: "kept" };
  if (!LOADING.includes(details) && !LATE.includes(details) && !DECODING.includes(details)) return undefined;
  const isStuck = isFatal && DECODING.includes(details);
  const mayBeChance = !isFatal && LOADING.includes(details);
  return { reason, mayBeChance, isOfPlayhead: false, source: isStuck ? "stuck" : "kept" };
}

function selectReason(details: string, isMadeHere: boolean): SkipReason {
  if (LATE.includes(details)) return "media-timeout";
  return LOADING.includes(details) && !isMadeHere ? "media-unavailable" : "source-unreadable";
}
