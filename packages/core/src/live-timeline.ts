/**
 * What a live rendition's past was: when each of its segments starts, and which breaks took the place of which segments. Every
 * number of a stitched playlist follows from this and from the window that the content lists.
 *
 * @see RFC 8216 §6.2.1 (media sequence), §6.2.2 (what leaves a live playlist)
 */
import { blankSubtitles } from "./hls/ad-segments.ts";
import { snapToBoundary } from "./hls/align.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { dateSegment } from "./hls/splice.ts";
import { type ChosenAd, choosePod, type PodTarget } from "./stitch-pod.ts";
import type { Pod, RefusedAd } from "./stitched.ts";

/** Room for rounding in sums of durations, seconds. */
export const TIME_ROUNDING = 1e-6;

/** A content segment that was listed: seconds since the first one seen, and its discontinuity sequence number. */
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
  /** The content's discontinuity sequence number there, less what further tags before the segment add to the first. */
  readonly discontinuity: number;
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
  /** The content's discontinuity sequence number just before the break. */
  readonly precedingDiscontinuity: number;
  readonly ads: readonly ChosenAd[];
  readonly duration: number;
  readonly resumption: Resumption | undefined;
}

/** The memory of one rendition. Opaque; survives JSON. */
export interface LiveTimeline {
  readonly firstMediaSequence: number;
  readonly segments: readonly TimedSegment[];
  /** Content up to this number has been shown, or replaced: it can no longer change. -1 where nothing was. */
  readonly listedThrough: number;
  /** What the breaks before `breaks` have left. */
  readonly base: Offsets;
  readonly breaks: readonly LiveBreak[];
  readonly settled: readonly {
    readonly id: string;
    readonly mediaSequence: number;
    readonly refused: readonly RefusedAd[];
  }[];
  readonly clock: { readonly mediaSequence: number; readonly date: number } | undefined;
  readonly isForked: boolean;
}

/** The memory of a rendition that has not been seen yet. */
export function emptyTimeline(): LiveTimeline {
  return {
    firstMediaSequence: 0,
    segments: [],
    listedThrough: -1,
    base: { mediaSequence: 0, discontinuity: 0, carry: 0 },
    breaks: [],
    settled: [],
    clock: undefined,
    isForked: false,
  };
}

/**
 * The memory for a rendition that is asked for later than another one of the same session (a level switch, another audio
 * language): it then shows the same breaks at the same places, with the same discontinuity sequence numbers, as if it had been
 * followed from the start. Segments of the two are matched by their dates, where both have them, else by media sequence number.
 */
export function forkTimeline(timeline: LiveTimeline): LiveTimeline {
  return { ...timeline, isForked: true };
}

/** The memory with a window added to it. A window that lies wholly before what is known is a stream that began anew. */
export function extendTimeline(timeline: LiveTimeline, playlist: MediaPlaylist): LiveTimeline {
  const first = playlist.mediaSequence;
  const isRestart = first + playlist.segments.length < timeline.firstMediaSequence;
  if (isRestart || timeline.segments.length === 0) {
    const past = isRestart ? emptyTimeline() : timeline;
    const segments = timeSegments(playlist, 0, 0, playlist.discontinuitySequence);
    return { ...past, firstMediaSequence: first, segments };
  }
  const last = timeline.segments.at(-1);
  const end = last ? last.start + last.duration : 0;
  const next = timeline.firstMediaSequence + timeline.segments.length;
  if (first > next) {
    const start = end + (first - next) * playlist.targetDuration;
    const discontinuity = Math.max(last?.discontinuity ?? 0, playlist.discontinuitySequence);
    return { ...timeline, firstMediaSequence: first, segments: timeSegments(playlist, 0, start, discontinuity) };
  }
  const added = timeSegments(playlist, next - first, end, last?.discontinuity ?? 0);
  const segments = [...listEarlier(timeline, playlist), ...timeline.segments, ...added];
  return { ...timeline, firstMediaSequence: Math.min(first, timeline.firstMediaSequence), segments };
}

function timeSegments(playlist: MediaPlaylist, from: number, start: number, before: number): TimedSegment[] {
  let [time, discontinuity] = [start, before];
  return playlist.segments.slice(from).map(({ duration, discontinuities }) => {
    discontinuity += discontinuities;
    const timed = { start: time, duration, discontinuity, discontinuities };
    time += duration;
    return timed;
  });
}

/** Segments of an older window than the first one seen: caches may answer with one. */
function listEarlier(timeline: LiveTimeline, playlist: MediaPlaylist): readonly TimedSegment[] {
  const count = timeline.firstMediaSequence - playlist.mediaSequence;
  const [known] = timeline.segments;
  if (count <= 0 || !known) return [];
  const timed = timeSegments(playlist, 0, 0, 0).slice(0, count);
  const end = timed.reduce((total, { duration }) => total + duration, 0);
  const discontinuity = known.discontinuity - known.discontinuities - (timed.at(-1)?.discontinuity ?? 0);
  return timed.map((segment) => ({
    ...segment,
    start: known.start - end + segment.start,
    discontinuity: segment.discontinuity + discontinuity,
  }));
}

/** A content segment of the memory; `undefined` where it is not known (any more). */
export function findSegment(timeline: LiveTimeline, mediaSequence: number): TimedSegment | undefined {
  return timeline.segments[mediaSequence - timeline.firstMediaSequence];
}

/** The discontinuity sequence number of a break's first segment. */
export function firstDiscontinuity(entry: LiveBreak, before: Offsets): number {
  return entry.precedingDiscontinuity + before.discontinuity + 1;
}

/** The offsets of the content after a break that has its resumption. */
export function offsetsAfter(entry: LiveBreak, before: Offsets): Offsets {
  const { resumption } = entry;
  if (!resumption) return before;
  const segments = entry.ads.flatMap((ad) => ad.segments);
  const changes = segments.filter((segment) => segment.discontinuity).length;
  return {
    mediaSequence: entry.mediaSequence + before.mediaSequence + segments.length - resumption.mediaSequence,
    discontinuity: firstDiscontinuity(entry, before) + changes - resumption.discontinuity,
    carry: resumption.carry,
  };
}

/** Forgets what lies more than one window behind the window, and keeps only what it leaves. */
export function pruneTimeline(timeline: LiveTimeline, playlist: MediaPlaylist): LiveTimeline {
  const oldest = playlist.mediaSequence - playlist.segments.length;
  const from = Math.max(timeline.firstMediaSequence, oldest);
  const isPast = (entry: LiveBreak): boolean => (entry.resumption?.mediaSequence ?? Infinity) <= from;
  const { date } = dateSegment(playlist, 0);
  return {
    ...timeline,
    firstMediaSequence: from,
    segments: timeline.segments.slice(from - timeline.firstMediaSequence),
    base: timeline.breaks.filter(isPast).reduce((base, entry) => offsetsAfter(entry, base), timeline.base),
    breaks: timeline.breaks.filter((entry) => !isPast(entry)),
    settled: timeline.settled.filter(({ mediaSequence }) => mediaSequence >= from),
    clock: date === undefined ? undefined : { mediaSequence: playlist.mediaSequence, date },
    isForked: false,
  };
}

/** Turns the memory of another rendition into that of this one: its numbers, and its own renditions of the ads. */
export function adoptTimeline(
  timeline: LiveTimeline,
  target: PodTarget,
  pods: (availId: string) => Pod | undefined,
): LiveTimeline {
  const shift = findShift(timeline, target.playlist);
  const breaks = timeline.breaks.map((entry) => ({
    ...entry,
    mediaSequence: entry.mediaSequence + shift,
    ads: adoptAds(entry, target, pods(entry.availId)),
    resumption: entry.resumption && { ...entry.resumption, mediaSequence: entry.resumption.mediaSequence + shift },
  }));
  return {
    ...timeline,
    firstMediaSequence: timeline.firstMediaSequence + shift,
    listedThrough: timeline.listedThrough + shift,
    breaks,
    settled: timeline.settled.map((entry) => ({ ...entry, mediaSequence: entry.mediaSequence + shift })),
  };
}

function adoptAds(entry: LiveBreak, target: PodTarget, pod: Pod | undefined): readonly ChosenAd[] {
  const places = new Set(entry.ads.map((ad) => ad.index));
  const own = pod ? choosePod(pod, target).ads.filter((ad) => places.has(ad.index)) : [];
  if (own.length === entry.ads.length) return own;
  if (target.content.kind !== "subtitles") return entry.ads;
  return entry.ads.map((ad) => ({ ...ad, segments: blankSubtitles(ad.segments) }));
}

/** How much higher this rendition's media sequence numbers are than those of the memory. */
function findShift(timeline: LiveTimeline, playlist: MediaPlaylist): number {
  const { clock, segments } = timeline;
  const { date } = dateSegment(playlist, 0);
  const [first, last] = [segments[0], segments.at(-1)];
  const clocked = clock && findSegment(timeline, clock.mediaSequence);
  if (!clock || !clocked || !first || !last || date === undefined) return 0;
  const time = clocked.start + (date - clock.date) / 1000;
  const end = last.start + last.duration;
  let index = snapToBoundary([...segments.map((segment) => segment.start), end], time);
  if (time > end) index = segments.length + Math.round((time - end) / (last.duration || 1));
  if (time < first.start) index = Math.round((time - first.start) / (first.duration || 1));
  return playlist.mediaSequence - (timeline.firstMediaSequence + index);
}
