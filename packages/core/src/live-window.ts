/**
 * One window of a stitched live playlist: which content and ad segments it lists, and under which numbers.
 *
 * @see RFC 8216 §4.3.3.2 (EXT-X-MEDIA-SEQUENCE), §4.3.3.3 (EXT-X-DISCONTINUITY-SEQUENCE)
 */
import type { AdSegment } from "./hls/ad-segments.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { formatProgramDateTime } from "./hls/program-date-time.ts";
import { clockOf } from "./hls/playlist-clock.ts";
import { PlaylistWriter } from "./hls/splice.ts";
import { formatStartTag, readStartTag, START_TAG } from "./hls/start-tag.ts";
import {
  discontinuityBefore,
  findSegment,
  keptSegments,
  type LiveBreak,
  type LiveTimeline,
  type LiveWindow,
  type Offsets,
  offsetsAfter,
  TIME_ROUNDING,
} from "./live-timeline.ts";
import { type ChosenAd, placeBreak, selectVersion } from "./stitch-pod.ts";
import { selectClipper, writeContent, writeRun } from "./stitch-writer.ts";
import type { ContentPlaylist, PlacedBreak, StitchOptions } from "./stitched.ts";

/** Content from one media sequence number up to another, which is not included. */
interface ContentPart {
  readonly kind: "content";
  readonly from: number;
  readonly to: number;
  readonly offsets: Offsets;
  readonly isReentry: boolean;
  /** Whether subtitles end at the break that follows. */
  readonly isClipped: boolean;
}

/** Ad segments `from` up to `to`, which is not included, of all that the break has. */
interface AdPart {
  readonly kind: "ads";
  readonly entry: LiveBreak;
  readonly segments: readonly AdSegment[];
  readonly from: number;
  readonly to: number;
  readonly offsets: Offsets;
}

type Part = ContentPart | AdPart;

/** What is to be written. */
export interface LivePlan {
  readonly window: LiveWindow;
  readonly timeline: LiveTimeline;
  /** The first media sequence number of the content that is not listed. */
  readonly end: number;
  readonly content: ContentPlaylist;
  /** Whether ads have EXT-X-DISCONTINUITY around them. */
  readonly isMarked: boolean;
  readonly options: StitchOptions & { readonly startAtBreak?: string | undefined };
}

/** A stitched window, the breaks in it, and up to which segment the last one is listed. */
export interface FormattedWindow {
  readonly text: string;
  readonly breaks: readonly PlacedBreak[];
  readonly listed: number;
}

const LOW_LATENCY =
  /^#EXT-X-(?:PART|PART-INF|PRELOAD-HINT|RENDITION-REPORT|SERVER-CONTROL(?=.*CAN-(?:BLOCK|SKIP))):.*(?:\n|$)/gm;
const lowLatency = new WeakMap<MediaPlaylist, boolean>();

/** Writes the window. Without ads, holds and numbers that have moved, the content's text comes back as it is. */
export function formatLive(plan: LivePlan): FormattedWindow {
  const { window, end, options } = plan;
  const { playlist } = window;
  const clip = selectClipper(plan.content, options);
  const parts = planWindow(plan, clip !== undefined);
  const [head, tail] = [parts[0], parts.at(-1)];
  const isWhole = end === playlist.mediaSequence + playlist.segments.length;
  if (!head || (isWhole && head === tail && isUntouched(head))) return { text: playlist.text, breaks: [], listed: 0 };

  const writer = new PlaylistWriter(playlist, selectTags(plan, parts, head), plan.isMarked);
  const breaks: PlacedBreak[] = [];
  let time = 0;
  for (const part of parts) {
    if (part.kind === "content") {
      const start = { index: part.from - playlist.mediaSequence, into: 0 };
      const stop = { index: part.to - playlist.mediaSequence, into: 0 };
      if (part.isReentry) writer.leaveAd(plan.isMarked);
      const { isReentry: isAfterBreak, isClipped: isBeforeBreak } = part;
      const shift = part.offsets.mediaSequence;
      writer.shiftDates(part.offsets.carry);
      const run = { start, end: stop, shift, isAfterBreak, isBeforeBreak, clipReach: 0 };
      writeContent(writer, playlist, run, clip);
    } else {
      writeAds(writer, part, part === head, plan);
      breaks.push(placeLive(part, time - durationOf(part.segments, 0, part.from)));
    }
    time += durationOfPart(part, playlist);
  }
  const isPending = tail?.kind === "ads" && !playlist.hasEndList;
  if (isWhole && !isPending) writer.pushTail();
  const listed = tail?.kind === "ads" ? tail.to : 0;
  return { text: withoutLowLatency(writer.format(), playlist), breaks, listed };
}

function withoutLowLatency(text: string, playlist: MediaPlaylist): string {
  const known = lowLatency.get(playlist);
  const isLowLatency = known ?? playlist.text.search(LOW_LATENCY) >= 0;
  if (known === undefined) lowLatency.set(playlist, isLowLatency);
  return isLowLatency ? text.replace(LOW_LATENCY, "") : text;
}

function planWindow({ window, timeline, end, isMarked }: LivePlan, isClipping: boolean): readonly Part[] {
  const first = window.mediaSequence;
  const clipped = isClipping
    ? timeline.settled.flatMap(({ clippedAt }) => clippedAt ?? []).toSorted((a, b) => a - b)
    : [];
  const parts: Part[] = [];
  let [next, offsets, isReentry] = [first, timeline.base, false];
  const pushContent = (to: number, clips: boolean): void => {
    const cuts = clipped.filter((cut) => cut > next && cut < to);
    for (const cut of [...cuts, to]) {
      const isClipped = isClipping && (cut < to || clips || clipped.includes(to));
      if (next >= cut) continue;
      parts.push({ kind: "content", from: next, to: cut, offsets, isReentry, isClipped });
      [next, isReentry] = [cut, false];
    }
  };
  for (const entry of timeline.breaks) {
    const resumption = entry.resumption?.mediaSequence ?? Number.POSITIVE_INFINITY;
    if (resumption > first || entry.mediaSequence === first) {
      pushContent(Math.min(entry.mediaSequence, end), entry.clips);
      const part = planAds(window, entry, offsets, end);
      if (part.from < part.to || entry.mediaSequence < end) parts.push(part);
    }
    next = Math.max(next, resumption);
    isReentry = resumption >= first;
    offsets = offsetsAfter(entry, offsets, isMarked);
  }
  pushContent(end, false);
  return parts;
}

function planAds(window: LiveWindow, entry: LiveBreak, offsets: Offsets, end: number): AdPart {
  const { playlist } = window;
  const segments = keptSegments(entry);
  const first = playlist.mediaSequence;
  const last = first + playlist.segments.length - 1;
  const resumption = entry.resumption?.mediaSequence ?? Number.POSITIVE_INFINITY;
  const start = entry.start + offsets.carry;
  const [head, edge] = [findSegment(window, first), findSegment(window, last)];
  const isOver = resumption <= last || (playlist.hasEndList && entry.mediaSequence <= last);
  const edgeTime = edge ? edge.start + edge.duration : 0;
  const listed = isOver ? segments.length : countSegments(segments, edgeTime - start + TIME_ROUNDING, 0.5);
  // Something must be listed where the window starts inside the break and holds no content.
  const to = Math.max(listed, first >= entry.mediaSequence ? 1 : 0);
  const left = first > entry.mediaSequence ? countSegments(segments, (head?.start ?? 0) - start + TIME_ROUNDING, 1) : 0;
  const from = resumption < end ? Math.min(left, to) : Math.min(left, Math.max(0, to - 1));
  return { kind: "ads", entry, segments, from, to, offsets };
}

/** How many segments have `share` of their duration within `time` seconds from the start of the first. */
function countSegments(segments: readonly AdSegment[], time: number, share: number): number {
  let start = 0;
  for (const [index, segment] of segments.entries()) {
    if (start + segment.duration * share > time) return index;
    start += segment.duration;
  }
  return segments.length;
}

function isUntouched(part: Part): boolean {
  if (part.kind === "ads" || part.isReentry || part.isClipped) return false;
  return part.offsets.mediaSequence === 0 && part.offsets.discontinuity === 0;
}

function selectTags(
  plan: LivePlan,
  parts: readonly Part[],
  head: Part,
): ReadonlyMap<string, string | number | undefined> {
  const { playlist } = plan.window;
  const ads = parts.flatMap((part) => (part.kind === "ads" ? part.entry.ads : []));
  const start = numberHead(plan, head);
  const tags = new Map<string, string | number | undefined>();
  const setWhereChanged = (name: string, value: number, present: number): void => {
    if (value !== present) tags.set(name, value);
  };
  setWhereChanged("EXT-X-VERSION", selectVersion(playlist, ads), playlist.version);
  setWhereChanged("EXT-X-MEDIA-SEQUENCE", start.mediaSequence, playlist.mediaSequence);
  setWhereChanged("EXT-X-DISCONTINUITY-SEQUENCE", start.discontinuity, playlist.discontinuitySequence);
  const startTime = findStart(plan, parts);
  if (startTime !== undefined) tags.set(START_TAG, formatStartTag(startTime));
  // Counted from the start of the window, where it points at something else now.
  else if (ads.length > 0 && (readStartTag(playlist)?.timeOffset ?? -1) >= 0) tags.set(START_TAG, undefined);
  return tags;
}

/** Seconds from the start of the window to the break that is to be started at, as long as its first segment is listed. */
function findStart({ window, options }: LivePlan, parts: readonly Part[]): number | undefined {
  if (options.startAtBreak === undefined) return undefined;
  let time = 0;
  for (const part of parts) {
    const isWanted = part.kind === "ads" && part.entry.breakId === options.startAtBreak;
    if (isWanted) return part.from === 0 && part.to > 0 ? time : undefined;
    time += durationOfPart(part, window.playlist);
  }
  return undefined;
}

/** What the window's two sequence tags say: a tag printed on the first segment itself is not counted. */
function numberHead(
  { window, isMarked }: LivePlan,
  head: Part,
): { readonly mediaSequence: number; readonly discontinuity: number } {
  const { offsets } = head;
  if (head.kind === "content") {
    const printed = Math.max(Number(head.isReentry && isMarked), window.playlist.segments[0]?.discontinuities ?? 0);
    return {
      mediaSequence: head.from + offsets.mediaSequence,
      discontinuity: (findSegment(window, head.from)?.discontinuity ?? 0) + offsets.discontinuity - printed,
    };
  }
  const before = head.segments.slice(0, head.from).filter((segment) => isMarked && segment.discontinuity).length;
  return {
    mediaSequence: head.entry.mediaSequence + offsets.mediaSequence + head.from,
    discontinuity: discontinuityBefore(head.entry, offsets, isMarked) + before,
  };
}

function writeAds(writer: PlaylistWriter, part: AdPart, isHead: boolean, { isMarked, options }: LivePlan): void {
  const { entry, segments, from, to } = part;
  const elapsed = durationOf(segments, 0, from);
  const date = isHead && entry.date !== undefined ? entry.date + (elapsed + part.offsets.carry) * 1000 : undefined;
  const marks = { isMarked, isAtTop: false, programDateTime: formatProgramDateTime(date) };
  writeRun(writer, { breakId: entry.breakId, ads: entry.ads, from, to }, marks, options.decorate);
}

function placeLive({ entry, offsets }: AdPart, startTime: number): PlacedBreak {
  const firstMediaSequence = entry.mediaSequence + offsets.mediaSequence;
  return placeBreak(entry.breakId, keptAds(entry), { contentTime: entry.start, startTime, firstMediaSequence });
}

/** The ads as far as they stay. */
function keptAds({ ads, kept }: LiveBreak): readonly ChosenAd[] {
  if (kept === undefined) return ads;
  let left = kept;
  return ads.flatMap((ad) => {
    const segments = ad.segments.slice(0, Math.max(0, left));
    left -= ad.segments.length;
    return segments.length > 0 ? [{ ...ad, segments }] : [];
  });
}

function durationOfPart(part: Part, playlist: MediaPlaylist): number {
  if (part.kind === "ads") return durationOf(part.segments, part.from, part.to);
  const { boundaries } = clockOf(playlist);
  const first = playlist.mediaSequence;
  return (boundaries[part.to - first] ?? 0) - (boundaries[part.from - first] ?? 0);
}

function durationOf(segments: readonly { readonly duration: number }[], from: number, to: number): number {
  let duration = 0;
  for (let index = from; index < to; index++) duration += segments[index]?.duration ?? 0;
  return duration;
}
