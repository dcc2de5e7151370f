/**
 * Master playlists: the variants of a stream and their renditions.
 *
 * @see RFC 8216 §4.3.4
 */
import { parseAttributeList } from "./attribute-list.ts";
import { malformedPlaylist } from "./malformed.ts";

/** @see RFC 8216 §4.3.4.2; `uri` as written, relative to the playlist */
export interface Variant {
  readonly uri: string;
  /** Peak, bit per second; 0 where it is missing. */
  readonly bandwidthBps: number;
  readonly averageBandwidthBps: number | undefined;
  /** RFC 6381 names; empty where it is missing. */
  readonly codecs: readonly string[];
  readonly resolution: { readonly width: number; readonly height: number } | undefined;
  /** Frames per second. */
  readonly frameRate: number | undefined;
  /** The group of its audio renditions. */
  readonly audio: string | undefined;
  readonly subtitles: string | undefined;
}

/** @see RFC 8216 §4.3.4.1; without `uri` the rendition is in the variant itself */
export interface MediaRendition {
  readonly type: string;
  readonly groupId: string;
  readonly name: string;
  readonly uri: string | undefined;
  readonly language: string | undefined;
  readonly isDefault: boolean;
  readonly channels: string | undefined;
}

/** I-frame variants are left out. */
export interface MasterPlaylist {
  readonly variants: readonly Variant[];
  readonly renditions: readonly MediaRendition[];
}

/** Whether a playlist is a master playlist: it names variants or renditions. */
export function isMasterPlaylist(text: string): boolean {
  return /^#EXT-X-(STREAM-INF|MEDIA|I-FRAME-STREAM-INF):/m.test(text);
}

/**
 * Reads a master playlist. Variants and renditions come in the order of the text; both may be empty.
 *
 * @throws AdError `playlist-malformed` naming the line: no #EXTM3U, an EXT-X-STREAM-INF without its URI
 */
export function parseMasterPlaylist(text: string): MasterPlaylist {
  const variants: Variant[] = [];
  const renditions: MediaRendition[] = [];
  let pending: { readonly attributes: ReadonlyMap<string, string>; readonly line: number } | undefined;
  for (const [line, raw] of text.split("\n").entries()) {
    const trimmed = raw.trim();
    if (line === 0 && !trimmed.startsWith("#EXTM3U")) throw malformedPlaylist("master", line, "#EXTM3U", trimmed);
    if (trimmed.startsWith("#EXT-X-STREAM-INF:")) {
      if (pending) throw malformedPlaylist("master", pending.line, "a URI after EXT-X-STREAM-INF", trimmed);
      pending = { attributes: parseAttributeList(trimmed.slice(18)), line };
    } else if (trimmed.startsWith("#EXT-X-MEDIA:")) {
      renditions.push(readRendition(parseAttributeList(trimmed.slice(13))));
    } else if (pending && trimmed !== "" && !trimmed.startsWith("#")) {
      variants.push(readVariant(trimmed, pending.attributes));
      pending = undefined;
    }
  }
  if (pending) throw malformedPlaylist("master", pending.line, "a URI after EXT-X-STREAM-INF", "the end");
  return { variants, renditions };
}

function readVariant(uri: string, attributes: ReadonlyMap<string, string>): Variant {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/i.exec(attributes.get("RESOLUTION") ?? "") ?? [];
  return {
    uri,
    bandwidthBps: readNumber(attributes.get("BANDWIDTH")) ?? 0,
    averageBandwidthBps: readNumber(attributes.get("AVERAGE-BANDWIDTH")),
    codecs: (attributes.get("CODECS") ?? "")
      .split(",")
      .map((codec) => codec.trim())
      .filter(Boolean),
    resolution: width && height ? { width: Number(width), height: Number(height) } : undefined,
    frameRate: readNumber(attributes.get("FRAME-RATE")),
    audio: attributes.get("AUDIO"),
    subtitles: attributes.get("SUBTITLES"),
  };
}

function readRendition(attributes: ReadonlyMap<string, string>): MediaRendition {
  return {
    type: attributes.get("TYPE") ?? "",
    groupId: attributes.get("GROUP-ID") ?? "",
    name: attributes.get("NAME") ?? "",
    uri: attributes.get("URI"),
    language: attributes.get("LANGUAGE"),
    isDefault: attributes.get("DEFAULT") === "YES",
    channels: attributes.get("CHANNELS"),
  };
}

function readNumber(value: string | undefined): number | undefined {
  const number = Number.parseFloat(value ?? "");
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}
