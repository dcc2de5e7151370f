/**
 * What was decided for one break of one session: one row, the first writer wins, written before any playlist that shows it is
 * sent, so that every rendition on every instance shows the same ads at the same place. Survives JSON.
 *
 * @see DESIGN §6; primetime.md §1.2 (`groupId`)
 */
import type { SkipReason } from "@interlude/core";

/** Seconds, and milliseconds since 1970 where the name says so. */
export interface BreakDecision {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly place: BreakPlace;
  /** Of the avail as signalled; 0 where it is not known, or where the break is inserted. */
  readonly availDuration: number;
  /** In the order of the pod; empty: the content plays. */
  readonly ads: readonly DecidedAd[];
  readonly skipped: readonly SkippedAd[];
  /** Of the break itself (VMAP): breakStart, breakEnd, error. */
  readonly trackers: readonly DecidedTracker[];
  /** The cue that the content signalled, for the sidecar. */
  readonly signal: CueSignal | undefined;
  /** Of the row that says which breaks a VOD session has: their ids. */
  readonly planned?: readonly string[];
  /** The media playlist of the content whose boundaries count for all renditions; absolute. */
  readonly reference?: string;
  /** What the break replaces is only taken out. */
  readonly isRemoval?: true;
  /** It was running when the viewer came, who is to see it from its beginning (`pabimode`). */
  readonly isEntry?: true;
}

export type BreakPosition = "pre" | "mid" | "post";

/** VOD: a time of the content, and how many seconds of it give way. Live: the segment from which on the content gives way. */
export type BreakPlace =
  | { readonly kind: "vod"; readonly time: number | "end"; readonly replaces: number }
  | { readonly kind: "live"; readonly mediaSequence: number; readonly programDateTime: string | undefined };

/** An ad that goes into the playlist; at least one rendition. */
export interface DecidedAd {
  readonly adId: string;
  readonly adSystem: string;
  readonly title: string;
  readonly creativeId: string | undefined;
  /** Place in the pod as answered, from 1. */
  readonly sequence: number;
  /** Seconds, of the media: those of the longest rendition. */
  readonly duration: number;
  /** The master playlist (or the only media playlist) that is spliced. */
  readonly playlistUrl: string;
  readonly isRepackaged: boolean;
  readonly renditions: readonly DecidedRendition[];
  /** Impressions included, as event `impression`. Macros unexpanded. */
  readonly trackers: readonly DecidedTracker[];
  readonly errors: readonly string[];
  readonly clickThrough: string | undefined;
  readonly clickTrackers: readonly string[];
  readonly companions: readonly DecidedCompanion[];
  /** Ids of the wrappers that led here, outermost first. */
  readonly wrapperAdIds: readonly string[];
  /** Its creative had no copy, and one was waited for. */
  readonly encounter?: "wait";
}

export interface DecidedRendition {
  readonly bandwidthBps: number;
  /** Of its media playlist; absolute. */
  readonly url: string;
  readonly kind: "main" | "audio";
}

/** `time`: seconds from the start of the ad (or of the break) at which it is due; undefined: only when the viewer acts. */
export interface DecidedTracker {
  readonly event: string;
  readonly url: string;
  readonly time: number | undefined;
}

/** @see VAST 4.3 §3.12 */
export interface DecidedCompanion {
  readonly id: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly resourceType: "static" | "iframe" | "html";
  readonly mimeType: string | undefined;
  readonly resource: string;
  readonly clickThrough: string | undefined;
  readonly trackers: readonly DecidedTracker[];
}

/** An ad that was answered, and why it is not in the playlist; without `adId` the whole request failed. */
export interface SkippedAd {
  readonly adId: string | undefined;
  readonly adSystem: string;
  readonly creativeId: string | undefined;
  readonly reason: SkipReason;
  readonly message: string;
  /** To be requested with the VAST error number of `reason`; macros unexpanded; absent: nobody asked. */
  readonly errors?: readonly string[];
  /** A copy of its creative was waited for. */
  readonly encounter?: "wait";
  /** Among the ads of its decision, from 0; absent: it was never decided, or its id says which it is. */
  readonly place?: number;
}

/** A cue tag as it stood in the content. */
export interface CueSignal {
  readonly tagName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where the content came back before the planned end of an avail: its media sequence number, and its date where it has one. */
export interface EarlyReturn {
  readonly mediaSequence: number;
  readonly programDateTime: string | undefined;
}

/** Where content came back after a pod, and how much of the pod's length is left over for the next one, seconds. */
export interface Resumption extends EarlyReturn {
  readonly carry: number | undefined;
}

/** What is known of one break of a session. */
export interface BreakRow {
  readonly breakId: string;
  /** Milliseconds since 1970: when a playlist first listed its first segment. */
  readonly firstListedAt: number;
  readonly decision: BreakDecision | undefined;
  readonly earlyReturn: EarlyReturn | undefined;
  /** Where content came back after the pod, as the first rendition that listed it found. */
  readonly resumption: Resumption | undefined;
}
