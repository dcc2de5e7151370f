/**
 * Addresses of subtitle segments that a break cuts: signed, complete in themselves, answered by any instance.
 *
 *   /auditude/webvtt/blank.vtt                                   no cue, for the time of an ad
 *   /auditude/webvtt/{session}/{base64url(segment URL)}.vtt?…    the part of a segment that is shown on one side of a break
 *
 * @see primetime.md §1.11; docs/decisions/0014-subtitles-at-a-break.md
 */
import type { MediaPlaylist, Segment } from "@interlude/core";
import type { Signer } from "../signature.ts";
import { findPtsReference, type PtsReference } from "./webvtt-clock.ts";

/** Path of a WebVTT file without a cue; the same for all, cacheable. */
export const BLANK_WEBVTT_PATH = "/auditude/webvtt/blank.vtt";
export const WEBVTT_PREFIX = "/auditude/webvtt/";
/** What their signatures are made for: `createSigner(secret, WEBVTT_PURPOSE)`. */
export const WEBVTT_PURPOSE = "webvtt address";

/** The part of a subtitle segment that is shown. Times in seconds. */
export interface WebVttClip {
  readonly url: string;
  /** From the segment's start; undefined: not cut there. Cues may reach over the segment's own edges. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Of the segment. */
  readonly duration: number;
  /** From the start of the programme to the segment's start; undefined in live. */
  readonly programmeTime: number | undefined;
  /** What tells the media's clock at the segment's start; undefined: nothing does. */
  readonly reference: PtsReference | undefined;
}

/** What the addresses of one playlist have in common. Both playlists are the content's, with absolute URIs. */
export interface ClipperInput {
  readonly sessionId: string;
  readonly signer: Signer;
  readonly baseUrl: URL;
  readonly subtitles: MediaPlaylist;
  /** Of pictures, or of sound where there are none; undefined: not known, cues are then cut by the time of the programme. */
  readonly media: MediaPlaylist | undefined;
}

/**
 * Writes the address of a part of a segment, always the same for the same part. A segment that cannot be cut keeps its own: one that
 * is encrypted, in fMP4, part of a file, or not in the playlist.
 */
export function createSubtitleClipper(
  input: ClipperInput,
): (part: Pick<WebVttClip, "from" | "to" | "duration"> & { readonly uri: string }) => string {
  const { subtitles, media } = input;
  return ({ uri, duration, from, to }) => {
    const place = placesOf(subtitles).get(uri);
    if (place === undefined || (from === undefined && to === undefined)) return uri;
    const reference = media && findPtsReference({ subtitles, media, index: place.index, cut: to ?? from ?? 0 });
    const programmeTime = subtitles.hasEndList ? place.time : undefined;
    return formatClipUrl(input, { url: uri, from, to, duration, programmeTime, reference }).href;
  };
}

/** Where a segment stands: its index, and seconds from the first one. */
interface Place {
  readonly index: number;
  readonly time: number;
}

const places = new WeakMap<MediaPlaylist, ReadonlyMap<string, Place>>();

/** Of the segments that can be cut. One playlist object serves all viewers of a refresh. */
function placesOf(playlist: MediaPlaylist): ReadonlyMap<string, Place> {
  const known = places.get(playlist);
  if (known) return known;
  const found = new Map<string, Place>();
  let time = 0;
  for (const [index, segment] of playlist.segments.entries()) {
    if (canBeCut(segment)) found.set(segment.uri, { index, time });
    time += segment.duration;
  }
  places.set(playlist, found);
  return found;
}

function canBeCut({ uri, keys, map, byteRange }: Segment): boolean {
  const isClear = keys.every((key) => /METHOD=NONE/.test(key.value));
  return isClear && map === undefined && byteRange === undefined && /^https?:\/\//i.test(uri) && URL.canParse(uri);
}

/** @see readClip, which reads it */
export function formatClipUrl(
  { sessionId, signer, baseUrl }: Pick<ClipperInput, "sessionId" | "signer" | "baseUrl">,
  clip: WebVttClip,
): URL {
  const { reference } = clip;
  const query = new URLSearchParams();
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) query.append(name, typeof value === "number" ? formatSeconds(value) : value);
  };
  add("from", clip.from);
  add("to", clip.to);
  add("duration", clip.duration);
  add("time", clip.programmeTime);
  if (reference) {
    add("media", encode(reference.url));
    if (reference.start > 0) add("start", String(reference.start));
    if (reference.mapUrl !== undefined) add("map", encode(reference.mapUrl));
    add("offset", reference.offset);
  }
  const path = `${WEBVTT_PREFIX}${encodeURIComponent(sessionId)}/${encode(clip.url)}.vtt?${query.toString()}`;
  return new URL(`${path}&sig=${signer.sign(path)}`, baseUrl);
}

/**
 * Reads an address that {@link formatClipUrl} wrote, given as path and query; undefined: this server did not, or not so.
 */
export function readClip(
  address: string,
  signer: Signer,
): { readonly sessionId: string; readonly clip: WebVttClip } | undefined {
  const match = /^(\/auditude\/webvtt\/([^/?]+)\/([\w-]+)\.vtt\?[^?]*)&sig=([\w-]+)$/.exec(address);
  const [, signed = "", session = "", source = "", signature = ""] = match ?? [];
  if (!match || !signer.isSigned(signed, signature)) return undefined;
  const query = new URLSearchParams(signed.slice(signed.indexOf("?")));
  const seconds = (name: string): number | undefined => {
    const value = query.get(name);
    return value === null ? undefined : Number(value);
  };
  const [media, map] = [query.get("media"), query.get("map")];
  const reference =
    media === null
      ? undefined
      : {
          url: decode(media),
          start: seconds("start") ?? 0,
          mapUrl: map === null ? undefined : decode(map),
          offset: seconds("offset") ?? 0,
        };
  const clip = {
    url: decode(source),
    from: seconds("from"),
    to: seconds("to"),
    duration: seconds("duration") ?? 0,
    programmeTime: seconds("time"),
    reference,
  };
  return { sessionId: decodeURIComponent(session), clip };
}

/** Milliseconds are as fine as cues are. */
function formatSeconds(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function decode(text: string): string {
  return Buffer.from(text, "base64url").toString();
}
