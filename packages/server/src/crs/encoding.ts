/** A creative as it is stored: encoded once, cut into packages as often as they are asked for. */
import type { FrameRate } from "./frame-rate.ts";

export interface Encoding {
  /** Below which the files are: `<rendition>.mp4` (video alone) and `audio.aac`. */
  readonly folder: string;
  /** Of the video, seconds: frames over frame rate. */
  readonly duration: number;
  readonly frameRate: FrameRate;
  /** Best first. */
  readonly renditions: readonly EncodedRendition[];
  /** Seconds, 0 first: where a remux can be cut. Left out: at every multiple of two seconds, as a ladder of ours. */
  readonly keyTimes?: readonly number[];
}

export interface EncodedRendition {
  /** `720p`, also its file's name. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** RFC 6381, of the video: `avc1.64001f`. */
  readonly codec: string;
  /** On average, its share of sound included. */
  readonly bandwidthBps: number;
}
