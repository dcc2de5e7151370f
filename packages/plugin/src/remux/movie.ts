/**
 * What an MP4 file says about its media, read once and trusted nowhere: the shape between the readers of boxes and the plan of segments.
 *
 * @see ISO/IEC 14496-12 §8, 14496-15 §5
 */
import type { SkipReason } from "@interlude/core";

/** Why a creative cannot be repackaged in the page; the message names the file's part, what was expected and what came. */
export class MediaRefusal extends Error {
  override readonly name = "MediaRefusal";
  readonly reason: SkipReason;

  constructor(reason: SkipReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Also of a refusal that another file's copy of this module has thrown. */
export function isMediaRefusal(cause: unknown): cause is MediaRefusal {
  return cause instanceof Error && cause.name === "MediaRefusal" && "reason" in cause;
}

/** One track's samples in decoding order, each array `count` long. */
export interface SampleTable {
  readonly count: number;
  /** Bytes from the start of the file. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  /** Ticks of the track's timescale, edits applied: 0 is where the presentation begins. */
  readonly decodeTimes: Float64Array;
  /** When each is presented, in the same ticks. */
  readonly times: Float64Array;
  readonly durations: Uint32Array;
  /** 1 where decoding may begin. */
  readonly isKey: Uint8Array;
  /** Index of each sample's row in `entries`. */
  readonly entries: Uint8Array;
}

export interface VideoTrack {
  /** RFC 6381, such as `avc1.64001f`. */
  readonly codec: string;
  readonly timescale: number;
  /** Pixels, as coded. */
  readonly width: number;
  readonly height: number;
  /** Degrees clockwise that a player must turn the pictures by. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Never empty. */
  readonly entries: readonly AvcConfig[];
  /** The whole first row of `stsd`, which goes into an initialisation segment as it is. */
  readonly description: Uint8Array;
  readonly samples: SampleTable;
}

export interface AudioTrack {
  readonly codec: string;
  readonly timescale: number;
  readonly aac: AacConfig;
  readonly description: Uint8Array;
  readonly samples: SampleTable;
}

/** A movie without pictures is refused by whoever needs them. */
export interface Movie {
  readonly video: VideoTrack | undefined;
  readonly audio: AudioTrack | undefined;
}

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3. */
export interface AvcConfig {
  /** Bytes of the length before each NAL unit. */
  readonly lengthSize: 1 | 2 | 4;
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
}

/** AudioSpecificConfig, ISO/IEC 14496-3 §1.6; of HE-AAC the core, as ADTS tells it. */
export interface AacConfig {
  /** 2 is AAC-LC. */
  readonly objectType: number;
  readonly sampleRateIndex: number;
  /** Hz of the core. */
  readonly sampleRate: number;
  /** channelConfiguration: 1 to 7. */
  readonly channels: number;
  /** Hz of what is heard: twice the core's with SBR. */
  readonly outputRate: number;
}
