/**
 * The segments of an ad as they go into another playlist: everything that depended on the ad's own playlist is resolved.
 */
import { parseAttributeList, replaceAttribute } from "./attribute-list.ts";
import type { KeyTag, MediaPlaylist } from "./media-playlist.ts";

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
}

const EMPTY_SUBTITLES = "data:text/vtt,WEBVTT%0A%0A";

/**
 * The segments of an ad's media playlist. `undefined` where there is nothing to play: no segment, no time, or an address
 * that cannot be resolved.
 *
 * @param url where the playlist was fetched from
 */
export function readAdSegments(playlist: MediaPlaylist, url: URL): readonly AdSegment[] | undefined {
  const absolute = new Map<string, string>();
  const segments: AdSegment[] = [];
  for (const [index, segment] of playlist.segments.entries()) {
    const keys = segment.keys.map((key) => resolveKey(key, playlist.mediaSequence + index, url));
    const map = segment.map && resolveUri(segment.map.value, url, absolute);
    if (!URL.canParse(segment.uri, url) || keys.includes(undefined) || map === "") return undefined;
    segments.push({
      uri: new URL(segment.uri, url).href,
      duration: segment.duration,
      discontinuity: index === 0 || segment.discontinuity,
      keys: keys.filter((key) => key !== undefined),
      map,
      byteRange: segment.byteRange && `${segment.byteRange.length}@${segment.byteRange.offset}`,
    });
  }
  return totalDuration(segments) > 0 ? segments : undefined;
}

/** Segments without a subtitle that last as long as those of the ad, so that the cues after it keep their time. */
export function blankSubtitles(segments: readonly AdSegment[]): readonly AdSegment[] {
  return segments.map(({ duration, discontinuity }) => {
    return { uri: EMPTY_SUBTITLES, duration, discontinuity, keys: [], map: undefined, byteRange: undefined };
  });
}

/** Seconds. */
export function totalDuration(segments: readonly { readonly duration: number }[]): number {
  let total = 0;
  for (const segment of segments) total += segment.duration;
  return total;
}

/** The attribute list of a key with the IV that its segment has by its media sequence number (RFC 8216 §5.2). */
export function withExplicitIv(key: KeyTag, mediaSequence: number): string {
  return key.hasImplicitIv ? `${key.value},IV=0x${mediaSequence.toString(16).padStart(32, "0")}` : key.value;
}

/** The lowest EXT-X-VERSION that allows these segments (RFC 8216 §7). */
export function requiredVersion(segments: readonly AdSegment[]): number {
  let version = 1;
  for (const { duration, keys, map, byteRange } of segments) {
    if (keys.length > 0) version = Math.max(version, keys.some((key) => key.includes("KEYFORMAT")) ? 5 : 2);
    if (!Number.isInteger(duration)) version = Math.max(version, 3);
    if (byteRange) version = Math.max(version, 4);
    if (map) version = Math.max(version, 6);
  }
  return version;
}

function resolveKey(key: KeyTag, mediaSequence: number, url: URL): string | undefined {
  return resolveUri(withExplicitIv(key, mediaSequence), url, undefined) || undefined;
}

/** The attribute list with its URI absolute; empty where it has none, or none that can be resolved. */
function resolveUri(list: string, url: URL, known: Map<string, string> | undefined): string {
  const found = known?.get(list);
  if (found !== undefined) return found;
  // A lone CR inside a value would be a line end to some readers.
  const clean = list.replaceAll("\r", "");
  const uri = parseAttributeList(clean).get("URI");
  const isGood = uri !== undefined && URL.canParse(uri, url);
  const resolved = isGood ? replaceAttribute(clean, "URI", `"${new URL(uri, url).href}"`) : "";
  known?.set(list, resolved);
  return resolved;
}
