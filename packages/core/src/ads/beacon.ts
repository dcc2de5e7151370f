/**
 * Which tracking requests an ad owes, and at which second of it.
 *
 * @see VAST 4.3 §3.14.1 (events), §3.4.6 (impression)
 */
import type { Ad, Creative, TimeOffset } from "./ad.ts";

/** A URL to be requested when the ad has played `time` seconds; its macros are unexpanded. */
export interface ScheduledBeacon {
  readonly event: string;
  readonly url: string;
  readonly time: number;
}

/** What happens by playing alone, with its share of the duration, in the order in which it is reported. */
const SHARE_OF_EVENT: readonly (readonly [event: string, share: number])[] = [
  ["impression", 0],
  ["loaded", 0],
  ["creativeView", 0],
  ["start", 0],
  ["firstQuartile", 0.25],
  ["midpoint", 0.5],
  ["thirdQuartile", 0.75],
  ["complete", 1],
];

/**
 * The beacons of one creative that is played from its start to its end, sorted by time. What the viewer does (pause, mute, skip,
 * clicks) is not in it. A `progress` beacon without an offset, or with one beyond the end, is left out.
 *
 * @param duration seconds, of the media that is really played
 * @param isFirst false for the further creatives of an ad: its impressions are due once
 */
export function scheduleBeacons(
  ad: Ad,
  creative: Creative,
  duration: number,
  isFirst = true,
): readonly ScheduledBeacon[] {
  const impressions = isFirst ? ad.impressions.map((url) => ({ event: "impression", url, offset: undefined })) : [];
  const all = [...impressions, ...creative.trackers];
  const timed = SHARE_OF_EVENT.flatMap(([event, share]) =>
    all
      .filter((tracker) => tracker.event.toLowerCase() === event.toLowerCase())
      .map(({ url }) => ({ event, url, time: share * duration })),
  );
  const progress = creative.trackers.flatMap(({ event, url, offset }) => {
    const time = event.toLowerCase() === "progress" ? selectTime(offset, duration) : undefined;
    return time === undefined ? [] : [{ event: "progress", url, time }];
  });
  return [...timed, ...progress].toSorted((a, b) => a.time - b.time);
}

/**
 * The URLs that want to know of something that the viewer does, as `mute`, `pause` or `rewind`; a tracker is named as its document
 * spells it, compared without case.
 */
export function listBeacons(creative: Creative, event: string): readonly string[] {
  const wanted = event.toLowerCase();
  return creative.trackers.filter((tracker) => tracker.event.toLowerCase() === wanted).map(({ url }) => url);
}

function selectTime(offset: TimeOffset | undefined, duration: number): number | undefined {
  if (!offset) return undefined;
  const time = "share" in offset ? offset.share * duration : offset.seconds;
  return time <= duration ? time : undefined;
}
