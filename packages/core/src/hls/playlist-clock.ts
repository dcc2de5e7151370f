/**
 * When the segments of a playlist start: on its own clock, on the wall clock, and in discontinuities. All of it depends on the
 * playlist alone, which is parsed once per refresh and shown to many viewers: it is worked out once and remembered with it.
 *
 * @see RFC 8216 §4.3.2.6, §6.2.1
 */
import { segmentBoundaries, snapToBoundary } from "./align.ts";
import type { MediaPlaylist } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";
import { dateSegment } from "./splice.ts";

/** The clock of one playlist. */
export interface PlaylistClock {
  /** Seconds from the first segment: the start of each, then the end of the last. */
  readonly boundaries: readonly number[];
  /** How many EXT-X-DISCONTINUITY stand before each segment's own lines, then how many in all; empty where there are none. */
  readonly discontinuities: readonly number[];
}

/** A segment of the content, for playlists that have dates and for those that only have numbers. */
export interface ContentPlace {
  readonly mediaSequence: number;
  readonly programDateTime?: string | undefined;
}

const clocks = new WeakMap<MediaPlaylist, PlaylistClock>();
const datesOfPlaylist = new WeakMap<MediaPlaylist, readonly number[]>();

/** The clock of a playlist; one object per playlist. */
export function clockOf(playlist: MediaPlaylist): PlaylistClock {
  const known = clocks.get(playlist);
  if (known) return known;
  const clock = {
    boundaries: segmentBoundaries(playlist.segments),
    discontinuities: countDiscontinuities(playlist),
  };
  clocks.set(playlist, clock);
  return clock;
}

/** Milliseconds since 1970: the start of each segment, then the end of the last; empty where the first has no date. */
export function datesOf(playlist: MediaPlaylist): readonly number[] {
  const known = datesOfPlaylist.get(playlist);
  if (known) return known;
  const dates = dateBoundaries(playlist);
  datesOfPlaylist.set(playlist, dates);
  return dates;
}

/** The date of a segment as ISO 8601 in UTC; `undefined` where the playlist has none, or lists no such segment. */
export function formatDateOf(playlist: MediaPlaylist, mediaSequence: number): string | undefined {
  return formatProgramDateTime(datesOf(playlist)[mediaSequence - playlist.mediaSequence]);
}

/**
 * The media sequence number of the segment that starts nearest to a date (milliseconds since 1970), of two equally near ones the
 * later. A segment that is not listed gets a number outside the list, by the target duration; `undefined` without dates.
 */
export function locateDate(playlist: MediaPlaylist, date: number): number | undefined {
  const { mediaSequence, targetDuration, segments } = playlist;
  const dates = datesOf(playlist);
  const [first, end] = [dates[0], dates.at(-1)];
  if (first === undefined || end === undefined) return undefined;
  const half = (segments[0]?.duration ?? 0) * 500;
  const spacing = Math.max(1, targetDuration) * 1000;
  if (date < first - half) return mediaSequence - Math.max(1, Math.round((first - date) / spacing));
  if (date > end) return mediaSequence + segments.length + Math.round((date - end) / spacing);
  // Equally near means to the millisecond.
  return mediaSequence + snapToBoundary(dates, date + 0.5);
}

/** The media sequence number that a segment has in this playlist: by its date where both have one, else by its number. */
export function locateSegment(
  playlist: MediaPlaylist,
  { programDateTime, mediaSequence }: Partial<ContentPlace>,
): number | undefined {
  const date = programDateTime === undefined ? undefined : parseProgramDateTime(programDateTime);
  return (date === undefined ? undefined : locateDate(playlist, date)) ?? mediaSequence;
}

function countDiscontinuities({ segments }: MediaPlaylist): readonly number[] {
  let total = 0;
  for (const { discontinuities } of segments) total += discontinuities;
  if (total === 0) return [];
  let count = 0;
  return [0, ...segments.map(({ discontinuities }) => (count += discontinuities))];
}

function dateBoundaries(playlist: MediaPlaylist): readonly number[] {
  const dates: number[] = [];
  let dated = dateSegment(playlist, 0);
  for (const index of playlist.segments.keys()) {
    dated = dateSegment(playlist, index, dated);
    if (dated.date === undefined) return [];
    dates.push(dated.date);
  }
  return [...dates, (dates.at(-1) ?? 0) + (playlist.segments.at(-1)?.duration ?? 0) * 1000];
}
