/**
 * What a publisher can decide about breaks and the viewer's seeks: the questions, and what may be answered.
 *
 * @see primetime.md §4.6 (the policy selector and its defaults)
 */
import type { BreakPosition } from "../events.ts";

/** A break as a policy sees it. */
export interface PolicyBreak {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly isLive: boolean;
  /** Seconds of content, ads left out; in live content, of the stream. */
  readonly contentTime: number;
  /** Seconds. */
  readonly duration: number;
  readonly adCount: number;
  /** As {@link AdPolicy.selectWatchedPolicyForAdBreak} says when that is. */
  readonly watched: boolean;
  /** Seconds by the clock since the last break was over, whatever it was; undefined before the first. */
  readonly sinceLastBreak: number | undefined;
}

/** A seek as the viewer meant it, in seconds of the element's `currentTime`. */
export interface PolicySeek {
  readonly from: number;
  readonly to: number;
  /** The breaks between the two, in order; at the end of trick play: those that were left out. */
  readonly adBreaks: readonly PolicyBreak[];
}

export interface PolicySeekIntoAd {
  readonly from: number;
  readonly to: number;
  readonly adBreak: PolicyBreak;
  /** The ad hit, counted from 0. */
  readonly adIndex: number;
}

/** `remove-after-play`: plays now and is never shown again in this session. */
export type AdBreakPolicy = "play" | "skip" | "remove-after-play";

export type SeekIntoAdPolicy =
  "play" | "play-from-ad-begin" | "play-from-ad-break-begin" | "skip-to-next-ad-in-break" | "skip-ad-break";

/** When a break counts as watched: `on-end` when each of its ads was played to its end. */
export type WatchedPolicy = "on-begin" | "on-end" | "never";

/**
 * A selector: each method is optional, and `undefined` is the default's answer, with the plain options in it. A method that throws or
 * answers anything else costs nothing: the default holds, and an `error` event tells.
 */
export interface AdPolicy {
  /**
   * A break is about to play, or a seek is about to be taken to it. Default: `play`; `skip` for a VOD break that is watched, for any
   * within `noAdsWithin` of the last, and for a live pre-roll that is watched where `livePrerollOnce` is set.
   */
  readonly selectPolicyForAdBreak?: (adBreak: PolicyBreak) => AdBreakPolicy | undefined;
  /**
   * The viewer has sought forward over breaks: those that play first, in this order; then playback goes on at the viewer's target.
   * Default: the last one, unless it is watched or `snapBack` is false; then none.
   */
  readonly selectAdBreaksToPlay?: (seek: PolicySeek) => readonly PolicyBreak[] | undefined;
  /**
   * The viewer has sought into a break: from the target itself, from the begin of the ad hit or of its break, or past the ad or the break.
   * Default: `play-from-ad-begin`; `skip-ad-break` where the break is watched. Not asked for a seek within the ad on screen.
   */
  readonly selectPolicyForSeekIntoAd?: (seek: PolicySeekIntoAd) => SeekIntoAdPolicy | undefined;
  /** A break has begun. Default: `on-begin`. */
  readonly selectWatchedPolicyForAdBreak?: (adBreak: PolicyBreak) => WatchedPolicy | undefined;
}
