/**
 * A creative's media playlist as a list of what is to be fetched, in order. Everything that a player would have to guess, wait for
 * or ask a licence for is refused here.
 *
 * @see RFC 8216 §4.3.2, §4.3.3, §5.2
 */
import {
  type ByteRange,
  type MapTag,
  type MediaPlaylist,
  parseAttributeList,
  parseMediaPlaylist,
  type Segment,
} from "@interlude/core";
import type { SourceLimits } from "./crs-config.ts";
import { createKeyring, type Keyring, type SegmentKey } from "./hls-source-key.ts";
import { refusePlaylist, resolveUri } from "./hls-source-uri.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** A resource to be fetched: a media segment, or the initialisation section that those after it need. */
export interface PlannedResource {
  readonly url: URL;
  /** Left out: all of it. */
  readonly range?: ByteRange;
  /** Left out: clear. */
  readonly key?: SegmentKey;
  /** Seconds; 0 for an initialisation section. */
  readonly duration: number;
  /** Whether what came before cannot simply go on here: a discontinuity, or another initialisation section. True for the first. */
  readonly startsPart: boolean;
}

const MAX_SEGMENTS = 2000;
const MAX_PARTS = 32;

/**
 * Plans the fetching of a media playlist.
 *
 * @param base the playlist's own address, after redirects
 * @throws RepackageFailure `unsupported` (live, I-frames only, delta update, variables, DRM, SAMPLE-AES, no segment or too many),
 * `too-long` by the sum of EXTINF, `source-missing` where a segment is a gap; AdError `playlist-malformed`
 */
export function planSegments(text: string, base: URL, limits: Pick<SourceLimits, "maxDuration">): PlannedResource[] {
  const playlist = parseMediaPlaylist(text);
  checkPlaylist(playlist, base, limits);
  const keyring = createKeyring(text, base);
  const planned: PlannedResource[] = [];
  let tag: MapTag | undefined;
  let section: PlannedResource | undefined;
  for (const [index, segment] of playlist.segments.entries()) {
    const before = section && nameResource(section);
    if (segment.map !== undefined && segment.map !== tag) section = planMap(segment.map, base, keyring);
    tag = segment.map;
    const isOtherSection = (section && nameResource(section)) !== before;
    const startsPart = index === 0 || segment.discontinuities > 0 || isOtherSection;
    // Each part is a file of its own, so that it needs the section even where it is the same as before.
    if (startsPart && section) planned.push(section);
    const key = keyring.keyAt(segment.end, playlist.mediaSequence + index);
    planned.push({ ...planSegment(segment, base), ...(key && { key }), startsPart: startsPart && !section });
  }
  const parts = planned.filter((one) => one.startsPart).length;
  if (parts > MAX_PARTS) throw refusePlaylist(base, `at most ${MAX_PARTS} parts between discontinuities`, `${parts}`);
  return planned;
}

function checkPlaylist(playlist: MediaPlaylist, base: URL, limits: Pick<SourceLimits, "maxDuration">): void {
  const { text, segments } = playlist;
  if (!playlist.hasEndList) throw refusePlaylist(base, "a playlist that is whole (EXT-X-ENDLIST)", "a live one");
  if (playlist.isIFramesOnly) throw refusePlaylist(base, "a playlist to be played", "one of I-frames only");
  if (playlist.isDelta) throw refusePlaylist(base, "a whole playlist", "a delta update (EXT-X-SKIP)");
  if (playlist.tags.has("EXT-X-DEFINE")) throw refusePlaylist(base, "a playlist without variables", "EXT-X-DEFINE");
  if (segments.length === 0) throw refusePlaylist(base, "segments", "none");
  if (segments.length > MAX_SEGMENTS)
    throw refusePlaylist(base, `at most ${MAX_SEGMENTS} segments`, `${segments.length}`);
  const duration = segments.reduce((sum, segment) => sum + segment.duration, 0);
  if (duration > limits.maxDuration) {
    const message = `creative: expected at most ${limits.maxDuration} s, got segments of ${duration.toFixed(1)} s`;
    throw new RepackageFailure("too-long", message);
  }
  const gap = segments.findIndex(({ start, end }) => /^#EXT-X-GAP\s*$/m.test(text.slice(start, end)));
  if (gap >= 0) {
    const message = `creative at ${base.host}: expected every segment, got a gap (EXT-X-GAP) for segment ${gap}`;
    throw new RepackageFailure("source-missing", message);
  }
}

function planSegment({ uri, duration, byteRange }: Segment, base: URL): Omit<PlannedResource, "startsPart"> {
  return { url: resolveUri(uri, base), duration, ...(byteRange && { range: checkRange(byteRange, base) }) };
}

function planMap(map: MapTag, base: URL, keyring: Keyring): PlannedResource {
  const attributes = parseAttributeList(map.value);
  const range = readRange(attributes.get("BYTERANGE"), base);
  const key = keyring.keyAt(map.start, undefined);
  const url = resolveUri(attributes.get("URI") ?? "", base);
  return { url, duration: 0, startsPart: true, ...(range && { range }), ...(key && { key }) };
}

function nameResource({ url, range, key }: PlannedResource): string {
  return [url.href, range?.offset, range?.length, key?.url.href, key?.iv.toString("hex")].join(" ");
}

function readRange(value: string | undefined, base: URL): ByteRange | undefined {
  if (value === undefined) return undefined;
  const [, length, offset = "0"] = /^(\d{1,16})(?:@(\d{1,16}))?$/.exec(value.trim()) ?? [];
  if (length === undefined)
    throw refusePlaylist(base, "a BYTERANGE of the form n@o", JSON.stringify(value.slice(0, 40)));
  return checkRange({ length: Number(length), offset: Number(offset) }, base);
}

function checkRange(range: ByteRange, base: URL): ByteRange {
  if (range.length > 0 && Number.isSafeInteger(range.offset + range.length)) return range;
  throw refusePlaylist(base, "a byte range of one byte or more", `${range.length}@${range.offset}`);
}
