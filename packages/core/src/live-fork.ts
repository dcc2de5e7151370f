/**
 * A rendition that joins later than another one of its session: the memory of that one, in its own numbers and with its own
 * renditions of the ads.
 */
import { segmentBoundaries, snapToBoundary } from "./hls/align.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { datesOf, locateDate } from "./hls/playlist-clock.ts";
import { type LiveBoundary, type LiveBreak, type LiveTimeline, plannedSegments } from "./live-timeline.ts";
import { type ChosenAd, choosePod, type PodTarget, standIn } from "./stitch-pod.ts";
import type { Pod } from "./stitched.ts";

/** Turns the memory of another rendition into that of this one. */
export function adoptTimeline(
  timeline: LiveTimeline,
  target: PodTarget,
  pods: (availId: string) => Pod | undefined,
): LiveTimeline {
  const shift = findShift(timeline, target.playlist);
  const { window } = timeline;
  const move = (boundary: LiveBoundary): LiveBoundary => {
    return { ...boundary, mediaSequence: boundary.mediaSequence + shift };
  };
  return {
    ...timeline,
    window: window && { ...window, head: move(window.head), end: move(window.end) },
    listedThrough: timeline.listedThrough + shift,
    breaks: timeline.breaks.map((entry) => adoptBreak(entry, shift, adoptAds(entry, target, pods(entry.availId)))),
    settled: timeline.settled.map((entry) => {
      const { mediaSequence, clippedAt } = entry;
      return {
        ...entry,
        mediaSequence: mediaSequence + shift,
        clippedAt: clippedAt === undefined ? undefined : clippedAt + shift,
      };
    }),
  };
}

function adoptBreak(entry: LiveBreak, shift: number, ads: readonly ChosenAd[]): LiveBreak {
  const { resumption, kept, duration } = entry;
  return {
    ...entry,
    mediaSequence: entry.mediaSequence + shift,
    ads,
    kept: kept === undefined ? undefined : snapToBoundary(segmentBoundaries(plannedSegments(ads)), duration),
    listed: 0,
    clips: true,
    resumption: resumption && { ...resumption, mediaSequence: resumption.mediaSequence + shift },
  };
}

function adoptAds(entry: LiveBreak, target: PodTarget, pod: Pod | undefined): readonly ChosenAd[] {
  const places = new Set(entry.ads.map((ad) => ad.index));
  const own = pod ? choosePod(pod, target).ads.filter((ad) => places.has(ad.index)) : [];
  if (own.length === entry.ads.length) return own;
  return entry.ads.map((ad) => ({ ...ad, segments: standIn(ad.segments, target) }));
}

/**
 * True where all that was seen lies before a window, with a gap between: which breaks were shown in the gap, and under which
 * numbers, only a rendition that was followed through it knows.
 */
export function isBehind({ window }: LiveTimeline, playlist: MediaPlaylist): boolean {
  if (!window) return true;
  const { head, end, date } = window;
  const known = date === undefined ? undefined : locateDate(playlist, date + (end.start - head.start) * 1000);
  return (known ?? end.mediaSequence) < playlist.mediaSequence;
}

/** How much higher this rendition's media sequence numbers are than those of the memory. */
function findShift({ window }: LiveTimeline, playlist: MediaPlaylist): number {
  if (window?.date === undefined) return 0;
  const { head, end, date } = window;
  const endDate = date + (end.start - head.start) * 1000;
  const isEndListed = endDate <= (datesOf(playlist).at(-1) ?? 0) + playlist.targetDuration * 500;
  const [known, knownDate] = isEndListed ? [end, endDate] : [head, date];
  const mediaSequence = locateDate(playlist, knownDate);
  return mediaSequence === undefined ? 0 : mediaSequence - known.mediaSequence;
}
