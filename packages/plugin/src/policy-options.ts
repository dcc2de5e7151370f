/**
 * The options that rule what a viewer can do around breaks.
 *
 * @see primetime.md §4.6
 */
import { wrongOption } from "./wrong-option.ts";
import type { AdPolicy } from "./viewing/policy.ts";

export interface PolicyOptions {
  /** Answers what the options below cannot say; absent: they and the defaults decide alone. */
  readonly policy?: AdPolicy;
  /** Whether a forward seek over breaks plays the last of them first, unless it is watched. Default true; false: seeks go to their target. */
  readonly snapBack?: boolean;
  /**
   * True: while an ad is on screen a seek is undone and no playbackRate above 1 is taken, so that nobody gets past it faster than it
   * plays; one that was set before comes back at its end. Default false.
   */
  readonly keepInAds?: boolean;
  /** Seconds by the clock after a break in which no other plays; breaks reached meanwhile are passed over. Default 0: none. */
  readonly noAdsWithin?: number;
  /** True: a pre-roll of live content plays once a session, also where the viewer seeks back to it. Default false. */
  readonly livePrerollOnce?: boolean;
  /** Above this playbackRate ads are left out; the last of them plays when the rate comes down again. Default 2. */
  readonly trickPlayRate?: number;
  /**
   * Where a returning viewer goes on, seconds of content; after the pre-roll where there is one that plays. The breaks before it are
   * passed over without being watched. Default 0. VOD alone: live starts where the player has it start.
   */
  readonly startContentTime?: number;
}

export interface PolicySettings {
  readonly policy: AdPolicy;
  readonly snapBack: boolean;
  readonly keepInAds: boolean;
  readonly noAdsWithin: number;
  readonly livePrerollOnce: boolean;
  readonly trickPlayRate: number;
  readonly startContentTime: number;
}

/** @throws AdError `option-invalid` naming the option */
export function parsePolicyOptions(options: PolicyOptions): PolicySettings {
  return {
    policy: options.policy ?? {},
    snapBack: options.snapBack ?? true,
    keepInAds: options.keepInAds ?? false,
    noAdsWithin: parseFrom("noAdsWithin", options.noAdsWithin ?? 0, 0),
    livePrerollOnce: options.livePrerollOnce ?? false,
    trickPlayRate: parseFrom("trickPlayRate", options.trickPlayRate ?? 2, 1),
    startContentTime: parseFrom("startContentTime", options.startContentTime ?? 0, 0),
  };
}

function parseFrom(name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw wrongOption(name, `a number from ${least}`, value);
}
