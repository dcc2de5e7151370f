/**
 * The bootstrap's parameters. Unknown ones mean nothing here and go to the ad server like all others.
 *
 * @see primetime.md §1.4
 */
import type { EncounterStep } from "@interlude/core";

/** Times in seconds; undefined: not given. */
export interface SessionOptions {
  readonly zone: string;
  readonly isLive: boolean | undefined;
  /** undefined: avails are inserted at; true: only local avails are replaced; false: all are. */
  readonly enableC3: boolean | undefined;
  readonly partialBreaks: boolean;
  readonly adTimeoutMs: number | undefined;
  /** 0 to 1800. */
  readonly adWindow: number;
  readonly cdn: string | undefined;
  /** Lower case. */
  readonly cueFormat: string | undefined;
  readonly debug: "all" | "adcall" | "header" | undefined;
  /** What becomes of creatives that have no copy yet; undefined: as the zone has it. */
  readonly firstEncounter: readonly EncounterStep[] | undefined;
  readonly hasFailover: boolean;
  readonly hasMultiCall: boolean;
  readonly isIosMobileWeb: boolean;
  /** Names of rewrite rules. */
  readonly rules: readonly string[];
  readonly hasDiscontinuitySequence: boolean;
  readonly timeline: string | undefined;
  readonly segmentToken: "akamai" | "limelight" | "centurylink" | undefined;
  readonly tracking: TrackingMode;
  readonly trackingVersion: "v1" | "v2" | "v3" | "vmap" | undefined;
  readonly isScteTracked: boolean;
  readonly liveTargetMultiplier: number;
  readonly liveBufferLength: number;
  readonly hasSubtitleDiscontinuities: boolean;
}

/** `marker`: no mode was asked for, EXT-X-MARKER tags tell (primetime.md §2.1). */
export type TrackingMode = "simple" | "sstm" | "simplesstm" | "marker";
