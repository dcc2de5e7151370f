/**
 * Splicing: content segments and ad segments into one list of lines, with every state that a tag sets restated where an ad came between.
 *
 * EXT-X-DISCONTINUITY stands where an ad begins and where content resumes. The content's keys end at an ad (METHOD=NONE) and come
 * back after it; an implicit IV, which is the media sequence number, becomes explicit on every segment whose number has changed.
 *
 * @see RFC 8216 §4.3.2.2-§4.3.2.6, §5.2
 */
import type { AdSegment } from "./ad-segments.ts";
import { type KeyTag, keyFormat, withExplicitIv } from "./key.ts";
import { type MapTag, type MediaPlaylist, parseMediaPlaylist, type Segment } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";
import { shiftDates } from "./shift-dates.ts";

const DISCONTINUITY = "#EXT-X-DISCONTINUITY";
const EXTINF = "#EXTINF:";
const DATE = "#EXT-X-PROGRAM-DATE-TIME";
const KEY = "#EXT-X-KEY:";
const BYTERANGE = "#EXT-X-BYTERANGE:";
const HYPHEN = 45;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** What an ad segment gets where it is written: whole lines in `tags`, and another address than its own. */
export interface AdSegmentLines {
  readonly discontinuity: boolean;
  readonly programDateTime: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly uri?: string | undefined;
}

/** A part of a content segment under an address of its own: seconds, `from` counted from the segment's start. */
export interface SegmentPart {
  readonly uri: string;
  readonly from: number;
  readonly duration: number;
}

/** Writes one spliced playlist, top to bottom. Lines that no rule touches go out as they came in. */
export class PlaylistWriter {
  readonly #out: string[] = [];
  readonly #written: MediaPlaylist;
  /** As written, with the dates that are in force. */
  #playlist: MediaPlaylist;
  readonly #lineEnd: string;
  #keys: readonly string[] = [];
  #map: string | undefined;
  #isAfterAd = false;
  readonly #isMarked: boolean;
  /** Whether EXT-X-DISCONTINUITY stands where content resumes next. */
  #hasDiscontinuity: boolean;
  #isOpen = false;
  #dated: DatedSegment | undefined;

  /**
   * @param tags values of tags that belong to the playlist as a whole: replaced where they stand, else added at the top;
   * `undefined` takes the tag out
   * @param isMarked whether EXT-X-DISCONTINUITY stands where content resumes
   */
  constructor(playlist: MediaPlaylist, tags: ReadonlyMap<string, string | number | undefined>, isMarked = true) {
    this.#isMarked = this.#hasDiscontinuity = isMarked;
    const { text, titleEnd } = playlist;
    this.#lineEnd = text.charCodeAt(titleEnd - 2) === CARRIAGE_RETURN ? "\r\n" : "\n";
    const present = [...tags].flatMap(([name, value]) => {
      const range = playlist.tags.get(name);
      return range ? [{ ...range, line: value === undefined ? "" : `#${name}:${value}${this.#lineEnd}` }] : [];
    });
    const added = [...tags].filter(([name, value]) => value !== undefined && !playlist.tags.has(name));
    let [changed, written] = ["", titleEnd];
    for (const { start, end, line } of present.toSorted((one, other) => one.start - other.start)) {
      changed += text.slice(written, start) + line;
      written = end;
    }
    const isInHeader = written <= playlist.headerEnd;
    // A tag that stands after the first segment moves what comes after it.
    this.#playlist = isInHeader
      ? playlist
      : parseMediaPlaylist(text.slice(0, titleEnd) + changed + text.slice(written));
    this.#written = this.#playlist;
    const { segments, headerEnd } = this.#playlist;
    // Some packagers write a key above EXT-X-MEDIA-SEQUENCE: what the header prints is in force for an ad before the content.
    this.#keys = (segments[0]?.keys ?? []).filter((key) => key.start < headerEnd).map((key) => key.value);
    this.#pushText(text.slice(0, titleEnd));
    for (const [name, value] of added) this.#push(`#${name}:${value}`);
    if (isInHeader) this.#pushText(changed + text.slice(written, playlist.headerEnd));
    else this.#pushText(this.#playlist.text.slice(titleEnd, this.#playlist.headerEnd));
  }

  /**
   * Content segments `from` to `to` (not included).
   *
   * @param shift how much their media sequence numbers have grown; negative where content was taken out before them
   */
  pushContent(from: number, to: number, shift: number): void {
    const { segments, text, hasImplicitIv: mayRestate } = this.#playlist;
    const [first, last] = [segments[from], segments[to - 1]];
    if (from >= to || !first || !last) return;
    let runStart = first.start;
    if (this.#isAfterAd) {
      this.#pushRestated(first, from, shift);
      runStart = first.end;
    }
    const restatedTo = shift !== 0 && mayRestate ? to : from;
    for (let index = from; index < restatedTo; index++) {
      const segment = segments[index];
      if (!segment || segment.start < runStart || !hasImplicitIv(segment)) continue;
      this.#pushText(text.slice(runStart, segment.start));
      this.#pushRestated(segment, index, shift);
      runStart = segment.end;
    }
    this.#pushText(text.slice(runStart, last.end));
    this.#leaveSegment(last, to - 1, shift);
  }

  /** A part of one content segment; the first part comes with the segment's own tags. */
  pushPart(index: number, shift: number, part: SegmentPart): void {
    const segment = this.#playlist.segments[index];
    if (!segment) return;
    if (part.from === 0) {
      this.#pushRestated(segment, index, shift, part);
    } else {
      const date = this.#dateOf(index);
      this.#restate(segment.keys, segment.map, index, shift);
      this.#pushDate(date === undefined ? undefined : date + part.from * 1000);
      this.#push(`${EXTINF}${formatSeconds(part.duration)},`);
      this.#push(part.uri);
    }
    this.#leaveSegment(segment, index, shift);
  }

  pushAd(segment: AdSegment, lines: AdSegmentLines): void {
    if (lines.discontinuity) this.#push(DISCONTINUITY);
    for (const tag of lines.tags ?? []) this.#push(tag);
    this.#enterKeys(segment.keys);
    if (segment.map !== undefined && segment.map !== this.#map) this.#push(`#EXT-X-MAP:${segment.map}`);
    if (lines.programDateTime) this.#push(`${DATE}:${lines.programDateTime}`);
    if (segment.isGap) this.#push("#EXT-X-GAP");
    this.#push(`${EXTINF}${formatSeconds(segment.duration)},`);
    if (segment.byteRange) this.#push(`${BYTERANGE}${segment.byteRange}`);
    this.#push(lines.uri ?? segment.uri);
    this.#map = segment.map ?? this.#map;
    this.#isAfterAd = true;
  }

  /** Content that follows resumes after something that is not listed: an ad that the window has left, or content taken out. */
  leaveAd(hasDiscontinuity = true): void {
    this.#isAfterAd = true;
    this.#hasDiscontinuity = hasDiscontinuity;
  }

  /** Content that follows is dated as many seconds later, because the ads before it are longer than what they replace. */
  shiftDates(seconds: number): void {
    this.#playlist = shiftDates(this.#written, Math.round(seconds * 1000));
    this.#dated = undefined;
  }

  /** What stands after the last segment. */
  pushTail(): void {
    this.#pushText(this.#playlist.text.slice(this.#playlist.tailStart));
  }

  format(): string {
    return this.#out.join("");
  }

  /** A line of our own. Its last character is not looked at: that would copy the text once more. */
  #push(line: string): void {
    this.#endLine();
    this.#out.push(line + this.#lineEnd);
  }

  /** Whole lines of the content. */
  #pushText(text: string): void {
    if (text === "") return;
    this.#endLine();
    this.#out.push(text);
    this.#isOpen = text.charCodeAt(text.length - 1) !== LINE_FEED;
  }

  /** Ends a line that the end of the content's text left open. */
  #endLine(): void {
    if (this.#isOpen) this.#out.push(this.#lineEnd);
    this.#isOpen = false;
  }

  #enterKeys(wanted: readonly string[]): void {
    if (wanted.length === this.#keys.length && wanted.every((key, index) => key === this.#keys[index])) return;
    const formats = wanted.map(keyFormat);
    if (this.#keys.some((key) => !formats.includes(keyFormat(key)))) this.#push(`${KEY}METHOD=NONE`);
    for (const key of wanted) this.#push(`${KEY}${key}`);
    this.#keys = wanted;
  }

  #leaveSegment({ keys, map }: Segment, index: number, shift: number): void {
    this.#keys = keys.map((key) => this.#valueOf(key, index, shift));
    this.#map = map?.value;
  }

  /** Restates what the ad has covered: everything in force for the segment that its own lines do not set. */
  #reenter(segment: Segment, index: number, shift: number): void {
    const { map, start } = segment;
    if (this.#hasOwnLine(segment, DISCONTINUITY)) this.#hasDiscontinuity = false;
    const keys = segment.keys.filter((key) => key.start < start);
    this.#restate(keys, map && map.start < start ? map : undefined, index, shift);
    if (!this.#hasOwnLine(segment, DATE)) this.#pushDate(this.#dateOf(index));
  }

  #restate(keys: readonly KeyTag[], map: MapTag | undefined, index: number, shift: number): void {
    if (this.#hasDiscontinuity) this.#push(DISCONTINUITY);
    this.#enterKeys(keys.map((key) => this.#valueOf(key, index, shift)));
    if (map && map.value !== this.#map) this.#push(`#EXT-X-MAP:${map.value}`);
    this.#isAfterAd = false;
    this.#hasDiscontinuity = this.#isMarked;
  }

  #dateOf(index: number): number | undefined {
    this.#dated = dateSegment(this.#playlist, index, this.#dated);
    return this.#dated.date;
  }

  #pushDate(timeMs: number | undefined): void {
    const date = formatProgramDateTime(timeMs);
    if (date) this.#push(`${DATE}:${date}`);
  }

  /** A segment with the keys that it inherits, and with its own lines where a rule changes them. */
  #pushRestated(segment: Segment, index: number, shift: number, part?: SegmentPart): void {
    const { start, end, keys, byteRange } = segment;
    const isAfterAd = this.#isAfterAd;
    if (isAfterAd) this.#reenter(segment, index, shift);
    let isPlain = part === undefined && (!isAfterAd || byteRange === undefined);
    for (const key of keys) {
      if (key.start >= start) isPlain = false;
      else if (!isAfterAd && shift !== 0 && key.hasImplicitIv) this.#push(KEY + this.#valueOf(key, index, shift));
    }
    if (isPlain) this.#pushText(this.#playlist.text.slice(start, end));
    else this.#pushOwnLines(segment, index, shift, part);
  }

  #pushOwnLines({ start, end, keys, byteRange }: Segment, index: number, shift: number, part?: SegmentPart): void {
    const { text } = this.#playlist;
    for (let [at, next] = [start, start]; at < end; at = next) {
      next = text.indexOf("\n", at) + 1 || end;
      const key = keys.find((tag) => tag.start === at);
      if (key) this.#push(KEY + this.#valueOf(key, index, shift));
      else if (byteRange && text.startsWith(BYTERANGE, at))
        this.#push(`${BYTERANGE}${byteRange.length}@${byteRange.offset}`);
      else if (part && text.startsWith(EXTINF, at)) this.#push(`${EXTINF}${formatSeconds(part.duration)},`);
      else if (part && next >= end) this.#push(part.uri);
      else this.#pushText(text.slice(at, next));
    }
  }

  #valueOf(key: KeyTag, index: number, shift: number): string {
    return shift === 0 ? key.value : withExplicitIv(key, this.#playlist.mediaSequence + index);
  }

  #hasOwnLine({ start, end }: Segment, tag: string): boolean {
    const own = `\n${this.#playlist.text.slice(start, end)}`;
    const found = own.indexOf(`\n${tag}`);
    return found >= 0 && own.charCodeAt(found + 1 + tag.length) !== HYPHEN;
  }
}

/** When a segment starts, in milliseconds since 1970; `undefined` where no date stands at or before it. */
interface DatedSegment {
  readonly index: number;
  readonly date: number | undefined;
}

/**
 * The date of a segment: its own, or the nearest one before it plus the time between them.
 *
 * @param known a result for an earlier segment, to start from
 */
export function dateSegment(playlist: MediaPlaylist, index: number, known?: DatedSegment): DatedSegment {
  let between = 0;
  for (let at = index; at >= 0; at--) {
    const segment = playlist.segments[at];
    if (at < index) between += segment?.duration ?? 0;
    const written = segment?.programDateTime;
    const date = known?.index === at ? known.date : written === undefined ? undefined : parseProgramDateTime(written);
    if (date !== undefined) return { index, date: date + between * 1000 };
    if (known?.index === at) break;
  }
  return { index, date: undefined };
}

function formatSeconds(seconds: number): number {
  return Number(seconds.toFixed(6));
}

function hasImplicitIv(segment: Segment): boolean {
  for (const key of segment.keys) if (key.hasImplicitIv) return true;
  return false;
}
