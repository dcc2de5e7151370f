/**
 * What goes into stitching and what comes out, VOD and live alike.
 */
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import type { SkipReason } from "./skip-reason.ts";

/** One encoding of an ad: its media playlist as fetched from `url`. */
export interface AdRendition {
  readonly bandwidthBps: number;
  readonly url: URL;
  readonly playlist: MediaPlaylist;
  /** `audio` for an audio-only rendition, which goes into audio playlists alone; absent means `main`. */
  readonly kind?: "main" | "audio";
}

/** An ad of a pod; at least one rendition. */
export interface PodAd {
  readonly adId: string;
  readonly renditions: readonly AdRendition[];
}

/** The ordered ads of one break. */
export interface Pod {
  readonly breakId: string;
  readonly ads: readonly PodAd[];
}

/** The playlist that ads go into. */
export interface ContentPlaylist {
  readonly url: URL;
  /** Of its variant; `undefined` where unknown. */
  readonly bandwidthBps: number | undefined;
  readonly kind: "main" | "audio" | "subtitles";
}

/** An ad in the stitched playlist. `index` is its place in the pod as given, from 0. */
export interface PlacedAd {
  readonly breakId: string;
  readonly adId: string;
  readonly index: number;
  /** Seconds from the first segment of the stitched playlist as listed; negative where the window has left it behind. */
  readonly startTime: number;
  readonly duration: number;
  /** Of its first segment, in the stitched playlist's numbers. */
  readonly firstMediaSequence: number;
  readonly segmentCount: number;
}

/** A break in the stitched playlist; in live also one whose later segments are not listed yet. */
export interface PlacedBreak {
  readonly breakId: string;
  /** VOD: seconds of content before it. Live: seconds from the first content segment that this timeline saw. */
  readonly contentTime: number;
  readonly startTime: number;
  readonly duration: number;
  readonly firstMediaSequence: number;
  readonly ads: readonly PlacedAd[];
}

/** An ad that was given but not spliced. */
export interface RefusedAd {
  readonly breakId: string;
  readonly adId: string;
  readonly reason: SkipReason;
}

/** A stitched playlist and where its breaks are. */
export interface Stitched {
  readonly text: string;
  readonly breaks: readonly PlacedBreak[];
  readonly refused: readonly RefusedAd[];
}
