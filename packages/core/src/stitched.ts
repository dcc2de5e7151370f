/**
 * What goes into stitching and what comes out, VOD and live alike.
 */
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import type { PictureLead } from "./hls/picture-lead.ts";
import type { SkipReason } from "./skip-reason.ts";

/** One encoding of an ad: its media playlist as fetched from `url`. */
export interface AdRendition {
  readonly bandwidthBps: number;
  readonly url: URL;
  readonly playlist: MediaPlaylist;
  /** `audio` for an audio-only rendition, which goes into audio playlists alone; absent means `main`. */
  readonly kind?: "main" | "audio";
}

/** An ad of a pod; one without renditions is refused with `media-unavailable`. */
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
  /** `iframes`: of I-frames or of images, for trick play: ads are gaps in it. */
  readonly kind: "main" | "audio" | "subtitles" | "iframes";
}

/** An ad segment that is about to be written. Times are seconds; counts are those of the pod as planned, also where the content returns early. */
export interface AdSegmentPlace {
  readonly breakId: string;
  readonly adId: string;
  /** Place of the ad in the pod as given, from 0. */
  readonly adIndex: number;
  /** Place of the segment in the ad, from 0, of `count`. */
  readonly index: number;
  readonly count: number;
  readonly isFirstOfBreak: boolean;
  readonly isLastOfBreak: boolean;
  /** From the start of the ad. */
  readonly startTime: number;
  /** From the start of the break. */
  readonly breakTime: number;
  readonly duration: number;
  /** Absolute. */
  readonly uri: string;
}

/**
 * Asked for each ad segment that is written: another URI for it, and whole tag lines that stand before its own tags, after its
 * EXT-X-DISCONTINUITY. It must answer the same for the same place: a listed segment never changes.
 */
export type AdDecorator = (place: AdSegmentPlace) => { readonly uri?: string; readonly tags?: readonly string[] };

/** A segment of subtitles next to a break: which part of it is shown, seconds from its own start; `undefined` where its own edge is. */
export interface SubtitleClip {
  /** As written in the playlist. */
  readonly uri: string;
  /** Of the whole segment. */
  readonly duration: number;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** The URI of that part. It must answer the same for the same clip. */
export type SubtitleClipper = (clip: SubtitleClip) => string;

/** What VOD and live stitching can be told, all optional. */
export interface StitchOptions {
  readonly decorate?: AdDecorator | undefined;
  readonly clipSubtitle?: SubtitleClipper | undefined;
  /** Of a WebVTT file that shows nothing, which stands for ads in subtitle playlists; by default a `data:` URI, which some players cannot load. */
  readonly blankSubtitleUri?: string | undefined;
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
  /** As its playlist says; absent: it does not. */
  readonly pictureLead?: PictureLead;
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
  /** VOD: seconds of content that gave way to it; absent: none. */
  readonly replaced?: number;
}

/** An ad that was given but not spliced. */
export interface RefusedAd {
  readonly breakId: string;
  readonly adId: string;
  /** Place in the pod as given. */
  readonly index: number;
  readonly reason: SkipReason;
}

/** A stitched playlist and where its breaks are. */
export interface Stitched {
  readonly text: string;
  readonly breaks: readonly PlacedBreak[];
  readonly refused: readonly RefusedAd[];
  /** VOD: content that was taken out with nothing in its place, as breaks without ads; absent: none. */
  readonly removed?: readonly PlacedBreak[];
}
