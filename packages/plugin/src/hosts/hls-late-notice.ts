/**
 * Whether content that is loaded may be thrown away for an ad that nobody has loaded yet: the viewer must not wait for it longer than he
 * would have without.
 */
import type { PlacedBreak } from "@interlude/core";
import type { Engine } from "./hls-engine.ts";
import { isOnline } from "./online.ts";

/** Seconds, and target durations, that are left to load an ad's first segment where the content has been loaded in its place. */
const LEAST_NOTICE = 2;
const NOTICE_SHARE = 0.75;
/** How much longer it may take than the network's measure says. */
const CAUTION = 1.5;

/**
 * Not where nothing comes, nor where the host has paused loading; nor while subtitles are loaded: hls.js leaves the cues of what is
 * flushed where they were.
 *
 * @param isHolding it is the plugin that has paused loading
 * @see hls.js 1.7 subtitle-stream-controller.ts, `onBufferFlushing`: flushes that do not begin at 0 are none to it
 */
export function mayReplace({ bufferingEnabled, subtitleTrack = -1 }: Engine, isHolding: boolean): boolean {
  return isOnline() && (bufferingEnabled || isHolding) && subtitleTrack < 0;
}

/** Seconds of the timeline that the viewer has to be before a break. */
export function selectNotice(engine: Engine, { ads: [ad] }: PlacedBreak, targetDuration: number): number {
  return selectNoticeOf(engine, ad ? ad.duration / ad.segmentCount : 0, targetDuration);
}

/** The same of a break that is not there yet: its first segment is taken to be as long as those of the content. */
export function guessNotice(engine: Engine, isHolding: boolean, targetDuration: number): number {
  return mayReplace(engine, isHolding) ? selectNoticeOf(engine, targetDuration, targetDuration) : Infinity;
}

function selectNoticeOf(engine: Engine, segmentDuration: number, targetDuration: number): number {
  const loading = CAUTION * estimateLoading(engine, segmentDuration);
  return Math.max(LEAST_NOTICE, NOTICE_SHARE * targetDuration, loading) * Math.max(1, engine.media?.playbackRate ?? 1);
}

/** Seconds that a segment takes; 0 where that is not known. */
function estimateLoading({ bandwidthEstimate = 0, levels, loadLevel = 0 }: Engine, duration: number): number {
  const bitrate = levels[loadLevel]?.bitrate ?? 0;
  return bandwidthEstimate > 0 ? (bitrate * duration) / bandwidthEstimate : 0;
}
