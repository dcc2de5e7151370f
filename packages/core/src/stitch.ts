/**
 * Stitching: a content playlist and pods of ads in, one playlist out. Player and manifest server call the same functions.
 *
 * @see DESIGN §6; RFC 8216 §4.3, §6.2
 */
import { type MediaPlaylist, parseMediaPlaylist } from "./hls/media-playlist.ts";
import { clockOf } from "./hls/playlist-clock.ts";
import { PlaylistWriter } from "./hls/splice.ts";
import { placeBreak } from "./stitch-pod.ts";
import { countAdSegments, type Cut, selectClipper, writeContent, writeRun } from "./stitch-writer.ts";
import type { ContentPlaylist, PlacedBreak, StitchOptions, Stitched } from "./stitched.ts";
import { isBefore, leavesSomething, type PlannedPod, planVod, selectVodTags, type TimedPod } from "./vod-plan.ts";

/** How a VOD playlist is stitched. */
export interface VodOptions extends StitchOptions {
  /**
   * The playlist whose boundary counts, the same one for all renditions: each is then cut where it is nearest to that. Renditions
   * whose segments differ by milliseconds would part by a whole one at a time half-way between two boundaries.
   */
  readonly reference?: string | MediaPlaylist | undefined;
}

/** Seconds: longer than cues are shown. */
const CLIP_REACH = 10;

/**
 * Inserts pods into a VOD playlist, each at the segment boundary nearest to its time, of two equally near ones the later; content
 * that gives way to a pod ends at the boundary nearest to that. Subtitles are cut at the very place, where there is a clipper.
 *
 * No pods: the identical text. Pods at one boundary come in the order of their times, of equal ones in the order given.
 *
 * @param content a text, or a playlist that is parsed already: it is never changed, and what depends on it alone is remembered
 * @throws AdError `playlist-malformed`
 */
export function stitchVod(
  content: string | MediaPlaylist,
  place: ContentPlaylist,
  pods: readonly TimedPod[],
  options: VodOptions = {},
): Stitched {
  const text = typeof content === "string" ? content : content.text;
  if (pods.length === 0) return { text, breaks: [], refused: [] };
  const playlist = readPlaylist(content);
  const { reference = content } = options;
  const cuts = clockOf(reference === content ? playlist : readPlaylist(reference)).boundaries;
  const { planned, refused } = planVod(playlist, cuts, place, pods, options);
  if (planned.length === 0 || !leavesSomething(planned, playlist)) return { text, breaks: [], refused };
  return { ...writeVod(playlist, place, planned, options), refused };
}

/** How far a playlist is written. */
interface Progress {
  /** Up to where the content is written, or taken out. */
  readonly at: Cut;
  /** How much its media sequence numbers have grown, and its time in seconds. */
  readonly shift: number;
  readonly ahead: number;
  readonly isAfterBreak: boolean;
  readonly isEmpty: boolean;
}

function writeVod(
  playlist: MediaPlaylist,
  place: ContentPlaylist,
  planned: readonly PlannedPod[],
  options: StitchOptions,
): Omit<Stitched, "refused"> {
  const writer = new PlaylistWriter(playlist, selectVodTags(playlist, planned));
  const clip = selectClipper(place, options);
  const placed: PlacedBreak[] = [];
  let progress: Progress = { at: { index: 0, into: 0 }, shift: 0, ahead: 0, isAfterBreak: false, isEmpty: true };
  for (const entry of planned) {
    const { at, shift, isAfterBreak, isEmpty } = progress;
    const run = { start: at, end: entry.start, shift, isAfterBreak, isBeforeBreak: true, clipReach: CLIP_REACH };
    writeContent(writer, playlist, run, clip);
    const before = { ...progress, isEmpty: isEmpty && !isBefore(at, entry.start) };
    const written = writePod(writer, playlist, entry, before, options);
    placed.push(written.placed);
    progress = written.progress;
  }
  const end = { index: playlist.segments.length, into: 0 };
  const rest = { ...progress, start: progress.at, end, isBeforeBreak: false, clipReach: CLIP_REACH };
  writeContent(writer, playlist, rest, clip);
  writer.pushTail();
  const removed = placed.filter(({ ads }) => ads.length === 0);
  const breaks = removed.length === 0 ? placed : placed.filter(({ ads }) => ads.length > 0);
  return { text: writer.format(), breaks, ...(removed.length > 0 && { removed }) };
}

function writePod(
  writer: PlaylistWriter,
  playlist: MediaPlaylist,
  { pod, ads, start, end, contentTime, endTime }: PlannedPod,
  { at: written, shift, ahead, isEmpty }: Progress,
  { decorate }: StitchOptions,
): { readonly placed: PlacedBreak; readonly progress: Progress } {
  const hasPart = start.into > 0 && isBefore(written, start);
  const firstIndex = start.index + Number(hasPart) + shift;
  const firstMediaSequence = playlist.mediaSequence + firstIndex;
  const at = { contentTime, startTime: contentTime + ahead, firstMediaSequence };
  const placed = placeBreak(pod.breakId, ads, at);
  const count = countAdSegments(ads);
  const run = { breakId: pod.breakId, ads, from: 0, to: count };
  writeRun(writer, run, { isMarked: true, isAtTop: isEmpty, programDateTime: undefined }, decorate);
  if (count === 0) writer.leaveAd(!isEmpty);
  const progress = {
    at: end,
    shift: firstIndex + count - end.index,
    ahead: ahead + placed.duration - (endTime - contentTime),
    isAfterBreak: true,
    isEmpty: isEmpty && count === 0,
  };
  const replaced = endTime - contentTime;
  return { placed: replaced > 0 ? { ...placed, replaced } : placed, progress };
}

function readPlaylist(content: string | MediaPlaylist): MediaPlaylist {
  return typeof content === "string" ? parseMediaPlaylist(content) : content;
}
