/** A package that was cut and proved, and is not published yet. */
import type { PictureLead } from "@interlude/core";
import type { EncodedRendition } from "./encoding.ts";

export interface CutPackage {
  /** Below which `<track>/<uri>` are. */
  readonly folder: string;
  /** As written into the playlists; for the package that is cut at its own key frames the longest segment, rounded up. */
  readonly targetDuration: number;
  /** Best rendition first; in packaging `cmaf` the sound that they share comes last. */
  readonly tracks: readonly CutTrack[];
}

/** What becomes one media playlist. */
export interface CutTrack {
  /** `720p`, `audio`: its folder, and the name of its playlist. */
  readonly name: string;
  readonly kind: "muxed" | "video" | "audio";
  /** Not for `audio`. */
  readonly rendition?: EncodedRendition;
  /** Of EXT-X-MAP, relative to the track's folder; fragmented MP4 alone has one. */
  readonly mapUri?: string;
  readonly segments: readonly CutSegment[];
  /** Of TS: what players need that join it by decode times. */
  readonly pictureLead?: PictureLead;
}

export interface CutSegment {
  /** Relative to the track's folder. */
  readonly uri: string;
  /** Seconds. */
  readonly duration: number;
  readonly bytes: number;
}
