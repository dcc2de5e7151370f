/**
 * What a media playlist tells about the content that ads have to fit into.
 */
import {
  isLive,
  parseMediaPlaylist,
  segmentBoundaries,
  snapToBoundary,
  type ContentPlaylist,
  type MediaPlaylist,
} from "@interlude/core";

/** A playlist as it came, with the variant or track that asked for it. */
export interface FetchedPlaylist {
  readonly text: string;
  readonly content: ContentPlaylist;
  /** One name per variant or track, whatever address answered. */
  readonly trackKey: string;
}

/** Durations in seconds. */
export interface ContentFacts {
  readonly isLive: boolean;
  readonly targetDuration: number;
  readonly duration: number;
  readonly playlist: MediaPlaylist;
}

/** @throws AdError `playlist-malformed` */
export function readFacts(text: string): ContentFacts {
  const playlist = parseMediaPlaylist(text);
  const duration = playlist.segments.reduce((sum, segment) => sum + segment.duration, 0);
  return { isLive: isLive(text), targetDuration: playlist.targetDuration, duration, playlist };
}

/**
 * How far a player may load, seconds of content, and still take a break of this time: to the segment boundary where it is placed;
 * for a post-roll to the start of the last segment, because a player that has all segments does not look for more.
 */
export function selectLoadLimit({ playlist }: ContentFacts, time: number | "end"): number {
  const boundaries = segmentBoundaries(playlist.segments);
  const last = Math.max(0, playlist.segments.length - 1);
  const index = time === "end" ? last : Math.min(last, snapToBoundary(boundaries, time));
  return boundaries[index] ?? 0;
}

/** Whether a playlist has parts, or is a delta update of one that may have. */
export function isLowLatency({ playlist }: ContentFacts): boolean {
  return (
    playlist.isDelta || playlist.tags.has("EXT-X-PART-INF") || /^#EXT-X-(?:PART|PRELOAD-HINT):/m.test(playlist.text)
  );
}

/**
 * A playlist whose server offers delta updates or blocking reloads, without the offer: they count segments as the origin does, which
 * ads change.
 */
export function withoutReloads(text: string): string {
  // attributes that nobody knows are ignored (RFC 8216 §6.3.1)
  return text.replace(/^#EXT-X-SERVER-CONTROL:.*$/m, (line) => line.replaceAll("CAN-", "X-NO-"));
}
