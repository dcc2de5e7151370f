/**
 * Sheds load before anything falls over. What costs viewers least goes first:
 *
 *   lean      breaks that no playlist has shown yet are left to the content; an ad that has begun goes on
 *   shedding  new sessions are refused (503, Retry-After); those that are there go on
 *
 * Each begins at once, and ends when its measure has been below half of its threshold for a while.
 *
 * @see primetime.md §1.15 (overload: the session continues without ad stitching)
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { HttpError } from "../../http-error.ts";

/** What is measured of a moment. */
export interface Load {
  /** How long a request that comes at any time waits before the process even looks at it, ms. */
  readonly delayMs: number;
  /** Requests that were not answered yet. */
  readonly inFlight: number;
}

/** Either of the two is enough. */
export interface OverloadOptions {
  readonly lean: Load;
  readonly shed: Load;
}

export const DEFAULT_OVERLOAD: OverloadOptions = {
  lean: { delayMs: 300, inFlight: 2_000 },
  shed: { delayMs: 800, inFlight: 5_000 },
};

export interface OverloadPorts {
  /** Since it was called last. */
  readonly measureDelayMs: () => number;
  /** Calls back every so many ms until it is ended by what it returns. */
  readonly every: (ms: number, run: () => void) => () => void;
}

export interface Overload {
  readonly isLean: boolean;
  readonly isShedding: boolean;
  /** @throws HttpError `overload` (503) with Retry-After while load is shed */
  admitSession(): void;
  /** A request has come; what it returns tells that it was answered, or its client has gone: to be called once. */
  begin(): () => void;
  /** As it is now, for metrics. */
  read(): Load;
  close(): void;
}

const INTERVAL_MS = 500;
/** Rounds below half of the threshold after which it is over: 2 s. */
const CALM_ROUNDS = 4;
const RETRY_AFTER_SECONDS = 5;

export function createOverload(options: OverloadOptions, ports: OverloadPorts): Overload {
  const lean = createSwitch(options.lean);
  const shed = createSwitch(options.shed);
  let inFlight = 0;
  let delayMs = 0;
  const end = ports.every(INTERVAL_MS, () => {
    delayMs = ports.measureDelayMs();
    for (const each of [lean, shed]) each.observe({ delayMs, inFlight });
  });
  return {
    get isLean() {
      return lean.isOn || shed.isOn;
    },
    get isShedding() {
      return shed.isOn;
    },
    admitSession: () => {
      if (!shed.isOn) return;
      const message = "the server has more to do than it can; no new sessions for a moment";
      throw new HttpError("overload", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    },
    begin: () => {
      inFlight += 1;
      // Requests may come faster than the next round.
      lean.raise(inFlight);
      shed.raise(inFlight);
      return () => {
        inFlight -= 1;
      };
    },
    read: () => ({ delayMs, inFlight }),
    close: end,
  };
}

function createSwitch(threshold: Load) {
  let calmRounds = CALM_ROUNDS;
  return {
    get isOn() {
      return calmRounds < CALM_ROUNDS;
    },
    raise: (inFlight: number): void => {
      if (inFlight >= threshold.inFlight) calmRounds = 0;
    },
    observe: ({ delayMs, inFlight }: Load): void => {
      if (delayMs >= threshold.delayMs || inFlight >= threshold.inFlight) calmRounds = 0;
      else if (delayMs < threshold.delayMs / 2 && inFlight < threshold.inFlight / 2) calmRounds += 1;
    },
  };
}

/** How often the event loop's delay is sampled, ms. */
const RESOLUTION_MS = 10;

/**
 * Measures this process: {@link OverloadPorts.measureDelayMs} and a timer that keeps no process alive.
 *
 * A request that comes at a random time falls into a long pause more likely than into a short one, so what it waits is not half
 * of the mean pause but half of the mean square by the mean.
 */
export function processLoad(): OverloadPorts {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    measureDelayMs: () => {
      const [mean, deviation] = [histogram.mean / 1e6, histogram.stddev / 1e6];
      histogram.reset();
      const wait = (mean ** 2 + deviation ** 2) / (2 * mean) - RESOLUTION_MS / 2;
      return Number.isFinite(wait) ? Math.max(0, wait) : 0;
    },
    every: (ms, run) => {
      const timer = setInterval(run, ms).unref();
      return () => {
        clearInterval(timer);
        histogram.disable();
      };
    },
  };
}
