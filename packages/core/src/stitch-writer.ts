/**
 * How the ads of a break and the subtitles next to it are written, in VOD and live alike.
 */
import { snapToBoundary } from "./hls/align.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import type { PlaylistWriter } from "./hls/splice.ts";
import type { ChosenAd } from "./stitch-pod.ts";
import type { AdDecorator, ContentPlaylist, StitchOptions, SubtitleClipper } from "./stitched.ts";

/** Room for audio frames: a break nearer than this to a segment boundary is at the boundary. Seconds. */
const NEAR_BOUNDARY = 0.1;

/** The ads of one break and which of their segments, counted over all ads, are written. */
export interface AdRun {
  readonly breakId: string;
  readonly ads: readonly ChosenAd[];
  readonly from: number;
  readonly to: number;
}

/** What stands at a run. */
export interface RunMarks {
  /** Whether ads have their EXT-X-DISCONTINUITY. */
  readonly isMarked: boolean;
  /** True where nothing is listed before the break: its first segment then needs none. */
  readonly isAtTop: boolean;
  /** Of the run's first segment. */
  readonly programDateTime: string | undefined;
}

/** How many segments ads have in all. */
export function countAdSegments(ads: readonly ChosenAd[]): number {
  let count = 0;
  for (const { segments } of ads) count += segments.length;
  return count;
}

/** Writes the segments of a run, each as `decorate` wants it. */
export function writeRun(
  writer: PlaylistWriter,
  run: AdRun,
  { isMarked, isAtTop, programDateTime }: RunMarks,
  decorate: AdDecorator | undefined,
): void {
  const count = countAdSegments(run.ads);
  let [at, breakTime] = [0, 0];
  for (const { adId, index: adIndex, segments } of run.ads) {
    let startTime = 0;
    for (const [index, segment] of segments.entries()) {
      if (at >= run.from && at < run.to) {
        const { duration, uri } = segment;
        const isFirstOfBreak = at === 0;
        const place = { breakId: run.breakId, adId, adIndex, index, count: segments.length, isFirstOfBreak };
        const isLastOfBreak = at === count - 1;
        const decorated = decorate?.({ ...place, isLastOfBreak, startTime, breakTime, duration, uri });
        writer.pushAd(segment, {
          discontinuity: isMarked && segment.discontinuity && !(isAtTop && at === 0),
          programDateTime: at === run.from ? programDateTime : undefined,
          tags: decorated?.tags,
          uri: decorated?.uri,
        });
      }
      at++;
      startTime += segment.duration;
      breakTime += segment.duration;
    }
  }
}

/** The clipper, where there is something to clip: in subtitles that are not sub-ranges of a larger file. */
export function selectClipper(content: ContentPlaylist, options: StitchOptions): SubtitleClipper | undefined {
  return content.kind === "subtitles" ? options.clipSubtitle : undefined;
}

/** A place between two segments, or `into` seconds into segment `index`: only subtitles are cut there. */
export interface Cut {
  readonly index: number;
  readonly into: number;
}

/** Content from one cut to another. */
export interface ContentRun {
  readonly start: Cut;
  readonly end: Cut;
  /** How much its media sequence numbers have grown. */
  readonly shift: number;
  readonly isAfterBreak: boolean;
  readonly isBeforeBreak: boolean;
  /**
   * Seconds from a break within which subtitles are clipped, because a cue stands in every segment that it reaches into; 0: the
   * segments next to the break, where others are listed already and may not change.
   */
  readonly clipReach: number;
}

/** Writes content; subtitles near a break are clipped there, where there is a clipper. */
export function writeContent(
  writer: PlaylistWriter,
  playlist: MediaPlaylist,
  run: ContentRun,
  clip: SubtitleClipper | undefined,
): void {
  const { start, end, shift } = run;
  if (start.index === end.index && start.into === end.into) return;
  let next = start.index;
  for (const [index, { from, to }] of clip ? listClips(playlist, run) : []) {
    const segment = playlist.segments[index];
    if (!segment || !clip || segment.byteRange) continue;
    const { uri, duration } = segment;
    // A side that lies outside of the segment cuts cues, and leaves the segment its length.
    const begin = Math.max(0, from ?? 0);
    const part = {
      uri: clip({ uri, duration, from, to }),
      from: begin,
      duration: Math.min(duration, to ?? duration) - begin,
    };
    writer.pushContent(next, index, shift);
    writer.pushPart(index, shift, part);
    next = index + 1;
  }
  writer.pushContent(next, end.index, shift);
}

/** Seconds from a segment's own start, where a break cuts what it shows. */
interface ClipSides {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** The segments of a run that a break cuts, by their index, in order. */
function listClips({ segments }: MediaPlaylist, run: ContentRun): readonly (readonly [number, ClipSides])[] {
  const { start, end, isAfterBreak, isBeforeBreak, clipReach } = run;
  const last = end.into > 0 ? end.index : end.index - 1;
  const clips = new Map<number, ClipSides>();
  let from = start.into;
  for (let index = isAfterBreak ? start.index : end.index + 1; index <= last; index++) {
    clips.set(index, { from, to: undefined });
    from -= segments[index]?.duration ?? 0;
    if (from <= -clipReach) break;
  }
  let to = end.into;
  for (let index = isBeforeBreak ? last : -1; index >= start.index; index--) {
    const duration = segments[index]?.duration ?? 0;
    if (index < last || end.into === 0) to += duration;
    clips.set(index, { from: clips.get(index)?.from, to });
    if (to >= clipReach) break;
  }
  return [...clips].toSorted(([one], [other]) => one - other);
}

/**
 * Where a break at `time` (seconds on the clock of `boundaries`) cuts subtitles. A sub-range of a file is not cut: what is shown of
 * it is not known from its address.
 */
export function cutSubtitles(playlist: MediaPlaylist, boundaries: readonly number[], time: number): Cut {
  const index = snapToBoundary(boundaries, time);
  const into = time - (boundaries[index] ?? 0);
  const cut =
    into < 0 ? { index: index - 1, into: into + (playlist.segments[index - 1]?.duration ?? 0) } : { index, into };
  const segment = playlist.segments[cut.index];
  const isNear = Math.abs(into) < NEAR_BOUNDARY || segment === undefined || segment.byteRange !== undefined;
  return isNear ? { index, into: 0 } : cut;
}
