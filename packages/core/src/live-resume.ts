/**
 * How a break ends: where content resumes after its pod, and what stays of the pod where the content returns early.
 *
 * A break without its resumption lists nothing after its pod. So both may change until then, but for ad segments that were listed.
 *
 * @see primetime.md §1.7 (early return)
 */
import { segmentBoundaries, snapToBoundary } from "./hls/align.ts";
import { type ContentPlace, clockOf, locateSegment } from "./hls/playlist-clock.ts";
import {
  findSegment,
  type LiveBreak,
  type LiveTimeline,
  type LiveWindow,
  type Offsets,
  offsetsAfter,
  plannedSegments,
  TIME_ROUNDING,
} from "./live-timeline.ts";
import { measureAd } from "./stitch-pod.ts";
import type { Pod } from "./stitched.ts";

/** Room for the segments of another rendition, which may be some audio frames off; seconds. */
const RENDITION_ROUNDING = 0.1;

/** A carry that differs by more is that of another pod. Seconds. */
const SHARED_CARRY_LIMIT = 0.5;

/**
 * Where content resumed, as the first rendition found it. `carry` is what the break left over there, in seconds: renditions that
 * share it do not drift apart over many breaks.
 */
export interface SharedResumption extends ContentPlace {
  readonly carry?: number | undefined;
}

/** What is known of the end of a break. */
export interface BreakEnd {
  readonly pod: Pod;
  readonly earlyReturn?: ContentPlace | undefined;
  readonly resumption?: SharedResumption | undefined;
}

/** The memory with the end of its last break, as far as the window tells it. Nothing that was listed changes. */
export function closeLast(
  timeline: LiveTimeline,
  window: LiveWindow,
  known: BreakEnd | undefined,
  isMarked: boolean,
): LiveTimeline {
  const last = timeline.breaks.at(-1);
  if (!last || last.resumption) return timeline;
  const { carry } = timeline.breaks
    .slice(0, -1)
    .reduce<Offsets>((offsets, entry) => offsetsAfter(entry, offsets, isMarked), timeline.base);
  const isReturning = known?.earlyReturn !== undefined && last.kept === undefined;
  const shortened = isReturning ? returnEarly(timeline, last, window, { ...known, carry }) : timeline;
  const open = shortened.breaks.at(-1);
  if (open?.availId !== last.availId) return shortened;
  const resumption = findResumption(open, window, carry, known?.resumption);
  return resumption ? replaceLast(shortened, { ...open, resumption }) : shortened;
}

/** Ad segments whose middle lies after the return go; a break of which nothing is left was none. */
function returnEarly(
  timeline: LiveTimeline,
  entry: LiveBreak,
  window: LiveWindow,
  { pod, earlyReturn, carry }: BreakEnd & { readonly carry: number },
): LiveTimeline {
  const returnTime = earlyReturn && timeOf(window, locateSegment(window.playlist, earlyReturn));
  if (returnTime === undefined) return timeline;
  const durations = entry.ads.flatMap(({ index }) => {
    const ad = pod.ads[index];
    return ad ? measureAd(ad).map(({ duration }) => duration) : [];
  });
  const stays = sumUntilMiddle(durations, returnTime - entry.start - carry + RENDITION_ROUNDING);
  const boundaries = segmentBoundaries(plannedSegments(entry.ads));
  const kept = Math.max(entry.listed, snapToBoundary(boundaries, stays));
  if (kept >= boundaries.length - 1) return replaceLast(timeline, { ...entry, kept });
  const refused = entry.ads.flatMap(({ adId, index }, place) => {
    const before = entry.ads.slice(0, place).reduce((total, ad) => total + ad.segments.length, 0);
    return before >= kept ? [{ breakId: entry.breakId, adId, index, reason: "early-return" as const }] : [];
  });
  const isClipListed = kept === 0 && entry.clips && entry.mediaSequence - 1 <= timeline.listedThrough;
  const clippedAt = isClipListed ? entry.mediaSequence : undefined;
  const settled = timeline.settled.map((avail) => {
    return avail.id === entry.availId ? { ...avail, refused: [...avail.refused, ...refused], clippedAt } : avail;
  });
  if (kept === 0) return { ...timeline, settled, breaks: timeline.breaks.slice(0, -1) };
  const duration = kept === entry.listed ? Math.max(stays, boundaries[kept] ?? 0) : stays;
  return replaceLast({ ...timeline, settled }, { ...entry, kept, duration });
}

/** Seconds of the segments whose middle is not after `time`. */
function sumUntilMiddle(durations: readonly number[], time: number): number {
  let total = 0;
  for (const duration of durations) {
    if (total + duration / 2 > time) break;
    total += duration;
  }
  return total;
}

/** When a segment starts that is listed, or was before this window; `undefined` where it is still to come. */
function timeOf(window: LiveWindow, mediaSequence: number | undefined): number | undefined {
  if (mediaSequence === undefined) return undefined;
  const before = window.mediaSequence - mediaSequence;
  if (before > 0) return window.start - before * window.playlist.targetDuration;
  return findSegment(window, mediaSequence)?.start;
}

/**
 * Where content resumes: at the first segment whose middle is not before the pod's end, or where another rendition did, if that is
 * as good within a segment. `undefined` as long as it is not listed.
 */
function findResumption(
  entry: LiveBreak,
  window: LiveWindow,
  carry: number,
  shared: SharedResumption | undefined,
): LiveBreak["resumption"] {
  const end = entry.start + carry + entry.duration;
  const own = findBoundary(window, Math.max(entry.mediaSequence, window.mediaSequence), end);
  const wanted = shared && locateSegment(window.playlist, shared);
  if (wanted !== undefined && wanted >= entry.mediaSequence) {
    const segment = findSegment(window, wanted);
    const over = segment && end - segment.start;
    if (segment && over !== undefined && Math.abs(over) <= segment.duration) {
      const known = shared?.carry ?? over;
      const isSame = Math.abs(known - over) <= SHARED_CARRY_LIMIT;
      return buildResumption(window, wanted, segment.start + (isSame ? known : over));
    }
    // The other rendition is one segment ahead of this one.
    const edge = window.mediaSequence + window.playlist.segments.length;
    if (own === edge - 1 && wanted === edge) return undefined;
  }
  return own === undefined ? undefined : buildResumption(window, own, end);
}

function findBoundary(window: LiveWindow, from: number, end: number): number | undefined {
  const { boundaries } = clockOf(window.playlist);
  for (let index = from - window.mediaSequence; index < boundaries.length - 1; index++) {
    const middle = window.start + ((boundaries[index] ?? 0) + (boundaries[index + 1] ?? 0)) / 2;
    if (middle >= end - TIME_ROUNDING) return window.mediaSequence + index;
  }
  return undefined;
}

function buildResumption(window: LiveWindow, mediaSequence: number, end: number): LiveBreak["resumption"] {
  const segment = findSegment(window, mediaSequence);
  if (!segment) return undefined;
  const { discontinuity, discontinuities } = segment;
  // Only where the window has left the whole break behind unseen is more than a segment over.
  const over = end - segment.start;
  const isUnseen = mediaSequence === window.mediaSequence && over < -window.playlist.targetDuration - 0.5;
  return { mediaSequence, discontinuity, discontinuities, carry: isUnseen ? 0 : over };
}

function replaceLast(timeline: LiveTimeline, entry: LiveBreak): LiveTimeline {
  return { ...timeline, breaks: [...timeline.breaks.slice(0, -1), entry] };
}
