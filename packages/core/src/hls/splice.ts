/**
 * Splicing: content segments and ad segments into one list of lines, with every state that a tag sets restated where an ad came between.
 *
 * EXT-X-DISCONTINUITY stands where an ad begins and where content resumes. The content's keys end at an ad (METHOD=NONE) and come
 * back after it; an implicit IV, which is the media sequence number, becomes explicit on every segment whose number has changed.
 *
 * @see RFC 8216 §4.3.2.2-§4.3.2.6, §5.2
 */
import { type AdSegment, withExplicitIv } from "./ad-segments.ts";
import { parseAttributeList } from "./attribute-list.ts";
import type { KeyTag, MediaPlaylist, Segment } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";

const DISCONTINUITY = "#EXT-X-DISCONTINUITY";
const DATE = "#EXT-X-PROGRAM-DATE-TIME";
const KEY = "#EXT-X-KEY:";
const BYTERANGE = "#EXT-X-BYTERANGE:";
const HYPHEN = 45;

/** What an ad segment brings with it that its neighbours decide. */
export interface AdSegmentPlace {
  readonly discontinuity: boolean;
  readonly programDateTime: string | undefined;
}

/** Writes one spliced playlist, top to bottom. Lines that no rule touches go out as they came in. */
export class PlaylistWriter {
  readonly #out: string[] = [];
  readonly #playlist: MediaPlaylist;
  readonly #lines: readonly string[];
  readonly #carriageReturn: string;
  #keys: readonly string[] = [];
  #map: string | undefined;
  #isAfterAd = false;
  #dated: DatedSegment | undefined;

  /** @param tags values of tags that belong to the playlist as a whole: replaced where they stand, else added at the top */
  constructor(playlist: MediaPlaylist, tags: ReadonlyMap<string, number>) {
    this.#playlist = playlist;
    this.#carriageReturn = playlist.lines[0]?.endsWith("\r") ? "\r" : "";
    const lines = [...playlist.lines];
    const added: string[] = [];
    for (const [name, value] of tags) {
      const tag = `#${name}:${value}${this.#carriageReturn}`;
      const line = playlist.tagLines.get(name);
      if (line === undefined) added.push(tag);
      else lines[line] = tag;
    }
    this.#lines = lines;
    this.#copy(0, 1);
    this.#out.push(...added);
    this.#copy(1, playlist.headerLength);
  }

  /**
   * Content segments `from` to `to` (not included).
   *
   * @param shift how much their media sequence numbers have grown
   */
  pushContent(from: number, to: number, shift: number): void {
    const { segments } = this.#playlist;
    for (let index = from; index < to; index++) {
      const segment = segments[index];
      if (!segment) break;
      const isRenumbered = shift !== 0 && segment.keys.some((key) => key.hasImplicitIv);
      if (this.#isAfterAd) this.#reenter(segment, index, shift);
      else if (isRenumbered) this.#pushInheritedKeys(segment, index, shift);
      if (this.#isAfterAd || isRenumbered) this.#pushOwnLines(segment, index, shift);
      else this.#copy(segment.firstLine, segment.lastLine + 1);
      this.#isAfterAd = false;
    }
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

  /** What stands after the last segment; where the list is cut before it, only the line end of its last line. */
  pushTail(isCut: boolean): void {
    if (isCut) this.#out.push("");
    else this.#copy(this.#playlist.tailStart, this.#lines.length);
  }

  format(): string {
    return this.#out.join("\n");
  }

  #push(line: string): void {
    this.#out.push(line + this.#carriageReturn);
  }

  #copy(from: number, to: number): void {
    for (let line = from; line < to; line++) this.#out.push(this.#lines[line] ?? "");
  }

  #enterKeys(wanted: readonly string[]): void {
    if (wanted.join("\n") === this.#keys.join("\n")) return;
    const formats = wanted.map(keyFormat);
    if (this.#keys.some((key) => !formats.includes(keyFormat(key)))) this.#push(`${KEY}METHOD=NONE`);
    for (const key of wanted) this.#push(`${KEY}${key}`);
    this.#keys = wanted;
  }

  /** Restates what the ad has covered: everything in force for the segment that its own lines do not set. */
  #reenter(segment: Segment, index: number, shift: number): void {
    const { map, firstLine } = segment;
    if (!this.#hasOwnLine(segment, DISCONTINUITY)) this.#push(DISCONTINUITY);
    this.#enterKeys(segment.keys.filter((key) => key.line < firstLine).map((key) => this.#valueOf(key, index, shift)));
    if (map && map.line < firstLine && map.value !== this.#map) this.#push(`#EXT-X-MAP:${map.value}`);
    if (this.#hasOwnLine(segment, DATE)) return;
    this.#dated = dateSegment(this.#playlist, index, this.#dated);
    const date = formatProgramDateTime(this.#dated.date);
    if (date) this.#push(`${DATE}:${date}`);
  }

  #pushInheritedKeys(segment: Segment, index: number, shift: number): void {
    for (const key of segment.keys) {
      if (key.hasImplicitIv && key.line < segment.firstLine) this.#push(`${KEY}${this.#valueOf(key, index, shift)}`);
    }
  }

  #pushOwnLines(segment: Segment, index: number, shift: number): void {
    for (let line = segment.firstLine; line <= segment.lastLine; line++) {
      const text = this.#lines[line] ?? "";
      const key = text.startsWith(KEY) ? segment.keys.find((tag) => tag.line === line) : undefined;
      if (key) this.#push(`${KEY}${this.#valueOf(key, index, shift)}`);
      else if (text.startsWith(BYTERANGE) && segment.byteRange)
        this.#push(`${BYTERANGE}${segment.byteRange.length}@${segment.byteRange.offset}`);
      else this.#out.push(text);
    }
  }

  #valueOf(key: KeyTag, index: number, shift: number): string {
    return shift === 0 ? key.value : withExplicitIv(key, this.#playlist.mediaSequence + index);
  }

  #hasOwnLine(segment: Segment, tag: string): boolean {
    for (let line = segment.firstLine; line < segment.lastLine; line++) {
      const text = this.#lines[line] ?? "";
      if (text.startsWith(tag) && text.charCodeAt(tag.length) !== HYPHEN) return true;
    }
    return false;
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

function keyFormat(list: string): string {
  return parseAttributeList(list).get("KEYFORMAT") ?? "identity";
}
