/**
 * A circuit breaker for one upstream, and a bound on how many requests wait for it at a time.
 *
 *   closed    → asked; too many failures in a row, or half of the last twenty: open
 *   open      → not asked, for a while that doubles each time
 *   half-open → one request goes through: its success closes, its failure opens again
 */

/** What asking an upstream came to; `open` and `busy`: it was not asked. */
export type UpstreamOutcome = "ads" | "no-ads" | "failed" | "timeout" | "open" | "busy";

export type BreakerState = "closed" | "open" | "half-open";

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open at first, and at most. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** Requests that may wait for the upstream at a time. */
  readonly maxPending: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { failures: 5, openMs: 2000, maxOpenMs: 60_000, maxPending: 500 };

/** Leave to ask once; one of the three is to be called, once. */
export interface Permit {
  succeed(): void;
  fail(): void;
  /** It cannot be told whose fault it was: too little time was left for instance. */
  giveUp(): void;
}

export interface Breaker {
  /** The reason in place of a permit where the upstream is not to be asked. */
  admit(): Permit | "open" | "busy";
  readonly state: () => BreakerState;
  /** Requests that wait. */
  readonly pending: () => number;
}

/** Outcomes that are looked at together. */
const WINDOW = 20;

/** @param now ms of a clock that never goes back */
export function createBreaker(options: BreakerOptions, now: () => number): Breaker {
  const circuit = createCircuit(options, now);
  let isProbing = false;
  let pending = 0;
  const permit = (isProbe: boolean): Permit => {
    let isDone = false;
    const end = (isGood: boolean | undefined): void => {
      if (isDone) return;
      isDone = true;
      pending--;
      if (isProbe) isProbing = false;
      if (isGood !== undefined) circuit.note(isGood, isProbe);
    };
    return { succeed: () => end(true), fail: () => end(false), giveUp: () => end(undefined) };
  };
  return {
    admit: () => {
      const state = circuit.state();
      const isProbe = state === "half-open";
      if (state === "open" || (isProbe && isProbing)) return "open";
      if (pending >= options.maxPending) return "busy";
      isProbing ||= isProbe;
      pending++;
      return permit(isProbe);
    },
    state: circuit.state,
    pending: () => pending,
  };
}

interface Circuit {
  readonly state: () => BreakerState;
  /** @param isProbe asked while it was half-open */
  note(isGood: boolean, isProbe: boolean): void;
}

function createCircuit(options: BreakerOptions, now: () => number): Circuit {
  let recent: readonly boolean[] = [];
  let openUntil: number | undefined;
  let openMs = options.openMs;
  const open = (): void => {
    openUntil = now() + openMs;
    openMs = Math.min(openMs * 2, options.maxOpenMs);
    recent = [];
  };
  const close = (): void => {
    openUntil = undefined;
    openMs = options.openMs;
    recent = [];
  };
  return {
    state: () => {
      if (openUntil === undefined) return "closed";
      return now() < openUntil ? "open" : "half-open";
    },
    note: (isGood, isProbe) => {
      if (isProbe) return isGood ? close() : open();
      // An answer to what was asked before it opened says nothing of what came since.
      if (openUntil !== undefined) return undefined;
      recent = [...recent.slice(1 - WINDOW), isGood];
      const inRow = recent.length - 1 - recent.lastIndexOf(true);
      const bad = recent.filter((one) => !one).length;
      return inRow >= options.failures || (recent.length === WINDOW && bad * 2 >= WINDOW) ? open() : undefined;
    },
  };
}
