/**
 * What listeners on a player of video.js hear: every event of the plugin as `interlude-…`, and beside it the names that ad plugins of
 * video.js have agreed on, so that analytics and skins which know those need not know this plugin.
 *
 * @see videojs-contrib-ads 7.5 docs/integrator/common-interface.md, api.md (`adstart`, `adend`, `adserror`)
 */
import type { AdInsertionEvents } from "../events.ts";

/** An event on the plugin itself, under its own name. */
export interface InterludeEvent<K extends keyof AdInsertionEvents> {
  readonly type: K;
  readonly detail: AdInsertionEvents[K];
}

/** The same event on the player. */
export interface InterludePlayerEvent<K extends keyof AdInsertionEvents> {
  readonly type: `interlude-${K}`;
  readonly detail: AdInsertionEvents[K];
}

/**
 * The names of contrib-ads that say the same; quartiles besides. `adstart` and `adend` are of the whole break there. An error of ads is
 * never `error`, which is the content's.
 */
export const COMMON_NAMES: Readonly<Record<keyof AdInsertionEvents, readonly string[]>> = {
  adbreakstart: ["adstart", "ads-pod-started"],
  adstart: ["ads-ad-started"],
  adprogress: [],
  adclick: ["ads-click"],
  adcomplete: ["ads-ad-ended"],
  adbreakcomplete: ["ads-pod-ended", "adend"],
  adskip: [],
  adencounter: [],
  error: ["adserror"],
  workflowstep: [],
  beacon: [],
  seekadjusted: [],
  rangestart: [],
  rangeend: [],
  timeline: [],
};

const QUARTILES: readonly string[] = ["ads-first-quartile", "ads-midpoint", "ads-third-quartile"];

/**
 * Their names for what an ad has come to, `time` seconds into it.
 *
 * @param told how many of them this ad has had
 */
export function selectQuartiles(
  { time, duration }: Pick<AdInsertionEvents["adprogress"], "time" | "duration">,
  told: number,
): readonly string[] {
  return QUARTILES.slice(told, Math.floor((time / duration) * 4));
}

/** @returns whether a name is one of the plugin's events */
export function isEventName(name: string): name is keyof AdInsertionEvents {
  return Object.hasOwn(COMMON_NAMES, name);
}
