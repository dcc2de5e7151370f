/**
 * Where in a playlist the breaks of a sidecar are: by their times, at the discontinuities nearest to them.
 *
 * Live, a sidecar may be a refresh older or newer than the playlist; times count from the first segment listed then. So the whole of
 * it is moved to where its ads meet the playlist's discontinuities.
 *
 * @see docs/tracking.md (times); primetime.md §2.2
 */
import type { PlacedAd, PlacedBreak, SidecarAd, SidecarBreak } from "@interlude/core";
import type { Listing, TrackSegment } from "./track.ts";

/** Seconds between a time and the boundary that it means: sums of EXTINF, rounded in each rendition. */
const MAX_DISTANCE = 0.75;
const EXACT = 0.15;
const MAX_TIMES = 60;

/**
 * What a sidecar's times lack to the listing's clock; in VOD nothing.
 *
 * @param times of the sidecar at which ads begin and end
 * @param isComplete false: some of the times are in the middle of ads
 */
export function findShift(listing: Listing, times: readonly number[], isComplete: boolean): number {
  const { startTime, endTime, isLive, segments } = listing;
  if (!isLive) return startTime;
  const length = endTime - startTime;
  const edges = segments.flatMap(({ isEdge, start }) => (isEdge ? [start] : [])).slice(-MAX_TIMES);
  const near = times.filter((time) => Math.abs(time) < 2 * length).slice(-MAX_TIMES);
  const first = segments[0]?.start ?? startTime;
  const rate = (shift: number): { readonly hits: number; readonly score: number } => {
    let [hits, score] = [0, 0];
    for (const time of near) {
      const at = time + shift;
      if (edges.some((edge) => Math.abs(edge - at) < EXACT)) hits += 1;
      else if (isComplete && at > first + EXACT && at < endTime - EXACT) score -= 2;
    }
    return { hits, score: score + hits };
  };
  const { hits, score: asTold } = rate(startTime);
  if (hits === asTold && (hits > 0 || edges.length === 0)) return startTime;
  let best = { shift: startTime, score: asTold };
  for (const edge of edges) {
    for (const time of near) {
      const shift = edge - time;
      if (Math.abs(shift - startTime) > length) continue;
      const { score } = rate(shift);
      const isNearer = Math.abs(shift - startTime) < Math.abs(best.shift - startTime) - EXACT;
      if (score > best.score || (score === best.score && isNearer)) best = { shift, score };
    }
  }
  return best.shift;
}

/** Where ads begin and end, each once, for {@link findShift}. */
export function listEdges(breaks: readonly SidecarBreak[]): readonly number[] {
  const times = breaks.flatMap(({ ads }) =>
    ads.flatMap(({ startTime, duration }) => [startTime, startTime + duration]),
  );
  const sorted = times.toSorted((a, b) => a - b);
  return sorted.filter((time, index) => time - (sorted[index - 1] ?? Number.NEGATIVE_INFINITY) > EXACT);
}

/**
 * Breaks of which something is listed, or was. An ad's `adId` is its place in its break. Live, an ad that is not listed to its end has
 * the segments that are; one of which nothing is listed yet has none.
 *
 * @param breaks in order of their time
 */
export function placeBreaks(listing: Listing, breaks: readonly SidecarBreak[], shift: number): readonly PlacedBreak[] {
  let adTime = 0;
  return breaks.flatMap(({ breakId, ads }): readonly PlacedBreak[] => {
    const placed = ads.map((ad, index) => placeAd(listing, ad, shift, breakId, index));
    const [first] = placed;
    if (!first || placed.every(({ segmentCount }) => segmentCount === 0)) return [];
    // a sidecar that knows more than the playlist: where the break is will be seen when its discontinuity is listed
    if (listing.isLive && !isAtEdge(listing, first.firstMediaSequence)) return [];
    const duration = placed.reduce((sum, ad) => sum + ad.duration, 0);
    const { startTime, firstMediaSequence } = first;
    const contentTime = listing.isLive ? startTime : startTime - adTime;
    adTime += duration;
    return [{ breakId, contentTime, startTime, duration, firstMediaSequence, ads: placed }];
  });
}

function isAtEdge({ segments }: Listing, firstMediaSequence: number): boolean {
  const segment = segments.find(({ sn }) => sn === firstMediaSequence);
  return segment === undefined || segment.isEdge;
}

function placeAd(listing: Listing, ad: SidecarAd, shift: number, breakId: string, index: number): PlacedAd {
  const { segments } = listing;
  const about = { breakId, adId: String(index), index };
  const [from, to] = [ad.startTime + shift, ad.startTime + ad.duration + shift];
  const first = findBoundary(listing, from);
  const last = findBoundary(listing, to);
  const [head, tail] = [segments[0], segments.at(-1)];
  if (!head || !tail || first === "behind" || last === "before") {
    const firstMediaSequence = first === "behind" ? (tail?.sn ?? 0) + 1 : (head?.sn ?? 0);
    return { ...about, startTime: from, duration: ad.duration, firstMediaSequence, segmentCount: 0 };
  }
  const end = last === "behind" ? tail.sn + 1 : last.sn;
  if (first === "before") {
    // its first segments were never seen: what they were called cannot be known, only that they are before all others
    const missing = Math.max(1, Math.round((head.start - from) / Math.max(0.1, head.end - head.start)));
    const firstMediaSequence = head.sn - missing;
    return {
      ...about,
      startTime: from,
      duration: ad.duration,
      firstMediaSequence,
      segmentCount: end - firstMediaSequence,
    };
  }
  const duration = last === "behind" ? ad.duration : last.time - first.time;
  const segmentCount = Math.max(0, end - first.sn);
  return { ...about, startTime: first.time, duration, firstMediaSequence: first.sn, segmentCount };
}

/** A segment boundary: the number of the segment that starts there. */
interface Boundary {
  readonly sn: number;
  readonly time: number;
}

/** The edge nearest to a time, where there is none the nearest boundary; `before` or `behind` all that is known. */
function findBoundary({ segments, isLive }: Listing, time: number): Boundary | "before" | "behind" {
  const [head, tail] = [segments[0], segments.at(-1)];
  if (!head || !tail || time < head.start - MAX_DISTANCE) return "before";
  // the end of a live window is no edge that could be known
  if (time > tail.end - (isLive ? MAX_DISTANCE : -MAX_DISTANCE)) {
    if (isLive && Math.abs(time - tail.end) <= MAX_DISTANCE) return { sn: tail.sn + 1, time: tail.end };
    return "behind";
  }
  const near = segments.filter(({ start }) => Math.abs(start - time) <= MAX_DISTANCE);
  const candidates = near.some(({ isEdge }) => isEdge) ? near.filter(({ isEdge }) => isEdge) : near;
  const ends: readonly Boundary[] =
    Math.abs(tail.end - time) <= MAX_DISTANCE ? [{ sn: tail.sn + 1, time: tail.end }] : [];
  const all = [...candidates.map(({ sn, start }) => ({ sn, time: start })), ...ends];
  const nearest = all.toSorted((a, b) => Math.abs(a.time - time) - Math.abs(b.time - time))[0];
  return nearest ?? containing(segments, time);
}

/** The start of the segment that a time lies in: a playlist that disagrees with its sidecar. */
function containing(segments: readonly TrackSegment[], time: number): Boundary | "behind" {
  const found = segments.find(({ start, end }) => start <= time && time < end);
  return found ? { sn: found.sn, time: found.start } : "behind";
}
