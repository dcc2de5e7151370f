/**
 * Where breaks of live content stand, and where a viewer who has just come begins.
 *
 * @see primetime.md §1.7
 */
import { type Avail, type ContentPlace, formatDateOf, type MediaPlaylist } from "@interlude/core";
import type { ContentFacts } from "./content.ts";
import { readStartOffset } from "./start-offset.ts";

/** Of a break; `duration` in seconds, 0: not known. */
export interface LivePlace {
  readonly at: ContentPlace;
  readonly duration: number;
  /** Where the content has signalled its return. */
  readonly returnsAt?: ContentPlace;
}

/** Where a viewer who has just come begins, seconds from the first segment. */
export interface Entrance {
  readonly time: number;
  readonly place: LivePlace;
  /** The avail that is running there, listed from its first segment on. */
  readonly running: Avail | undefined;
}

/** hls.js and VHS start three target durations before the edge. */
const START_DISTANCE = 3;
/** Room for rounding, seconds. */
const EPSILON = 0.001;

/** @param startAt seconds from the first segment, where the page has the player begin; absent: where the playlist says, or as players do */
export function selectEntrance(facts: ContentFacts, avails: readonly Avail[], startAt?: number): Entrance {
  const { playlist, duration, targetDuration } = facts;
  const wanted = startAt ?? readOwnStart(facts) ?? duration - START_DISTANCE * targetDuration;
  let [index, time, end] = [0, 0, 0];
  for (const [at, segment] of playlist.segments.entries()) {
    if (end > wanted + EPSILON) break;
    [index, time] = [at, end];
    end += segment.duration;
  }
  const at = readPlace(playlist, playlist.mediaSequence + index);
  const running = avails.find((avail) => !avail.isPartial && isRunning(avail, time));
  return { time, place: { at, duration: 0 }, running };
}

/** Seconds from the first segment. */
function readOwnStart({ playlist, duration }: ContentFacts): number | undefined {
  const offset = readStartOffset(playlist.text);
  return offset !== undefined && offset < 0 ? duration + offset : offset;
}

/** Whether an avail lies behind a viewer who has just come, or has begun before him. */
export function isMissed({ startTime }: Avail, { time }: Entrance): boolean {
  return startTime < time - EPSILON;
}

/** Whether the content comes back before the planned end; a break of unknown length has none, so that any return ends it. */
export function isReturnedEarly({ startTime, duration, returnTime }: Avail): boolean {
  return returnTime !== undefined && returnTime <= startTime + (duration || Infinity) - EPSILON;
}

/** @param playlist for the date of the return */
export function placeAt(avail: Avail, playlist?: MediaPlaylist): LivePlace {
  const { mediaSequence, programDateTime, duration, returnMediaSequence } = avail;
  const place = { at: { mediaSequence, programDateTime }, duration };
  if (!playlist || returnMediaSequence === undefined) return place;
  return { ...place, returnsAt: readPlace(playlist, returnMediaSequence) };
}

function isRunning({ startTime, duration, returnTime }: Avail, time: number): boolean {
  const end = returnTime ?? startTime + (duration || Infinity);
  return startTime < time - EPSILON && time < end - EPSILON;
}

function readPlace(playlist: MediaPlaylist, mediaSequence: number): ContentPlace {
  return { mediaSequence, programDateTime: formatDateOf(playlist, mediaSequence) };
}
