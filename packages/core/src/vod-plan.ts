/**
 * Where the pods of a VOD playlist go, and what content gives way to them.
 *
 * @see primetime.md §1.6
 */
import { snapToBoundary } from "./hls/align.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { clockOf } from "./hls/playlist-clock.ts";
import { moveStartTag, readStartTag, START_TAG } from "./hls/start-tag.ts";
import { type ChosenAd, choosePod, selectVersion } from "./stitch-pod.ts";
import { type Cut, cutSubtitles, selectClipper } from "./stitch-writer.ts";
import type { ContentPlaylist, Pod, RefusedAd, StitchOptions } from "./stitched.ts";

/** A pod with its place: seconds from the first content segment, 0 for a pre-roll, `end` for a post-roll. */
export interface TimedPod extends Pod {
  readonly time: number | "end";
  /**
   * Seconds of content from `time` on that give way to the pod; 0 by default. Where none of its ads can be spliced the content
   * stays; a pod that is given without ads takes the content out and puts nothing in its place.
   */
  readonly replaces?: number | undefined;
}

/** A pod in one playlist: it stands at `start`, content comes back at `end`. Times are seconds of the content. */
export interface PlannedPod {
  readonly pod: TimedPod;
  readonly ads: readonly ChosenAd[];
  readonly start: Cut;
  readonly end: Cut;
  readonly contentTime: number;
  readonly endTime: number;
}

/** What a playlist's pods come to; none planned where nothing changes. */
export interface VodPlan {
  readonly planned: readonly PlannedPod[];
  readonly refused: readonly RefusedAd[];
}

/** @param cuts the boundaries that count, which may be those of another playlist */
export function planVod(
  playlist: MediaPlaylist,
  cuts: readonly number[],
  content: ContentPlaylist,
  pods: readonly TimedPod[],
  options: StitchOptions,
): VodPlan {
  const { blankSubtitleUri } = options;
  const limits = { maxTargetDuration: Infinity, maxDuration: Infinity };
  const target = { content, playlist, blankSubtitleUri, ...limits };
  const cutAt = createCutter(playlist, cuts, selectClipper(content, options) !== undefined);
  const chosen = pods.map((pod) => {
    const time = pod.time === "end" ? Infinity : pod.time;
    const [start, end] = [cutAt(time), cutAt(time + (pod.replaces ?? 0))];
    return { pod, time, start, end, ...choosePod(pod, target) };
  });
  const refused = chosen.flatMap((entry) => entry.refused);
  const changes = chosen
    .filter(({ pod, ads, start, end }) => ads.length > 0 || (pod.ads.length === 0 && isBefore(start, end)))
    .toSorted((a, b) => compareCuts(a.start, b.start) || (a.time < b.time ? -1 : Number(a.time > b.time)));
  return { planned: separate(changes, playlist), refused };
}

/** Where a time of the content cuts the playlist: at a boundary, of two equally near ones the later; subtitles also between two. */
function createCutter(playlist: MediaPlaylist, cuts: readonly number[], isClipped: boolean): (time: number) => Cut {
  const { boundaries } = clockOf(playlist);
  return (time) => {
    const cut = snapToBoundary(cuts, time);
    if (cut === cuts.length - 1) return { index: playlist.segments.length, into: 0 };
    const meant = cuts[cut] ?? 0;
    return isClipped
      ? cutSubtitles(playlist, boundaries, meant)
      : { index: snapToBoundary(boundaries, meant), into: 0 };
  };
}

/** A pod whose place another one takes out stands after that one. */
function separate(
  changes: readonly Pick<PlannedPod, "pod" | "ads" | "start" | "end">[],
  playlist: MediaPlaylist,
): readonly PlannedPod[] {
  const { boundaries } = clockOf(playlist);
  const timeOf = ({ index, into }: Cut): number => (boundaries[index] ?? 0) + into;
  let free: Cut = { index: 0, into: 0 };
  return changes.map(({ pod, ads, ...wanted }) => {
    const start = isBefore(wanted.start, free) ? free : wanted.start;
    const end = isBefore(wanted.end, start) ? start : wanted.end;
    free = end;
    return { pod, ads, start, end, contentTime: timeOf(start), endTime: timeOf(end) };
  });
}

/** True where segments are left to list. */
export function leavesSomething(planned: readonly PlannedPod[], playlist: MediaPlaylist): boolean {
  if (planned.some(({ ads }) => ads.length > 0)) return true;
  const removed = planned.reduce((total, { contentTime, endTime }) => total + endTime - contentTime, 0);
  return removed < (clockOf(playlist).boundaries.at(-1) ?? 0);
}

/** Tags of the whole playlist that change: TARGETDURATION and VERSION as high as the ads need them (RFC 8216 §4.3.3.1, §7). */
export function selectVodTags(
  playlist: MediaPlaylist,
  planned: readonly PlannedPod[],
): ReadonlyMap<string, string | number> {
  const ads = planned.flatMap((entry) => entry.ads);
  const tags = new Map<string, string | number>();
  const targetDuration = Math.max(...ads.map((ad) => ad.targetDuration));
  if (targetDuration > playlist.targetDuration) tags.set("EXT-X-TARGETDURATION", targetDuration);
  const version = selectVersion(playlist, ads);
  if (version > playlist.version) tags.set("EXT-X-VERSION", version);
  const start = selectStart(playlist, planned);
  if (start !== undefined) tags.set(START_TAG, start);
  return tags;
}

/** The content's own start with the ads before it; ads that stand right there are shown. */
function selectStart(playlist: MediaPlaylist, planned: readonly PlannedPod[]): string | undefined {
  const tag = readStartTag(playlist);
  if (!tag) return undefined;
  const duration = clockOf(playlist).boundaries.at(-1) ?? 0;
  const fromStart = tag.timeOffset < 0 ? Math.max(0, duration + tag.timeOffset) : tag.timeOffset;
  let [before, whole] = [0, 0];
  for (const { ads, contentTime, endTime } of planned) {
    const added = ads.flatMap((ad) => ad.segments).reduce((total, segment) => total + segment.duration, 0);
    whole += added - (endTime - contentTime);
    if (contentTime < fromStart) before += added - (Math.min(endTime, fromStart) - contentTime);
  }
  const moved = tag.timeOffset < 0 ? before - whole : before;
  return moved === 0 ? undefined : moveStartTag(tag, tag.timeOffset + moved);
}

function compareCuts(one: Cut, other: Cut): number {
  return one.index - other.index || one.into - other.into;
}

/** Whether a cut lies before another one. */
export function isBefore(one: Cut, other: Cut): boolean {
  return compareCuts(one, other) < 0;
}
