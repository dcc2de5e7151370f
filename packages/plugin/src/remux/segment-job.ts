/**
 * The plan of a creative's segments, and the order to make one of them: data alone, so that it can be sent to a worker.
 */
import type { Packaging, PictureLead } from "@interlude/core";
import type { AacConfig, AvcConfig } from "./movie.ts";

/** Bytes of the file from `start` up to `end`, which is not in it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What the content asks of the virtual segments. */
export interface RemuxNeeds {
  readonly packaging: Packaging;
  /** Seconds that no segment may exceed when rounded, RFC 8216 §4.3.3.1; undefined: any length (VOD). */
  readonly targetDuration: number | undefined;
}

export interface RemuxPlan {
  readonly packaging: Packaging;
  /** In order, never empty. */
  readonly segments: readonly PlannedSegment[];
  /** Seconds: the sum of the segments'. */
  readonly duration: number;
  /** Undefined in `cmaf`. */
  readonly pictureLead: PictureLead | undefined;
  /** Of the samples of both tracks. */
  readonly bandwidthBps: number;
  /** Initialisation segments of `cmaf`; undefined in `hls`. */
  readonly inits: { readonly video: Uint8Array; readonly audio: Uint8Array } | undefined;
}

export interface PlannedSegment {
  /** Seconds, exact to a microsecond. */
  readonly duration: number;
  /** What of the file it is made of: sorted, none touches another. */
  readonly ranges: readonly ByteRange[];
  readonly job: SegmentJob;
}

/** Offsets in it count from the first byte of the segment's ranges laid end to end. */
export interface SegmentJob {
  readonly packaging: Packaging;
  /** From 0. */
  readonly index: number;
  readonly video: PictureJob;
  readonly audio: SoundJob;
}

/** Pictures of one segment in decoding order. Ticks: of 90 kHz in `hls`, of `timescale` in `cmaf`; as they are to be written. */
export interface PictureJob {
  readonly timescale: number;
  readonly configs: readonly AvcConfig[];
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  readonly decodeTimes: Float64Array;
  readonly times: Float64Array;
  /** Up to the next picture's decode time; of the last one its own. */
  readonly durations: Uint32Array;
  readonly isKey: Uint8Array;
  /** Index into `configs`. */
  readonly entries: Uint8Array;
}

/** AAC frames of one segment, silence among them. Ticks: of 90 kHz in `hls`, of `timescale` in `cmaf`. */
export interface SoundJob {
  readonly timescale: number;
  readonly aac: AacConfig;
  /** The payload of a silent frame. */
  readonly silence: Uint8Array;
  /** −1: a silent frame. */
  readonly offsets: Float64Array;
  /** 0 for a silent frame. */
  readonly sizes: Uint32Array;
  readonly times: Float64Array;
  readonly durations: Uint32Array;
}

/** In `hls` sound and pictures are in `main`. */
export interface MadeSegment {
  readonly main: Uint8Array<ArrayBuffer>;
  readonly audio: Uint8Array<ArrayBuffer> | undefined;
}
