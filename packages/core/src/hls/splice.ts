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
import { type MediaPlaylist, parseMediaPlaylist, type Segment } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";

const DISCONTINUITY = "#EXT-X-DISCONTINUITY";
const DATE = "#EXT-X-PROGRAM-DATE-TIME";
const KEY = "#EXT-X-KEY:";
const BYTERANGE = "#EXT-X-BYTERANGE:";
const HYPHEN = 45;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** What an ad segment brings with it that its neighbours decide. */
export interface AdSegmentPlace {
  readonly discontinuity: boolean;
  readonly programDateTime: string | undefined;
}

/** Writes one spliced playlist, top to bottom. Lines that no rule touches go out as they came in. */
export class PlaylistWriter {
  readonly #out: string[] = [];
  readonly #playlist: MediaPlaylist;
  readonly #lineEnd: string;
  #keys: readonly string[] = [];
  #map: string | undefined;
  #isAfterAd = false;
  #isOpen = false;
  #dated: DatedSegment | undefined;

  /** @param tags values of tags that belong to the playlist as a whole: replaced where they stand, else added at the top */
  constructor(playlist: MediaPlaylist, tags: ReadonlyMap<string, number>) {
    const { text, titleEnd } = playlist;
    this.#lineEnd = text.charCodeAt(titleEnd - 2) === CARRIAGE_RETURN ? "\r\n" : "\n";
    const present = [...tags].flatMap(([name, value]) => {
      const range = playlist.tags.get(name);
      return range ? [{ ...range, line: `#${name}:${value}${this.#lineEnd}` }] : [];
    });
    const added = [...tags].filter(([name]) => !playlist.tags.has(name));
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
   * @param shift how much their media sequence numbers have grown
   */
  pushContent(from: number, to: number, shift: number): void {
    const { segments, text } = this.#playlist;
    let [runStart, runEnd] = [0, 0];
    for (let index = from; index < to; index++) {
      const segment = segments[index];
      if (!segment) break;
      if (this.#isAfterAd || (shift !== 0 && hasImplicitIv(segment))) {
        this.#pushText(text.slice(runStart, runEnd));
        this.#pushRestated(segment, index, shift);
        runStart = segment.end;
      } else if (runStart === 0) {
        runStart = segment.start;
      }
      runEnd = segment.end;
    }
    this.#pushText(text.slice(runStart, runEnd));
    const last = from < to ? segments[to - 1] : undefined;
    if (!last) return;
    this.#keys = last.keys.map((key) => key.value);
    this.#map = last.map?.value;
  }

  pushAd(segment: AdSegment, place: AdSegmentPlace): void {
    if (place.discontinuity) this.#push(DISCONTINUITY);
    this.#enterKeys(segment.keys);
    if (segment.map !== undefined && segment.map !== this.#map) this.#push(`#EXT-X-MAP:${segment.map}`);
    if (place.programDateTime) this.#push(`${DATE}:${place.programDateTime}`);
    this.#push(`#EXTINF:${Number(segment.duration.toFixed(6))},`);
    if (segment.byteRange) this.#push(`${BYTERANGE}${segment.byteRange}`);
    this.#push(segment.uri);
    this.#map = segment.map ?? this.#map;
    this.#isAfterAd = true;
  }

  /** Content that follows resumes after an ad that is not listed any more. */
  leaveAd(): void {
    this.#isAfterAd = true;
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

  /** Restates what the ad has covered: everything in force for the segment that its own lines do not set. */
  #reenter(segment: Segment, index: number, shift: number): void {
    const { map, start } = segment;
    if (!this.#hasOwnLine(segment, DISCONTINUITY)) this.#push(DISCONTINUITY);
    this.#enterKeys(segment.keys.filter((key) => key.start < start).map((key) => this.#valueOf(key, index, shift)));
    if (map && map.start < start && map.value !== this.#map) this.#push(`#EXT-X-MAP:${map.value}`);
    if (this.#hasOwnLine(segment, DATE)) return;
    this.#dated = dateSegment(this.#playlist, index, this.#dated);
    const date = formatProgramDateTime(this.#dated.date);
    if (date) this.#push(`${DATE}:${date}`);
  }

  /** A segment with the keys that it inherits, and with its own lines where a rule changes them. */
  #pushRestated(segment: Segment, index: number, shift: number): void {
    const { start, end, keys, byteRange } = segment;
    const { text } = this.#playlist;
    const isAfterAd = this.#isAfterAd;
    this.#isAfterAd = false;
    if (isAfterAd) this.#reenter(segment, index, shift);
    let isPlain = !isAfterAd || byteRange === undefined;
    for (const key of keys) {
      if (key.start >= start) isPlain = false;
      else if (!isAfterAd && key.hasImplicitIv) this.#push(KEY + this.#valueOf(key, index, shift));
    }
    if (isPlain) this.#pushText(text.slice(start, end));
    else this.#pushOwnLines(segment, index, shift);
  }

  #pushOwnLines({ start, end, keys, byteRange }: Segment, index: number, shift: number): void {
    const { text } = this.#playlist;
    for (let [at, next] = [start, start]; at < end; at = next) {
      next = text.indexOf("\n", at) + 1 || end;
      const key = keys.find((tag) => tag.start === at);
      if (key) this.#push(KEY + this.#valueOf(key, index, shift));
      else if (byteRange && text.startsWith(BYTERANGE, at))
        this.#push(`${BYTERANGE}${byteRange.length}@${byteRange.offset}`);
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

function hasImplicitIv(segment: Segment): boolean {
  for (const key of segment.keys) if (key.hasImplicitIv) return true;
  return false;
}
