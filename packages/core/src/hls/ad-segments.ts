/**
 * The segments of an ad as they go into another playlist: everything that depended on the ad's own playlist is resolved.
 */
import { BLANK_WEBVTT } from "../webvtt/webvtt.ts";
import { parseAttributeList, replaceAttribute } from "./attribute-list.ts";
import { withExplicitIv } from "./key.ts";
import type { MediaPlaylist } from "./media-playlist.ts";

/** One ad segment, free of its playlist. Survives JSON. */
export interface AdSegment {
  /** Absolute. */
  readonly uri: string;
  readonly duration: number;
  /** True on the first segment, and where the ad has a discontinuity of its own. */
  readonly discontinuity: boolean;
  /** Attribute lists of the keys in force: URIs absolute, IVs explicit. */
  readonly keys: readonly string[];
  /** Attribute list of the EXT-X-MAP in force, its URI absolute. */
  readonly map: string | undefined;
  /** `length@offset`. */
  readonly byteRange: string | undefined;
  /** True where nothing is to be loaded, only time passes (EXT-X-GAP). */
  readonly isGap?: boolean;
}

/** A name that needs no URL parser to be resolved in its folder. */
const PLAIN_NAME = /^\w[\w.-]*$/;
const MAX_TAG_TEXT = 1_000_000;
/** A WebVTT file without a cue. */
const BLANK_SUBTITLE_URI = `data:text/vtt,${encodeURIComponent(BLANK_WEBVTT)}`;

/** What was read of a playlist under each address: all viewers of an ad share its segments. */
const readOfPlaylist = new WeakMap<MediaPlaylist, Map<string, readonly AdSegment[] | undefined>>();
const gapsOf = new WeakMap<readonly AdSegment[], readonly AdSegment[]>();
const blanksOf = new WeakMap<readonly AdSegment[], Map<string, readonly AdSegment[]>>();

/**
 * The segments of an ad's media playlist, the same object each time. `undefined` where there is nothing to play: no segment, no time, an address that cannot
 * be resolved, or more than a million characters of keys and maps, counted on each segment.
 *
 * @param url where the playlist was fetched from
 */
export function readAdSegments(playlist: MediaPlaylist, url: URL): readonly AdSegment[] | undefined {
  const read = readOfPlaylist.get(playlist) ?? new Map<string, readonly AdSegment[] | undefined>();
  readOfPlaylist.set(playlist, read);
  if (!read.has(url.href)) read.set(url.href, resolveSegments(playlist, url));
  return read.get(url.href);
}

function resolveSegments(playlist: MediaPlaylist, url: URL): readonly AdSegment[] | undefined {
  const known = new Map<string, string>();
  let tagText = 0;
  const folder = URL.canParse(".", url) ? new URL(".", url).href : undefined;
  const segments: AdSegment[] = [];
  for (const [index, segment] of playlist.segments.entries()) {
    const uri =
      folder !== undefined && PLAIN_NAME.test(segment.uri) ? folder + segment.uri : absolute(segment.uri, url);
    const keys = segment.keys.map((key) => resolveUri(withExplicitIv(key, playlist.mediaSequence + index), url, known));
    const map = segment.map && resolveUri(segment.map.value, url, known);
    tagText += totalLength(keys) + (map?.length ?? 0);
    if (!uri || keys.includes("") || map === "" || tagText > MAX_TAG_TEXT) return undefined;
    segments.push({
      uri,
      duration: segment.duration,
      discontinuity: index === 0 || segment.discontinuities > 0,
      keys,
      map,
      byteRange: segment.byteRange && `${segment.byteRange.length}@${segment.byteRange.offset}`,
    });
  }
  return totalDuration(segments) > 0 ? segments : undefined;
}

/** Segments without a subtitle that last as long as those of the ad, so that the cues after it keep their time. */
export function blankSubtitles(segments: readonly AdSegment[], uri: string = BLANK_SUBTITLE_URI): readonly AdSegment[] {
  const known = blanksOf.get(segments) ?? new Map<string, readonly AdSegment[]>();
  blanksOf.set(segments, known);
  const blank = known.get(uri) ?? segments.map((segment) => ({ ...bare(segment), uri }));
  known.set(uri, blank);
  return blank;
}

/** Segments that only let the time of the ad pass: it has no I-frames and no images of its own (RFC 8216bis §4.4.4.7). */
export function gapSegments(segments: readonly AdSegment[]): readonly AdSegment[] {
  const gaps = gapsOf.get(segments) ?? segments.map((segment) => ({ ...bare(segment), isGap: true }));
  gapsOf.set(segments, gaps);
  return gaps;
}

function bare({ uri, duration, discontinuity }: AdSegment): AdSegment {
  return { uri, duration, discontinuity, keys: [], map: undefined, byteRange: undefined };
}

/** Seconds. */
export function totalDuration(segments: readonly { readonly duration: number }[]): number {
  let total = 0;
  for (const segment of segments) total += segment.duration;
  return total;
}

/** The lowest EXT-X-VERSION that allows these segments (RFC 8216 §7). */
export function requiredVersion(segments: readonly AdSegment[]): number {
  let version = 1;
  for (const { duration, keys, map, byteRange, isGap } of segments) {
    if (keys.length > 0) version = Math.max(version, keys.some((key) => key.includes("KEYFORMAT")) ? 5 : 2);
    if (!Number.isInteger(duration)) version = Math.max(version, 3);
    if (byteRange) version = Math.max(version, 4);
    if (map) version = Math.max(version, 6);
    if (isGap) version = Math.max(version, 8);
  }
  return version;
}

function totalLength(texts: readonly string[]): number {
  let length = 0;
  for (const text of texts) length += text.length;
  return length;
}

function absolute(uri: string, url: URL): string {
  return URL.canParse(uri, url) ? new URL(uri, url).href : "";
}

/** The attribute list with its URI absolute; empty where it has none, or none that can be resolved. */
function resolveUri(list: string, url: URL, known: Map<string, string>): string {
  const found = known.get(list);
  if (found !== undefined) return found;
  // A lone CR inside a value would be a line end to some readers.
  const clean = list.replaceAll("\r", "");
  const uri = parseAttributeList(clean).get("URI");
  const href = uri === undefined ? "" : absolute(uri, url);
  const resolved = href && replaceAttribute(clean, "URI", `"${href}"`);
  known.set(list, resolved);
  return resolved;
}
