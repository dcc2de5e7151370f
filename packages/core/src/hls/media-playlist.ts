/**
 * Media playlists as a list of lines: what is not understood is kept, and printed back byte for byte.
 *
 * @see RFC 8216 §4.1 (lines), §4.3.1-§4.3.3 (tags)
 */
import type { AdError } from "../error.ts";
import { parseAttributeList } from "./attribute-list.ts";
import { malformedPlaylist } from "./malformed.ts";

/** An EXT-X-KEY that encrypts. `value` is its attribute list as written, `line` where it stands. */
export interface KeyTag {
  readonly value: string;
  readonly line: number;
  /** KEYFORMAT; `identity` where there is none. */
  readonly format: string;
  /** True where the media sequence number of each segment is its IV (RFC 8216 §5.2). */
  readonly hasImplicitIv: boolean;
}

/** An EXT-X-MAP; `value` is its attribute list as written. */
export interface MapTag {
  readonly value: string;
  readonly line: number;
}

/** Bytes of a resource, the offset always resolved (RFC 8216 §4.3.2.2). */
export interface ByteRange {
  readonly length: number;
  readonly offset: number;
}

/** A media segment with what is in force for it. Its own lines are `lines[firstLine]` to `lines[lastLine]`, the URI. */
export interface Segment {
  readonly uri: string;
  /** Seconds. */
  readonly duration: number;
  /** True where an EXT-X-DISCONTINUITY stands before it. */
  readonly discontinuity: boolean;
  /** The keys in force, one per KEYFORMAT; empty where the segment is clear. */
  readonly keys: readonly KeyTag[];
  readonly map: MapTag | undefined;
  /** As written; `undefined` where the segment has no tag of its own. */
  readonly programDateTime: string | undefined;
  readonly byteRange: ByteRange | undefined;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** A tag that may signal an avail, with the index of the segment that follows it (`segments.length` at the end of the list). */
export interface CueTag {
  readonly name: string;
  readonly value: string;
  readonly segmentIndex: number;
}

/** A media playlist. The media sequence number of `segments[i]` is `mediaSequence + i`. */
export interface MediaPlaylist {
  /** Split at LF; a CR stays at the end of its line. */
  readonly lines: readonly string[];
  /** 1 where the tag is missing. */
  readonly version: number;
  /** Seconds, whole. */
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly playlistType: string | undefined;
  readonly hasEndList: boolean;
  readonly isIFramesOnly: boolean;
  /** EXT-X-SKIP: a delta update, which lists only part of its window. */
  readonly isDelta: boolean;
  /** The number of lines that belong to the playlist as a whole and stand before the first segment's own. */
  readonly headerLength: number;
  /** The first line after the last segment. */
  readonly tailStart: number;
  /** The line of each tag that belongs to the playlist as a whole. */
  readonly tagLines: ReadonlyMap<string, number>;
  readonly segments: readonly Segment[];
  readonly cues: readonly CueTag[];
}

const MAX_DURATION = 1e7;
const MAX_KEY_FORMATS = 16;
const NO_KEYS: readonly KeyTag[] = [];

interface Draft {
  line: number;
  version: number;
  targetDuration: number | undefined;
  mediaSequence: number;
  discontinuitySequence: number;
  playlistType: string | undefined;
  duration: number | undefined;
  discontinuity: boolean;
  keys: readonly KeyTag[];
  map: MapTag | undefined;
  programDateTime: string | undefined;
  byteRange: string | undefined;
  readonly tagLines: Map<string, number>;
  readonly segments: Segment[];
  readonly cues: CueTag[];
}

type ReadTag = (draft: Draft, value: string, name: string) => void;

const keepPlace: ReadTag = () => {};
const keepCue: ReadTag = (draft, value, name) => {
  draft.cues.push({ name, value, segmentIndex: draft.segments.length });
};

/** Tags of the playlist as a whole; each is kept with its line. */
const PLAYLIST_TAG: Readonly<Record<string, ReadTag>> = {
  EXTM3U: keepPlace,
  "EXT-X-VERSION": (draft, value) => {
    draft.version = readInteger(draft, value);
  },
  "EXT-X-TARGETDURATION": (draft, value) => {
    draft.targetDuration = readInteger(draft, value);
  },
  "EXT-X-MEDIA-SEQUENCE": (draft, value) => {
    draft.mediaSequence = readInteger(draft, value);
  },
  "EXT-X-DISCONTINUITY-SEQUENCE": (draft, value) => {
    draft.discontinuitySequence = readInteger(draft, value);
  },
  "EXT-X-PLAYLIST-TYPE": (draft, value) => {
    draft.playlistType = value.trim();
  },
  "EXT-X-ENDLIST": keepPlace,
  "EXT-X-I-FRAMES-ONLY": keepPlace,
  "EXT-X-INDEPENDENT-SEGMENTS": keepPlace,
  "EXT-X-START": keepPlace,
  "EXT-X-DEFINE": keepPlace,
  "EXT-X-ALLOW-CACHE": keepPlace,
  "EXT-X-SERVER-CONTROL": keepPlace,
  "EXT-X-PART-INF": keepPlace,
  "EXT-X-SKIP": keepPlace,
};

/** Tags of a segment, or of all segments after them. A tag that is in neither table is kept as a line. No member of Object.prototype starts with EXT. */
const SEGMENT_TAG: Readonly<Record<string, ReadTag>> = {
  EXTINF: (draft, value) => {
    draft.duration = readDuration(draft, value);
  },
  "EXT-X-DISCONTINUITY": (draft) => {
    draft.discontinuity = true;
  },
  "EXT-X-KEY": readKey,
  "EXT-X-MAP": (draft, value) => {
    draft.map = { value: value.trimEnd(), line: draft.line };
  },
  "EXT-X-PROGRAM-DATE-TIME": (draft, value) => {
    draft.programDateTime = value.trim();
  },
  "EXT-X-BYTERANGE": (draft, value) => {
    draft.byteRange = value;
  },
  "EXT-X-CUE-OUT": keepCue,
  "EXT-X-CUE-OUT-CONT": keepCue,
  "EXT-X-CUE-IN": keepCue,
  "EXT-X-CUE": keepCue,
  "EXT-X-DATERANGE": keepCue,
};

/**
 * Reads a media playlist; `formatMediaPlaylist` of the result is the same text. Linear in the length of the text.
 *
 * @throws AdError `playlist-malformed` naming the line: no #EXTM3U, no EXT-X-TARGETDURATION, a segment without EXTINF, a number
 * that is none
 */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const lines = text.split("\n");
  const draft = startDraft(lines);
  let headerLength = 1;
  let nextLine = 0;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    draft.line = index;
    if (line.charCodeAt(0) === 35) {
      if (!readTagLine(draft, line)) continue;
      if (draft.segments.length === 0) nextLine = headerLength = index + 1;
    } else if (index > 0 && line.trim() !== "") {
      finishSegment(draft, line.trim(), nextLine);
      nextLine = index + 1;
    }
  }
  const { targetDuration, version, mediaSequence, discontinuitySequence, playlistType } = draft;
  const { tagLines, segments, cues } = draft;
  if (targetDuration === undefined)
    throw malformed({ ...draft, line: 0 }, "an EXT-X-TARGETDURATION in the list", "none");
  const has = {
    hasEndList: tagLines.has("EXT-X-ENDLIST"),
    isIFramesOnly: tagLines.has("EXT-X-I-FRAMES-ONLY"),
    isDelta: tagLines.has("EXT-X-SKIP"),
  };
  const numbers = { version, targetDuration, mediaSequence, discontinuitySequence, playlistType };
  const tailStart = segments.length > 0 ? nextLine : headerLength;
  return { lines, ...numbers, ...has, headerLength, tailStart, tagLines, segments, cues };
}

/** The text of a media playlist, byte for byte as it was read. */
export function formatMediaPlaylist(playlist: MediaPlaylist): string {
  return playlist.lines.join("\n");
}

function startDraft(lines: readonly string[]): Draft {
  const draft: Draft = {
    line: 0,
    version: 1,
    targetDuration: undefined,
    mediaSequence: 0,
    discontinuitySequence: 0,
    playlistType: undefined,
    duration: undefined,
    discontinuity: false,
    keys: NO_KEYS,
    map: undefined,
    programDateTime: undefined,
    byteRange: undefined,
    tagLines: new Map(),
    segments: [],
    cues: [],
  };
  const first = lines[0] ?? "";
  const start = first.charCodeAt(0) === 0xfeff ? 1 : 0;
  if (!first.startsWith("#EXTM3U", start)) throw malformed(draft, "#EXTM3U", first);
  return draft;
}

/** @returns whether the line is a tag of the playlist as a whole */
function readTagLine(draft: Draft, line: string): boolean {
  if (!line.startsWith("#EXT")) return false;
  const colon = line.indexOf(":");
  const name = colon < 0 ? line.slice(1).trimEnd() : line.slice(1, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1);
  const readSegmentTag = SEGMENT_TAG[name];
  if (readSegmentTag) {
    readSegmentTag(draft, value, name);
    return false;
  }
  const readPlaylistTag = PLAYLIST_TAG[name];
  if (!readPlaylistTag) return false;
  readPlaylistTag(draft, value, name);
  draft.tagLines.set(name, draft.line);
  return true;
}

function finishSegment(draft: Draft, uri: string, firstLine: number): void {
  const { duration, discontinuity, keys, map, programDateTime, line: lastLine } = draft;
  if (duration === undefined) throw malformed(draft, "#EXTINF before a segment", uri);
  const byteRange = draft.byteRange === undefined ? undefined : readByteRange(draft, draft.byteRange, uri);
  const inForce = { discontinuity, keys, map, programDateTime, byteRange };
  draft.segments.push({ uri, duration, ...inForce, firstLine, lastLine });
  draft.duration = undefined;
  draft.discontinuity = false;
  draft.programDateTime = undefined;
  draft.byteRange = undefined;
}

function readKey(draft: Draft, value: string): void {
  const attributes = parseAttributeList(value);
  const method = attributes.get("METHOD") ?? "NONE";
  if (method === "NONE") {
    draft.keys = NO_KEYS;
    return;
  }
  const format = attributes.get("KEYFORMAT") ?? "identity";
  const hasImplicitIv = format === "identity" && !attributes.has("IV") && !method.endsWith("-CTR");
  const tag = { value: value.trimEnd(), line: draft.line, format, hasImplicitIv };
  draft.keys = [...draft.keys.filter((key) => key.format !== format), tag];
  if (draft.keys.length > MAX_KEY_FORMATS) throw malformed(draft, `at most ${MAX_KEY_FORMATS} KEYFORMATs`, format);
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

function readInteger(draft: Draft, value: string): number {
  const number = Number.parseInt(value, 10);
  if (!(number >= 0 && number <= Number.MAX_SAFE_INTEGER)) throw malformed(draft, "a whole number", value);
  return number;
}

function readDuration(draft: Draft, value: string): number {
  const duration = Number.parseFloat(value);
  if (!(duration >= 0 && duration < MAX_DURATION)) throw malformed(draft, "a duration in seconds", value);
  return duration;
}

function malformed(draft: Draft, expected: string, got: string): AdError {
  return malformedPlaylist("media", draft.line, expected, got);
}
