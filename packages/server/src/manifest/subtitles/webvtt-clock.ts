/**
 * Which media segment tells what the media's clock reads at the start of a subtitle segment. Players place cues by that clock; a
 * playlist counts seconds from its first segment. The first time stamp of a segment of pictures ties the two together.
 *
 * @see RFC 8216 §3.5, §6.2.4 (synchronised playlists); docs/decisions/0014-subtitles-at-a-break.md
 */
import { type MediaPlaylist, parseProgramDateTime, type Segment } from "@interlude/core";

/** A media segment, and how many seconds after its start the subtitle segment starts (negative: before). */
export interface PtsReference {
  readonly url: string;
  /** Where in the file it begins, bytes. */
  readonly start: number;
  /** Of its EXT-X-MAP. */
  readonly mapUrl: string | undefined;
  readonly offset: number;
}

/** A subtitle segment in its playlist, and the cut that matters, seconds from the segment's start. */
export interface SubtitlePlace {
  readonly subtitles: MediaPlaylist;
  readonly media: MediaPlaylist;
  readonly index: number;
  readonly cut: number;
}

/** Renditions differ by milliseconds: what is closer is the same boundary. */
const SAME = 0.1;

/**
 * The media segment that starts at the cut, so that both sides are cut by one time stamp; where the media's clock jumps there
 * (EXT-X-DISCONTINUITY) the side before is cut by the segment before. Where none starts there, the last one that starts earlier.
 * undefined: the playlists cannot be compared, or the segment cannot be read.
 */
export function findPtsReference(place: SubtitlePlace): PtsReference | undefined {
  const axis = findAxis(place);
  if (axis === undefined) return undefined;
  const { time, starts } = axis;
  const cutTime = time + place.cut;
  const nearest = starts.findLastIndex((start) => start <= cutTime + SAME);
  const nearestStart = starts[nearest] ?? 0;
  const isJump = (place.media.segments[nearest]?.discontinuities ?? 0) > 0;
  const isSideBefore = nearestStart > cutTime - SAME && time < nearestStart - SAME;
  const index = isJump && isSideBefore ? nearest - 1 : nearest;
  const [segment, start] = [place.media.segments[index], starts[index]];
  if (segment === undefined || start === undefined || !canBeRead(segment)) return undefined;
  const mapUrl = segment.map && /(?:^|,)\s*URI="([^"]+)"/.exec(segment.map.value)?.[1];
  if (segment.map && (mapUrl === undefined || !isHttp(mapUrl))) return undefined;
  return { url: segment.uri, start: segment.byteRange?.offset ?? 0, mapUrl, offset: time - start };
}

/** AES-128 hides the whole segment; what hides samples alone leaves the time stamps in the clear. */
function canBeRead(segment: Segment): boolean {
  return isHttp(segment.uri) && segment.keys.every((key) => !/METHOD=AES-128/.test(key.value));
}

function isHttp(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}

/** Starts of the media segments, and of the subtitle segment among them, seconds. */
interface Axis {
  readonly time: number;
  readonly starts: readonly number[];
}

/** By their common start (VOD), by dates, or by sequence numbers where the segments are as long as each other. */
function findAxis({ subtitles, media, index }: SubtitlePlace): Axis | undefined {
  const [own, other] = [axesOf(subtitles), axesOf(media)];
  const find = (times: readonly number[] | undefined, starts: readonly number[] | undefined): Axis | undefined => {
    const time = times?.[index];
    return time === undefined || starts === undefined ? undefined : { time, starts };
  };
  if (subtitles.hasEndList && media.hasEndList) return find(own.times, other.times);
  const byDate = find(own.dates, other.dates);
  if (byDate) return byDate;
  const same = subtitles.mediaSequence + index - media.mediaSequence;
  const difference = (subtitles.segments[index]?.duration ?? 0) - (media.segments[same]?.duration ?? Infinity);
  const time = other.times[same];
  return time === undefined || Math.abs(difference) > SAME ? undefined : { time, starts: other.times };
}

/** Where each segment starts: seconds from the first, and seconds since 1970 where the playlist has dates. */
interface Axes {
  readonly times: readonly number[];
  readonly dates: readonly number[] | undefined;
}

const axes = new WeakMap<MediaPlaylist, Axes>();

function axesOf(playlist: MediaPlaylist): Axes {
  const known = axes.get(playlist);
  if (known) return known;
  const { segments } = playlist;
  let end = 0;
  const times = segments.map(({ duration }) => (end += duration) - duration);
  const own = segments.map(({ programDateTime }) => programDateTime && parseProgramDateTime(programDateTime));
  const dated = own.findIndex((date) => typeof date === "number");
  let [date, at] = [Number(own[dated] ?? 0) / 1000, times[dated] ?? 0];
  const dates = times.map((time, index) => {
    const stated = own[index];
    if (typeof stated === "number") [date, at] = [stated / 1000, time];
    return date + time - at;
  });
  const found = { times, dates: dated < 0 ? undefined : dates };
  axes.set(playlist, found);
  return found;
}
