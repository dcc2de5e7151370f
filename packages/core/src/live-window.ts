/**
 * One window of a stitched live playlist: which content and ad segments it lists, and under which numbers.
 *
 * @see RFC 8216 §4.3.3.2 (EXT-X-MEDIA-SEQUENCE), §4.3.3.3 (EXT-X-DISCONTINUITY-SEQUENCE)
 */
import type { AdSegment } from "./hls/ad-segments.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { formatProgramDateTime } from "./hls/program-date-time.ts";
import { PlaylistWriter } from "./hls/splice.ts";
import {
  findSegment,
  firstDiscontinuity,
  type LiveBreak,
  type LiveTimeline,
  type Offsets,
  offsetsAfter,
  TIME_ROUNDING,
} from "./live-timeline.ts";
import { placeBreak, selectVersion } from "./stitch-pod.ts";
import type { PlacedBreak } from "./stitched.ts";

/** Content from one media sequence number up to another, which is not included. */
interface ContentPart {
  readonly kind: "content";
  readonly from: number;
  readonly to: number;
  readonly offsets: Offsets;
  readonly isReentry: boolean;
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

/** A stitched window and the breaks in it. */
export interface LiveWindow {
  readonly text: string;
  readonly breaks: readonly PlacedBreak[];
}

const LOW_LATENCY =
  /^#EXT-X-(?:PART|PART-INF|PRELOAD-HINT|RENDITION-REPORT|SERVER-CONTROL(?=.*CAN-(?:BLOCK|SKIP))):.*(?:\n|$)/gm;

/**
 * Writes the window. Without ads, holds and numbers that have moved, `text` comes back as it is.
 *
 * @param end the first media sequence number of the content that is not listed
 */
export function formatLive(text: string, playlist: MediaPlaylist, timeline: LiveTimeline, end: number): LiveWindow {
  const parts = planWindow(playlist, timeline, end);
  const [head] = parts;
  const isWhole = end === playlist.mediaSequence + playlist.segments.length;
  if (!head || (isWhole && parts.length === 1 && isUntouched(head))) return { text, breaks: [] };

  const writer = new PlaylistWriter(playlist, selectTags(playlist, timeline, parts, head));
  const breaks: PlacedBreak[] = [];
  let time = 0;
  for (const part of parts) {
    if (part.kind === "content") {
      writeContent(writer, part, playlist);
      time += durationOf(playlist.segments, part.from - playlist.mediaSequence, part.to - playlist.mediaSequence);
      continue;
    }
    writeAds(writer, part, part === head);
    breaks.push(placeLive(part, time - durationOf(part.segments, 0, part.from)));
    time += durationOf(part.segments, part.from, part.to);
  }
  const isPending = parts.at(-1)?.kind === "ads" && !playlist.hasEndList;
  if (isWhole && !isPending) writer.pushTail();
  return { text: writer.format().replace(LOW_LATENCY, ""), breaks };
}

function planWindow(playlist: MediaPlaylist, timeline: LiveTimeline, end: number): readonly Part[] {
  const parts: Part[] = [];
  let [next, offsets, isReentry] = [playlist.mediaSequence, timeline.base, false];
  const pushContent = (to: number): void => {
    if (next < to) parts.push({ kind: "content", from: next, to, offsets, isReentry });
  };
  for (const entry of timeline.breaks) {
    const resumption = entry.resumption?.mediaSequence ?? Number.POSITIVE_INFINITY;
    if (resumption > playlist.mediaSequence) {
      pushContent(Math.min(entry.mediaSequence, end));
      const part = planAds(playlist, timeline, entry, offsets, end);
      if (part.from < part.to || entry.mediaSequence < end) parts.push(part);
    }
    next = Math.max(next, resumption);
    isReentry = resumption >= playlist.mediaSequence;
    offsets = offsetsAfter(entry, offsets);
  }
  pushContent(end);
  return parts;
}

function planAds(
  playlist: MediaPlaylist,
  timeline: LiveTimeline,
  entry: LiveBreak,
  offsets: Offsets,
  end: number,
): AdPart {
  const segments = entry.ads.flatMap((ad) => ad.segments);
  const first = playlist.mediaSequence;
  const last = first + playlist.segments.length - 1;
  const resumption = entry.resumption?.mediaSequence ?? Number.POSITIVE_INFINITY;
  const start = entry.start + offsets.carry;
  const [head, edge] = [findSegment(timeline, first), findSegment(timeline, last)];
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
  const { mediaSequence, discontinuity } = part.offsets;
  return part.kind === "content" && !part.isReentry && mediaSequence === 0 && discontinuity === 0;
}

function selectTags(
  playlist: MediaPlaylist,
  timeline: LiveTimeline,
  parts: readonly Part[],
  head: Part,
): ReadonlyMap<string, number> {
  const ads = parts.flatMap((part) => (part.kind === "ads" ? part.entry.ads : []));
  const start = numberHead(playlist, timeline, head);
  const tags = new Map<string, number>();
  const setWhereChanged = (name: string, value: number, present: number): void => {
    if (value !== present) tags.set(name, value);
  };
  setWhereChanged("EXT-X-VERSION", selectVersion(playlist, ads), playlist.version);
  setWhereChanged("EXT-X-MEDIA-SEQUENCE", start.mediaSequence, playlist.mediaSequence);
  setWhereChanged("EXT-X-DISCONTINUITY-SEQUENCE", start.discontinuity, playlist.discontinuitySequence);
  return tags;
}

/** What the window's two sequence tags say: a tag printed on the first segment itself is not counted. */
function numberHead(
  playlist: MediaPlaylist,
  timeline: LiveTimeline,
  head: Part,
): { readonly mediaSequence: number; readonly discontinuity: number } {
  const { offsets } = head;
  if (head.kind === "content") {
    const own = findSegment(timeline, head.from)?.discontinuity ?? playlist.discontinuitySequence;
    const printed = Math.max(Number(head.isReentry), playlist.segments[0]?.discontinuities ?? 0);
    return {
      mediaSequence: head.from + offsets.mediaSequence,
      discontinuity: own + offsets.discontinuity - printed,
    };
  }
  const before = head.segments.slice(0, head.from).filter((segment) => segment.discontinuity).length;
  return {
    mediaSequence: head.entry.mediaSequence + offsets.mediaSequence + head.from,
    discontinuity: firstDiscontinuity(head.entry, offsets) - 1 + before,
  };
}

function writeContent(writer: PlaylistWriter, part: ContentPart, playlist: MediaPlaylist): void {
  const { mediaSequence } = playlist;
  if (part.isReentry) writer.leaveAd();
  writer.pushContent(part.from - mediaSequence, part.to - mediaSequence, part.offsets.mediaSequence);
}

function writeAds(writer: PlaylistWriter, part: AdPart, isHead: boolean): void {
  const { entry, segments, from, to } = part;
  const elapsed = durationOf(segments, 0, from);
  const date = isHead && entry.date !== undefined ? entry.date + elapsed * 1000 : undefined;
  for (const [index, segment] of segments.slice(from, to).entries()) {
    const programDateTime = index === 0 ? formatProgramDateTime(date) : undefined;
    writer.pushAd(segment, { discontinuity: segment.discontinuity, programDateTime });
  }
}

function placeLive(part: AdPart, startTime: number): PlacedBreak {
  const { breakId, ads, start, mediaSequence } = part.entry;
  const firstMediaSequence = mediaSequence + part.offsets.mediaSequence;
  return placeBreak(breakId, ads, { contentTime: start, startTime, firstMediaSequence });
}

function durationOf(segments: readonly { readonly duration: number }[], from: number, to: number): number {
  let duration = 0;
  for (let index = from; index < to; index++) duration += segments[index]?.duration ?? 0;
  return duration;
}
