/**
 * The part of video.js and of its HLS engine, VHS, that the plugin uses, as structures: the real ones fit, and so do literals in a test.
 * Neither is imported at run time.
 *
 * @see VHS 3.17 README, `xhr-hooks-ready`, `vhs.playlists`; playlist-loader.js, xhr.js, playlist.js
 */

/** A segment as VHS lists it; `start` and `end`, seconds on the timeline, are there once it was appended. */
export interface VhsSegment {
  readonly duration: number;
  readonly start?: number;
  readonly end?: number;
}

/** A media playlist, or a rendition of a master playlist that is not loaded yet; its `uri` is as it is written there. */
export interface VhsPlaylist {
  readonly uri?: string;
  readonly attributes?: { readonly BANDWIDTH?: number };
  readonly mediaSequence?: number;
  readonly segments?: readonly VhsSegment[];
}

/** Renditions by group and by name. */
export type VhsGroups = Readonly<Record<string, Readonly<Record<string, { readonly uri?: string }>>>>;

export interface VhsMain {
  /** Base of the addresses in it. */
  readonly uri?: string;
  readonly playlists: readonly VhsPlaylist[];
  readonly mediaGroups?: Readonly<Record<string, VhsGroups>>;
}

export interface VhsPlaylistLoader {
  /** `HAVE_NOTHING` until the first playlist, master or not. */
  readonly state: string;
  readonly main?: VhsMain;
  /** Under way. */
  readonly request?: XMLHttpRequest | null;
  media(): VhsPlaylist | undefined;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

export interface VhsRequestOptions {
  readonly uri: string;
  /** `hls-playlist`, `segment`, `segment-key` … */
  readonly requestType?: string;
}

/** A request of VHS: what it was answered, and whether it was given up. */
export interface VhsRequest {
  readonly responseText: string;
  readonly responseURL: string;
  readonly response: unknown;
  readonly responseType: string;
  readonly aborted?: boolean;
  abort(): void;
}

export type VhsCallback = (error: unknown, request: VhsRequest) => void;

export type VhsXhr = (options: VhsRequestOptions, callback: VhsCallback) => VhsRequest;

/** The source handler of one source. */
export interface Vhs {
  /** Every request of this source goes through it. */
  xhr: VhsXhr;
  /** Bits per second. */
  readonly bandwidth?: number;
  readonly stats?: {
    /** Milliseconds that segments took; 0: there were none, and the bandwidth is one that VHS was given. */
    readonly mediaTransferDuration: number;
  };
  /** There as soon as the source is set. */
  readonly playlists?: VhsPlaylistLoader;
}
