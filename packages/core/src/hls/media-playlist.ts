/**
 * Media playlists: the text as it came, and where in it each segment and tag stands. What is not understood stays in the text.
 *
 * @see RFC 8216 §4.1 (lines), §4.3.1-§4.3.3 (tags)
 */
import type { AdError } from "../error.ts";
import { CUE_TAGS } from "./cue-tags.ts";
import { enterKey, type KeyTag } from "./key.ts";
import { malformedPlaylist } from "./malformed.ts";
import { PICTURES_TAG } from "./picture-lead.ts";
import { readDecimal, sliceTrimmed } from "./text.ts";

/** A range of the playlist's text: whole lines with their line ends. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** An EXT-X-MAP: its attribute list as written, and where its line starts in the text. */
export interface MapTag {
  readonly value: string;
  readonly start: number;
}

/** Bytes of a resource, the offset always resolved (RFC 8216 §4.3.2.2). */
export interface ByteRange {
  readonly length: number;
  readonly offset: number;
}

/** A media segment with what is in force for it; its range holds its own lines, the URI last. */
export interface Segment extends TextRange {
  readonly uri: string;
  /** Seconds. */
  readonly duration: number;
  /** How many EXT-X-DISCONTINUITY stand before it: each counts in its discontinuity sequence number (RFC 8216 §6.2.1). */
  readonly discontinuities: number;
  /** The keys in force, one per KEYFORMAT; empty where the segment is clear. */
  readonly keys: readonly KeyTag[];
  readonly map: MapTag | undefined;
  /** As written; `undefined` where the segment has no tag of its own. */
  readonly programDateTime: string | undefined;
  readonly byteRange: ByteRange | undefined;
}

/** One of `CUE_TAGS`, with the index of the segment that follows it (`segments.length` at the end of the list). */
export interface CueTag {
  readonly name: string;
  readonly value: string;
  readonly segmentIndex: number;
}

/** A media playlist. The media sequence number of `segments[i]` is `mediaSequence + i`. */
export interface MediaPlaylist {
  readonly text: string;
  /** 1 where the tag is missing. */
  readonly version: number;
  /** Seconds, whole. */
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly hasEndList: boolean;
  readonly isIFramesOnly: boolean;
  /** EXT-X-SKIP: a delta update, which lists only part of its window. */
  readonly isDelta: boolean;
  /** True where any EXT-X-MAP stands in it. */
  readonly hasMap: boolean;
  /** True where any key makes the media sequence number the IV. */
  readonly hasImplicitIv: boolean;
  /** Where the first line ends, and where the lines that belong to the playlist as a whole do. */
  readonly titleEnd: number;
  readonly headerEnd: number;
  /** Where the last segment ends. */
  readonly tailStart: number;
  /** The line of each tag that belongs to the playlist as a whole. */
  readonly tags: ReadonlyMap<string, TextRange>;
  readonly segments: readonly Segment[];
  readonly cues: readonly CueTag[];
}

const MAX_DURATION = 1e7;
const MAX_KEY_FORMATS = 16;
/** Characters of the keys that a splice may have to write again on each of their segments. */
const MAX_KEY_TEXT = 16_000_000;
const HASH = 35;
const EXTINF = "#EXTINF:";
const PROGRAM_DATE_TIME = "#EXT-X-PROGRAM-DATE-TIME:";

interface Draft {
  readonly text: string;
  /** The line that is being read. */
  start: number;
  end: number;
  /** Where the lines of the next segment start. */
  ownStart: number;
  headerEnd: number;
  duration: number | undefined;
  discontinuities: number;
  keys: readonly KeyTag[];
  hasImplicitIv: boolean;
  /** Characters of the keys in force whose IV is implicit, and their sum over all segments. */
  implicitKeyText: number;
  keyText: number;
  map: MapTag | undefined;
  programDateTime: string | undefined;
  byteRange: string | undefined;
  readonly tags: Map<string, TextRange>;
  readonly segments: Segment[];
  readonly cues: CueTag[];
}

type ReadTag = (draft: Draft, value: string) => void;

/** Tags of the playlist as a whole; each is kept with its line. */
const PLAYLIST_TAGS: ReadonlySet<string> = new Set([
  "EXT-X-VERSION",
  "EXT-X-TARGETDURATION",
  "EXT-X-MEDIA-SEQUENCE",
  "EXT-X-DISCONTINUITY-SEQUENCE",
  "EXT-X-PLAYLIST-TYPE",
  "EXT-X-ENDLIST",
  "EXT-X-I-FRAMES-ONLY",
  "EXT-X-IMAGES-ONLY",
  "EXT-X-INDEPENDENT-SEGMENTS",
  "EXT-X-START",
  "EXT-X-DEFINE",
  "EXT-X-ALLOW-CACHE",
  "EXT-X-SERVER-CONTROL",
  "EXT-X-PART-INF",
  "EXT-X-SKIP",
  PICTURES_TAG,
]);

/**
 * Tags of a segment, or of all segments after them, but for the two that stand before every segment. A tag that is in neither
 * table stays in the text. No member of Object.prototype starts with EXT.
 */
const SEGMENT_TAG: Readonly<Record<string, ReadTag>> = {
  "EXT-X-DISCONTINUITY": (draft) => {
    draft.discontinuities++;
  },
  "EXT-X-KEY": readKey,
  "EXT-X-MAP": (draft, value) => {
    draft.map = { value: value.trimEnd(), start: draft.start };
  },
  "EXT-X-BYTERANGE": (draft, value) => {
    draft.byteRange = value;
  },
};

/**
 * Reads a media playlist; `formatMediaPlaylist` of the result is the same text. Linear in the length of the text.
 *
 * @throws AdError `playlist-malformed` naming the line: no #EXTM3U, no EXT-X-TARGETDURATION, a segment without EXTINF, a number
 * that is none
 */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const draft = startDraft(text);
  const titleEnd = draft.end;
  while (draft.end < text.length) {
    draft.start = draft.end;
    const lineFeed = text.indexOf("\n", draft.start);
    const lineEnd = lineFeed < 0 ? text.length : lineFeed;
    draft.end = lineFeed < 0 ? text.length : lineFeed + 1;
    if (text.charCodeAt(draft.start) === HASH) readTagLine(draft, lineEnd);
    else finishSegment(draft, sliceTrimmed(text, draft.start, lineEnd));
  }
  const { tags, segments, cues, headerEnd, ownStart: tailStart } = draft;
  const numbers = {
    version: readNumber(draft, "EXT-X-VERSION") ?? 1,
    targetDuration: readNumber(draft, "EXT-X-TARGETDURATION"),
    mediaSequence: readNumber(draft, "EXT-X-MEDIA-SEQUENCE") ?? 0,
    discontinuitySequence: readNumber(draft, "EXT-X-DISCONTINUITY-SEQUENCE") ?? 0,
  };
  const { targetDuration } = numbers;
  if (targetDuration === undefined) throw malformed({ text, start: 0 }, "an EXT-X-TARGETDURATION in the list", "none");
  const has = {
    hasEndList: tags.has("EXT-X-ENDLIST"),
    isIFramesOnly: tags.has("EXT-X-I-FRAMES-ONLY"),
    isDelta: tags.has("EXT-X-SKIP"),
    hasMap: draft.map !== undefined,
    hasImplicitIv: draft.hasImplicitIv,
  };
  return { text, ...numbers, targetDuration, ...has, titleEnd, headerEnd, tailStart, tags, segments, cues };
}

/** The text of a media playlist, put together from its parts, byte for byte as it was read. */
export function formatMediaPlaylist({ text, headerEnd, tailStart, segments }: MediaPlaylist): string {
  const own = segments.map(({ start, end }) => text.slice(start, end));
  return text.slice(0, headerEnd) + own.join("") + text.slice(tailStart);
}

function startDraft(text: string): Draft {
  const mark = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const end = text.indexOf("\n") + 1 || text.length;
  if (!text.startsWith("#EXTM3U", mark)) throw malformed({ text, start: 0 }, "#EXTM3U", text.slice(0, end).trim());
  return {
    text,
    start: 0,
    end,
    ownStart: end,
    headerEnd: end,
    duration: undefined,
    discontinuities: 0,
    keys: [],
    hasImplicitIv: false,
    implicitKeyText: 0,
    keyText: 0,
    map: undefined,
    programDateTime: undefined,
    byteRange: undefined,
    tags: new Map(),
    segments: [],
    cues: [],
  };
}

function readTagLine(draft: Draft, lineEnd: number): void {
  const { text, start } = draft;
  if (text.startsWith(EXTINF, start)) {
    draft.duration = readDuration(draft, start + EXTINF.length, lineEnd);
  } else if (text.startsWith(PROGRAM_DATE_TIME, start)) {
    draft.programDateTime = sliceTrimmed(text, start + PROGRAM_DATE_TIME.length, lineEnd);
  } else if (text.startsWith("#EXT", start)) {
    const line = text.slice(start + 1, lineEnd);
    const colon = line.indexOf(":");
    const name = colon < 0 ? line.trimEnd() : line.slice(0, colon);
    readTag(draft, name, colon < 0 ? "" : line.slice(colon + 1));
  }
}

function readTag(draft: Draft, name: string, value: string): void {
  const { start, end, segments } = draft;
  if (CUE_TAGS.has(name)) draft.cues.push({ name, value, segmentIndex: segments.length });
  SEGMENT_TAG[name]?.(draft, value);
  if (!PLAYLIST_TAGS.has(name)) return;
  draft.tags.set(name, { start, end });
  if (segments.length === 0) draft.ownStart = draft.headerEnd = end;
}

function finishSegment(draft: Draft, uri: string): void {
  if (uri === "") return;
  const { duration, discontinuities, keys, map, programDateTime, ownStart: start, end } = draft;
  if (duration === undefined) throw malformed(draft, "#EXTINF before a segment", uri);
  const byteRange = draft.byteRange === undefined ? undefined : readByteRange(draft, draft.byteRange, uri);
  draft.keyText += draft.implicitKeyText;
  if (draft.keyText > MAX_KEY_TEXT) throw malformed(draft, `at most ${MAX_KEY_TEXT} characters of keys`, uri);
  draft.segments.push({ uri, duration, discontinuities, keys, map, programDateTime, byteRange, start, end });
  draft.ownStart = end;
  draft.duration = undefined;
  draft.discontinuities = 0;
  draft.programDateTime = undefined;
  draft.byteRange = undefined;
}

function readKey(draft: Draft, value: string): void {
  draft.keys = enterKey(draft.keys, value, draft.start);
  if (draft.keys.length > MAX_KEY_FORMATS) throw malformed(draft, `at most ${MAX_KEY_FORMATS} KEYFORMATs`, value);
  draft.implicitKeyText = 0;
  for (const key of draft.keys) if (key.hasImplicitIv) draft.implicitKeyText += key.value.length;
  draft.hasImplicitIv ||= draft.implicitKeyText > 0;
}

function readByteRange(draft: Draft, value: string, uri: string): ByteRange {
  const [length, offset] = value.split("@", 2);
  const previous = draft.segments.at(-1);
  const follows = previous?.uri === uri ? previous.byteRange : undefined;
  return {
    length: readInteger(draft, length ?? ""),
    offset: offset === undefined ? (follows ? follows.offset + follows.length : 0) : readInteger(draft, offset),
  };
}

/** The number of a tag of the playlist as a whole; `undefined` where it is missing. */
function readNumber({ text, tags }: Draft, name: string): number | undefined {
  const line = tags.get(name);
  if (!line) return undefined;
  return readInteger({ text, start: line.start }, text.slice(line.start + name.length + 2, line.end).trim());
}

function readInteger(draft: Pick<Draft, "text" | "start">, value: string): number {
  const number = Number.parseInt(value, 10);
  if (!(number >= 0 && number <= Number.MAX_SAFE_INTEGER)) throw malformed(draft, "a whole number", value);
  return number;
}

function readDuration(draft: Draft, start: number, end: number): number {
  const duration = readDecimal(draft.text, start, end);
  if (duration >= 0 && duration < MAX_DURATION) return duration;
  throw malformed(draft, "a duration in seconds", draft.text.slice(start, end));
}

function malformed(at: Pick<Draft, "text" | "start">, expected: string, got: string): AdError {
  const line = at.text.slice(0, at.start).split("\n").length - 1;
  return malformedPlaylist("media", line, expected, got);
}
