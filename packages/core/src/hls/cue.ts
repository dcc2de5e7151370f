/**
 * Avails: the breaks that a playlist signals by cues.
 *
 * @see primetime.md §1.8; RFC 8216 §4.3.2.7 (EXT-X-DATERANGE), §4.3.2.7.1 (SCTE-35)
 */
import type { MediaPlaylist } from "./media-playlist.ts";

/** A break that the content offers. */
export interface Avail {
  /** The signalled id; `cue-<media sequence>` where the cue has none. */
  readonly id: string;
  /** Seconds from the first segment of the playlist. */
  readonly startTime: number;
  /** Of the avail's first segment, ISO 8601; `undefined` where the playlist has no dates. */
  readonly programDateTime: string | undefined;
  /** Seconds; 0 where neither the cue nor its end tells. */
  readonly duration: number;
  /** The content's media sequence number of the avail's first segment; of the first listed one where `isPartial`. */
  readonly mediaSequence: number;
  /** True where the avail began before the first segment of the playlist: it is content. */
  readonly isPartial: boolean;
  /** Where the content signals its return, seconds from the first segment; `undefined` as long as it does not. */
  readonly returnTime: number | undefined;
}

/** The avails of a playlist in order of their media sequence. Binary SCTE-35 is not decoded. */
export function parseCues(playlist: MediaPlaylist): readonly Avail[] {
  void playlist;
  return [];
}
