/** The tracking receiver's part of the environment. */
import { type Environment, readChoice, readInteger } from "./environment.ts";

export interface TrackingConfig {
  /** A beacon is acknowledged once it is on this machine's disk, or only once it is in the database. */
  readonly acknowledge: "disk" | "database";
  readonly retention: {
    /** Days for which single beacons are kept. */
    readonly days: number;
    /** Months for which counts by the hour are kept. */
    readonly months: number;
  };
}

/** @throws ConfigError */
export function readTracking(env: Environment): TrackingConfig {
  return {
    acknowledge: readChoice(env, "INTERLUDE_TRACKING_ACKNOWLEDGE", ["disk", "database"], "disk"),
    retention: {
      days: readInteger(env, "INTERLUDE_TRACKING_DAYS", { min: 2, max: 400, otherwise: 35 }),
      months: readInteger(env, "INTERLUDE_REPORT_MONTHS", { min: 1, max: 240, otherwise: 25 }),
    },
  };
}
