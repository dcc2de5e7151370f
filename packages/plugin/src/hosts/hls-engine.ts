/**
 * The part of hls.js that the plugin uses, as a structure: class `Hls` fits it, and so does a literal in a test.
 * hls.js is never imported at run time, so the host decides which build (full or light) runs.
 *
 * @see hls.js 1.7 API.md: events, `levels`, `startLoad`, `pauseBuffering`
 */

/** When the pictures or the sound of a parsed fragment are decoded and presented, seconds on the timeline. */
export interface EngineStreamTimes {
  readonly startPTS: number;
  readonly endPTS: number;
  readonly startDTS: number;
  readonly endDTS: number;
}

export interface EngineFragment {
  /** Media sequence number; an initialisation segment has a name instead. */
  readonly sn: number | "initSegment";
  readonly level: number;
  /** `main`, `audio` or `subtitle`. */
  readonly type: string;
  /** Seconds on the timeline; moved to the real presentation time once the fragment is parsed. */
  readonly start: number;
  readonly end: number;
  readonly duration: number;
  readonly bitrateTest?: boolean | undefined;
  /** The address that answered with its playlist. */
  readonly baseurl?: string;
  /** The address that it is loaded from. */
  readonly url?: string;
  /** Counts discontinuities. */
  readonly cc: number;
  /** Of fragmented MP4; with what was loaded of it. */
  readonly initSegment?: { readonly data?: Uint8Array | undefined } | null;
  readonly elementaryStreams?: {
    readonly audio: EngineStreamTimes | null;
    readonly video: EngineStreamTimes | null;
  };
  setStart(start: number): void;
  setDuration(duration: number): void;
}

export interface EngineDetails {
  /** The address that answered: the base of the relative references in it. */
  readonly url: string;
  readonly live: boolean;
  readonly startSN: number;
  readonly fragments: readonly EngineFragment[];
}

/** A level, an audio track or a subtitle track. Without `details` its playlist is asked for again when it is needed. */
export interface EngineTrack {
  details?: EngineDetails | undefined;
}

/** What an event of {@link ENGINE_EVENT} brings; members are there where hls.js documents them. */
export interface EngineEventData {
  readonly frag?: EngineFragment | undefined;
  readonly fatal?: boolean | undefined;
  /** Of a playlist: what it lists; of an error: which one it is. */
  readonly details?: unknown;
  readonly media?: unknown;
  /** Of the buffers that were made. */
  readonly tracks?: { readonly audio?: { readonly buffer?: { readonly buffered: TimeRanges } } };
  /** Of what was parsed: sound in a buffer of its own. */
  readonly audio?: { readonly initSegment?: Uint8Array } | undefined;
  /** Of an interstitial. */
  readonly event?: { readonly identifier: string } | undefined;
  readonly assetListIndex?: number;
  /** With `error` once it is given up. */
  readonly asset?: { readonly error?: unknown } | null | undefined;
  /** What plays the ad of an interstitial. */
  readonly player?: { readonly hls?: { readonly config: EngineConfig } | null; destroy(): void } | null | undefined;
}

/** What may be set while hls.js runs. */
export interface EngineConfig {
  /** Seconds; -1: not set. */
  readonly startPosition?: number;
  /** Seconds, or target durations, from the edge of live content; the first counts where it is set. */
  readonly liveSyncDuration?: number | undefined;
  readonly liveSyncDurationCount?: number;
  readonly enableInterstitialPlayback?: boolean;
  interstitialAppendInPlace?: boolean;
  /** Made for each playlist that is loaded. */
  pLoader?: unknown;
  /** Made for each fragment; undefined: the one for everything. */
  fLoader?: unknown;
}

export interface EngineInterstitials {
  /** With `event` where it is an interstitial. */
  readonly playingItem: { readonly event?: unknown } | null;
  /** To what comes behind the interstitial that plays. */
  skip(): void;
}

/** A variant. */
export interface EngineLevel extends EngineTrack {
  /** Bits per second, as the master playlist says; 0: it does not. */
  readonly bitrate?: number;
}

/** Without an address its sound is in the segments of the pictures. */
export interface EngineAudioTrack extends EngineTrack {
  readonly url?: string;
}

export type EngineListener = (event: string, data: EngineEventData) => void;

export interface Engine {
  /** Of the content; null before it is loaded. */
  readonly url?: string | null;
  readonly media: HTMLMediaElement | null;
  readonly levels: readonly EngineLevel[];
  /** Of `levels`, the one that is loaded next. */
  readonly loadLevel?: number;
  /** Bits per second; NaN: not known. */
  readonly bandwidthEstimate?: number;
  /** What `bandwidthEstimate` is as long as nothing has been measured. */
  readonly abrEwmaDefaultEstimate?: number;
  /** Empty in a build that plays no sound apart from the pictures. */
  readonly allAudioTracks: readonly EngineAudioTrack[];
  /** Of the level that plays. */
  readonly audioTracks?: readonly EngineAudioTrack[];
  /** Of `audioTracks`, the one that plays; -1: none. */
  readonly audioTrack?: number;
  readonly allSubtitleTracks: readonly EngineTrack[];
  /** The one that is loaded, whoever draws it; -1 or absent: none. */
  readonly subtitleTrack?: number;
  readonly bufferingEnabled: boolean;
  readonly config?: EngineConfig;
  /** Absent or null: this build plays no interstitials. */
  readonly interstitialsManager?: EngineInterstitials | null;
  trigger(event: string, data: object): unknown;
  on(event: string, listener: EngineListener): void;
  off(event: string, listener: EngineListener): void;
  stopLoad(): void;
  startLoad(startPosition?: number): void;
  /** Makes the media source anew. */
  recoverMediaError(): void;
  pauseBuffering(): void;
  resumeBuffering(): void;
}

/** The values of hls.js's `Hls.Events` that the plugin listens to. */
export const ENGINE_EVENT = {
  manifestLoading: "hlsManifestLoading",
  mediaAttached: "hlsMediaAttached",
  mediaDetaching: "hlsMediaDetaching",
  levelUpdated: "hlsLevelUpdated",
  fragLoading: "hlsFragLoading",
  fragLoaded: "hlsFragLoaded",
  fragBuffered: "hlsFragBuffered",
  fragLoadEmergencyAborted: "hlsFragLoadEmergencyAborted",
  bufferAppending: "hlsBufferAppending",
  bufferCodecs: "hlsBufferCodecs",
  bufferCreated: "hlsBufferCreated",
  bufferEos: "hlsBufferEos",
  bufferFlushing: "hlsBufferFlushing",
  levelSwitching: "hlsLevelSwitching",
  audioTrackSwitching: "hlsAudioTrackSwitching",
  audioTracksUpdated: "hlsAudioTracksUpdated",
  interstitialAssetPlayerCreated: "hlsInterstitialAssetPlayerCreated",
  interstitialAssetStarted: "hlsInterstitialAssetStarted",
  interstitialAssetError: "hlsInterstitialAssetError",
  error: "hlsError",
  destroying: "hlsDestroying",
} as const;
