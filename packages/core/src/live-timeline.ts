/**
 * What a live rendition's past was: when its last window started and ended, and which breaks took the place of which segments.
 * Every number of a stitched playlist follows from this and from the window that the content lists.
 *
 * Of the segments themselves nothing is kept: a window starts where it overlaps the one before it.
 *
 * @see RFC 8216 §6.2.1 (media sequence), §6.2.2 (what leaves a live playlist)
 */
import type { AdSegment } from "./hls/ad-segments.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { clockOf } from "./hls/playlist-clock.ts";
import { dateSegment } from "./hls/splice.ts";
import type { ChosenAd } from "./stitch-pod.ts";
import type { RefusedAd } from "./stitched.ts";

/** Room for rounding in sums of durations, seconds. */
export const TIME_ROUNDING = 1e-6;

/** Segments behind the window whose breaks are still known: caches may answer with an older playlist. */
const MEMORY_SEGMENTS = 20;

/** Where a content segment starts: seconds since the first one seen, and the discontinuity sequence number before its own tags. */
export interface LiveBoundary {
  readonly mediaSequence: number;
  readonly start: number;
  readonly discontinuity: number;
}

/** A window of the content, and where its first segment starts. */
export interface LiveWindow extends LiveBoundary {
  readonly playlist: MediaPlaylist;
}

/** A content segment: seconds since the first one seen, and its discontinuity sequence number. */
export interface TimedSegment {
  readonly start: number;
  readonly duration: number;
  readonly discontinuity: number;
  /** How many EXT-X-DISCONTINUITY stand before it. */
  readonly discontinuities: number;
}

/** How far the stitched playlist is ahead of the content: in numbers, and in seconds (`carry`, at most half a segment). */
export interface Offsets {
  readonly mediaSequence: number;
  readonly discontinuity: number;
  readonly carry: number;
}

/** Where content comes back after a break; `carry` is what the break leaves to the next one. */
export interface Resumption {
  readonly mediaSequence: number;
  /** The content's discontinuity sequence number there, and how many tags stand before the segment. */
  readonly discontinuity: number;
  readonly discontinuities: number;
  readonly carry: number;
}

/** A break that replaces the content segments from `mediaSequence` up to its resumption, which is found when the content lists it. */
export interface LiveBreak {
  readonly availId: string;
  readonly breakId: string;
  readonly mediaSequence: number;
  /** Seconds on the content's timeline. */
  readonly start: number;
  /** Milliseconds since 1970. */
  readonly date: number | undefined;
  /** The content's discontinuity sequence number at the first segment that is replaced, and how many tags stand before that. */
  readonly discontinuity: number;
  readonly discontinuities: number;
  /** True where no content is between it and the break before it. */
  readonly follows: boolean;
  /** True where the content segment before it was not listed before the break was known: subtitles may end it at the break. */
  readonly clips: boolean;
  readonly ads: readonly ChosenAd[];
  /** How many segments of the ads stay, once the content has returned; `undefined` until then: all. */
  readonly kept: number | undefined;
  /** Segments of the ads that were listed so far, as long as the content has not resumed. */
  readonly listed: number;
  /** Seconds of what stays. */
  readonly duration: number;
  readonly resumption: Resumption | undefined;
}

/** The memory of one rendition: some 200 bytes, and the breaks of its window. Opaque; survives JSON. */
export interface LiveTimeline {
  /** The last window: where it started and ended, and the date of its start in milliseconds since 1970. */
  readonly window:
    { readonly head: LiveBoundary; readonly end: LiveBoundary; readonly date: number | undefined } | undefined;
  /** Content up to this number has been shown, or replaced: it can no longer change. -1 where nothing was. */
  readonly listedThrough: number;
  /** What the breaks before `breaks` have left. */
  readonly base: Offsets;
  readonly breaks: readonly LiveBreak[];
  readonly settled: readonly {
    readonly id: string;
    readonly mediaSequence: number;
    readonly refused: readonly RefusedAd[];
    /** A break of which nothing is left: subtitles before this segment were listed as ending at it, and stay so. */
    readonly clippedAt?: number | undefined;
  }[];
  readonly isForked: boolean;
}

const EMPTY: LiveTimeline = {
  window: undefined,
  listedThrough: -1,
  base: { mediaSequence: 0, discontinuity: 0, carry: 0 },
  breaks: [],
  settled: [],
  isForked: false,
};

/** The memory of a rendition that has not been seen yet. */
export function emptyTimeline(): LiveTimeline {
  return EMPTY;
}

/**
 * The memory for a rendition that is asked for later than another one of the same session (a level switch, another audio
 * language): it then shows the same breaks at the same places, with the same discontinuity sequence numbers, as if it had been
 * followed from the start. Segments of the two are matched by their dates, where both have them, else by media sequence number.
 */
export function forkTimeline(timeline: LiveTimeline): LiveTimeline {
  return { ...timeline, isForked: true };
}

/** A window on the clock of the memory. One that lies far before what is known is a stream that began anew: nothing is known of it. */
export function enterWindow(
  timeline: LiveTimeline,
  playlist: MediaPlaylist,
): { readonly timeline: LiveTimeline; readonly window: LiveWindow } {
  const { mediaSequence, segments, targetDuration, discontinuitySequence } = playlist;
  const { boundaries, discontinuities } = clockOf(playlist);
  const anew = { playlist, mediaSequence, start: 0, discontinuity: discontinuitySequence };
  if (!timeline.window) return { timeline, window: anew };
  const { head, end } = timeline.window;
  const next = mediaSequence + segments.length;
  if (next + segments.length < head.mediaSequence) return { timeline: EMPTY, window: anew };
  const known = [end, head].find(
    (boundary) => boundary.mediaSequence >= mediaSequence && boundary.mediaSequence <= next,
  );
  if (known) {
    const index = known.mediaSequence - mediaSequence;
    const start = known.start - (boundaries[index] ?? 0);
    const discontinuity = known.discontinuity - (discontinuities[index] ?? 0);
    return { timeline, window: { playlist, mediaSequence, start, discontinuity } };
  }
  const [nearest, count] = mediaSequence > end.mediaSequence ? [end, 0] : [head, discontinuities.at(-1) ?? 0];
  const start = nearest.start + (mediaSequence - nearest.mediaSequence) * targetDuration;
  const counted = nearest.discontinuity - (mediaSequence < head.mediaSequence ? count : 0);
  const discontinuity = mediaSequence < head.mediaSequence ? counted : Math.max(counted, discontinuitySequence);
  return { timeline, window: { playlist, mediaSequence, start, discontinuity } };
}

/** A content segment of the window; `undefined` where it is not listed. */
export function findSegment(
  { playlist, start, discontinuity }: LiveWindow,
  mediaSequence: number,
): TimedSegment | undefined {
  const index = mediaSequence - playlist.mediaSequence;
  const segment = playlist.segments[index];
  if (!segment) return undefined;
  const clock = clockOf(playlist);
  return {
    start: start + (clock.boundaries[index] ?? 0),
    duration: segment.duration,
    discontinuity: discontinuity + (clock.discontinuities[index + 1] ?? 0),
    discontinuities: segment.discontinuities,
  };
}

const flattened = new WeakMap<readonly ChosenAd[], readonly AdSegment[]>();

/** All segments of some ads, those included that an early return has taken. */
export function plannedSegments(ads: readonly ChosenAd[]): readonly AdSegment[] {
  const known = flattened.get(ads);
  if (known) return known;
  const segments = ads.flatMap((ad) => ad.segments);
  flattened.set(ads, segments);
  return segments;
}

/** The segments of a break's ads that stay. */
export function keptSegments({ ads, kept }: LiveBreak): readonly AdSegment[] {
  const planned = plannedSegments(ads);
  return kept === undefined ? planned : planned.slice(0, kept);
}

/**
 * The discontinuity sequence number of what is listed just before a break.
 *
 * @param isMarked whether ads have EXT-X-DISCONTINUITY around them
 */
export function discontinuityBefore(entry: LiveBreak, before: Offsets, isMarked: boolean): number {
  const own = Math.max(Number(entry.follows && isMarked), entry.discontinuities);
  return entry.discontinuity - own + before.discontinuity;
}

/** The offsets of the content after a break that has its resumption. */
export function offsetsAfter(entry: LiveBreak, before: Offsets, isMarked: boolean): Offsets {
  const { resumption } = entry;
  if (!resumption) return before;
  const segments = keptSegments(entry);
  const changes = isMarked ? segments.filter((segment) => segment.discontinuity).length : 0;
  const printed = Math.max(Number(isMarked), resumption.discontinuities);
  return {
    mediaSequence: entry.mediaSequence + before.mediaSequence + segments.length - resumption.mediaSequence,
    discontinuity: discontinuityBefore(entry, before, isMarked) + changes + printed - resumption.discontinuity,
    carry: resumption.carry,
  };
}

/** The memory that a window leaves: what lies far behind it is forgotten. */
export function leaveWindow(timeline: LiveTimeline, window: LiveWindow, isMarked: boolean): LiveTimeline {
  const { playlist, mediaSequence, start, discontinuity } = window;
  const { boundaries, discontinuities } = clockOf(playlist);
  const from = mediaSequence - Math.min(playlist.segments.length, MEMORY_SEGMENTS);
  const isPast = (entry: LiveBreak): boolean => (entry.resumption?.mediaSequence ?? Infinity) <= from;
  const past = timeline.breaks.filter(isPast);
  const end = {
    mediaSequence: mediaSequence + playlist.segments.length,
    start: start + (boundaries.at(-1) ?? 0),
    discontinuity: discontinuity + (discontinuities.at(-1) ?? 0),
  };
  return {
    listedThrough: timeline.listedThrough,
    window: { head: { mediaSequence, start, discontinuity }, end, date: dateSegment(playlist, 0).date },
    base: past.reduce((base, entry) => offsetsAfter(entry, base, isMarked), timeline.base),
    breaks: past.length > 0 ? timeline.breaks.filter((entry) => !isPast(entry)) : timeline.breaks,
    settled: timeline.settled.filter((entry) => entry.mediaSequence >= from),
    isForked: false,
  };
}
