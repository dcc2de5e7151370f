/** Small playlists that the tests build from parts. */
import { type AdRendition, type ContentPlaylist, parseMediaPlaylist, type Pod, type PodAd } from "@interlude/core";
import * as HlsParser from "hls-parser";
import { Parser } from "m3u8-parser";

export const CONTENT: ContentPlaylist = {
  url: new URL("https://content.example/live/v1.m3u8"),
  bandwidthBps: 2_000_000,
  kind: "main",
};

/** A segment of a playlist that a test writes: `tags` stand before its EXTINF. */
export interface PlainSegment {
  readonly uri: string;
  readonly duration: number;
  readonly tags?: readonly string[];
}

export interface PlaylistParts {
  readonly targetDuration?: number;
  readonly header?: readonly string[];
  readonly segments: readonly PlainSegment[];
  readonly isEnded?: boolean;
}

/** The text of a media playlist, version 3 unless the header says otherwise. */
export function writePlaylist({
  targetDuration,
  header = ["#EXT-X-VERSION:3"],
  segments,
  isEnded,
}: PlaylistParts): string {
  const longest = Math.max(1, ...segments.map(({ duration }) => Math.round(duration)));
  return [
    "#EXTM3U",
    ...header,
    `#EXT-X-TARGETDURATION:${targetDuration ?? longest}`,
    ...segments.flatMap(({ uri, duration, tags = [] }) => [...tags, `#EXTINF:${duration},`, uri]),
    ...(isEnded ? ["#EXT-X-ENDLIST"] : []),
    "",
  ].join("\n");
}

/** `count` segments of `duration` seconds: c0.ts, c1.ts, … */
export function plainSegments(count: number, duration: number, tags: (index: number) => readonly string[] = () => []) {
  return Array.from({ length: count }, (_, index) => ({ uri: `c${index}.ts`, duration, tags: tags(index) }));
}

/** An ad rendition whose segments last `durations` seconds: `{name}-0.ts`, … */
export function adRendition(name: string, durations: readonly number[], bandwidthBps = 1_000_000): AdRendition {
  const segments = durations.map((duration, index) => ({ uri: `${name}-${index}.ts`, duration }));
  const playlist = parseMediaPlaylist(writePlaylist({ segments, isEnded: true }));
  return { bandwidthBps, url: new URL(`https://ads.example/${name}/${bandwidthBps}.m3u8`), playlist };
}

export function podAd(name: string, ...durations: readonly number[]): PodAd {
  return { adId: name, renditions: [adRendition(name, durations)] };
}

export function pod(breakId: string, ...ads: readonly PodAd[]): Pod {
  return { breakId, ads };
}

/** What an independent reader makes of a stitched playlist: one row per segment. */
export interface ReadSegment {
  readonly uri: string;
  readonly duration: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly key: { readonly method: string; readonly uri: string; readonly iv: string } | undefined;
  readonly map: string | undefined;
  readonly date: number | undefined;
}

/** Reads with hls-parser, which counts media and discontinuity sequence numbers itself. */
export function readByHlsParser(text: string): readonly ReadSegment[] {
  const playlist = HlsParser.parse(text);
  if (playlist.isMasterPlaylist || !("segments" in playlist)) throw new Error("expected a media playlist");
  return playlist.segments.map((segment) => ({
    uri: segment.uri,
    duration: segment.duration,
    mediaSequence: segment.mediaSequenceNumber,
    discontinuitySequence: segment.discontinuitySequence,
    key: segment.key
      ? {
          method: segment.key.method,
          uri: segment.key.uri ?? "",
          iv: segment.key.iv ? Buffer.from(new Uint8Array(segment.key.iv)).toString("hex") : "",
        }
      : undefined,
    map: segment.map?.uri,
    date: segment.programDateTime?.getTime(),
  }));
}

/** Reads with the parser of video.js. */
export function readByM3u8Parser(text: string): Parser["manifest"] {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  return parser.manifest;
}
