/**
 * The life of one creative, as a state machine with one transition function.
 *
 *   absent → queued → fetching → transcoding → publishing → ready
 *                        any of them → failed (tried again at `retryAt`) → blocked (never again by itself)
 *
 * Pure: the clock comes in with the event, rows and jobs are the store's business.
 */
import type { CreativeState } from "@interlude/core";

/** Why a creative could not be made, as a closed list: permanent ones lie in the creative itself. */
export type FailureReason = keyof typeof FAILURE_KIND;

const FAILURE_KIND = {
  "no-video": "permanent",
  truncated: "permanent",
  "too-long": "permanent",
  "too-large": "permanent",
  unsupported: "permanent",
  unreadable: "permanent",
  "address-refused": "permanent",
  "source-missing": "permanent",
  "source-unavailable": "transient",
  "probe-timeout": "transient",
  "transcode-failed": "permanent",
  "transcode-timeout": "permanent",
  "output-invalid": "permanent",
  "publish-failed": "transient",
  "worker-lost": "transient",
  "disk-full": "transient",
  "not-made-here": "permanent",
  "block-listed": "permanent",
  internal: "transient",
} as const;

/** `transient`: worth trying again unasked; `permanent`: only when asked again, and not for ever. */
export function failureKind(reason: FailureReason): "permanent" | "transient" {
  return FAILURE_KIND[reason];
}

/** Whether a text, from a row of the database, is one of the reasons. */
export function isFailureReason(text: string): text is FailureReason {
  return Object.hasOwn(FAILURE_KIND, text);
}

export interface CreativeLife {
  readonly state: CreativeState;
  /** Times that work was begun since it last succeeded. */
  readonly attempts: number;
  /** In `failed` and `blocked` only. */
  readonly reason?: FailureReason;
  /** In `failed` only: no work is begun before. Left out where asking again is enough. */
  readonly retryAt?: Date;
}

export const ABSENT: CreativeLife = { state: "absent", attempts: 0 };

export type CreativeEvent =
  /** Somebody asks for it; `isIncomplete`: something that is asked for is not on every CDN, or the source is to be looked at. */
  | { readonly type: "submit"; readonly now: Date; readonly isIncomplete: boolean }
  /** Somebody asks for what this service does not make. */
  | { readonly type: "refuse"; readonly reason: FailureReason }
  /** A worker takes it up: the first time, on a retry that is due, or after the worker before it died. */
  | { readonly type: "start" }
  | { readonly type: "transcode" | "publish" | "finish" }
  /** The source is what it was, or cannot be looked at, and nothing is missing on any CDN. */
  | { readonly type: "keep" }
  /** An operator wants it tried at once, with all its attempts. */
  | { readonly type: "retry" }
  /** Its worker is asked to stop: the attempt does not count. */
  | { readonly type: "release" }
  | { readonly type: "fail"; readonly reason: FailureReason; readonly now: Date }
  /** The block list stands against it. */
  | { readonly type: "block" }
  | { readonly type: "forget" };

export interface RetryPolicy {
  /** Attempts after which a broken creative blocks itself, and one whose upstream is down waits until it is asked for. */
  readonly maxAttempts: number;
  /** Seconds to wait after the first failure; doubled with each further one, up to an hour. */
  readonly permanentBackoff: number;
  readonly transientBackoff: number;
}

const MAX_BACKOFF = 3600;

const IN_PROGRESS: ReadonlySet<CreativeState> = new Set<CreativeState>(["fetching", "transcoding", "publishing"]);

/** Whether a worker has it in hand. */
export function isInProgress(state: CreativeState): boolean {
  return IN_PROGRESS.has(state);
}

/**
 * The life after an event. An event that means nothing in the present state (a late report of a worker that lost its lease, a
 * request for what is being made) returns the very same object, so that `===` tells whether anything changed.
 */
export function transition(life: CreativeLife, event: CreativeEvent, policy: RetryPolicy): CreativeLife {
  switch (event.type) {
    case "submit":
      return submit(life, event, policy);
    case "refuse":
      return life.state === "absent" ? { state: "failed", attempts: 0, reason: event.reason } : life;
    case "start":
      return canStart(life, policy) ? start(life, policy) : life;
    case "transcode":
      return life.state === "fetching" ? { ...life, state: "transcoding" } : life;
    case "publish":
      return life.state === "fetching" || life.state === "transcoding" ? { ...life, state: "publishing" } : life;
    case "finish":
      return life.state === "publishing" ? { state: "ready", attempts: 0 } : life;
    case "keep":
      return life.state === "fetching" ? { state: "ready", attempts: 0 } : life;
    case "retry":
      return life.state === "failed" || life.state === "blocked" ? { state: "queued", attempts: 0 } : life;
    case "release":
      return isInProgress(life.state) ? { state: "queued", attempts: Math.max(0, life.attempts - 1) } : life;
    case "fail":
      return isInProgress(life.state) || life.state === "queued" ? fail(life, event, policy) : life;
    case "block":
      return life.state === "blocked" ? life : { state: "blocked", attempts: life.attempts, reason: "block-listed" };
    case "forget":
      return life.state === "absent" ? life : ABSENT;
  }
}

function submit(
  life: CreativeLife,
  { now, isIncomplete }: { readonly now: Date; readonly isIncomplete: boolean },
  policy: RetryPolicy,
): CreativeLife {
  if (life.state === "absent") return { state: "queued", attempts: 0 };
  if (life.state === "ready" && isIncomplete) return { state: "queued", attempts: 0 };
  const isDue = life.state === "failed" && (life.retryAt === undefined || life.retryAt <= now);
  if (!isDue) return life;
  // An upstream that was down for long has used the attempts up: it gets the last one again each time that it is asked for.
  return {
    state: "queued",
    attempts: isTransient(life) ? Math.min(life.attempts, policy.maxAttempts - 1) : life.attempts,
  };
}

function canStart(life: CreativeLife, policy: RetryPolicy): boolean {
  return life.state === "queued" || isInProgress(life.state) || isRetriedUnasked(life, policy);
}

/** A creative whose workers died again and again is not given to one more. */
function start(life: CreativeLife, policy: RetryPolicy): CreativeLife {
  const { attempts } = life;
  if (attempts >= policy.maxAttempts) return { state: "blocked", attempts, reason: "worker-lost" };
  return { state: "fetching", attempts: attempts + 1 };
}

/** Whether a creative failed for a reason that does not lie in itself. */
export function isTransient(life: CreativeLife): boolean {
  return life.state === "failed" && life.reason !== undefined && failureKind(life.reason) === "transient";
}

/** Whether a failed creative is tried again without being asked for. */
export function isRetriedUnasked(life: CreativeLife, policy: RetryPolicy): boolean {
  return isTransient(life) && life.attempts < policy.maxAttempts;
}

function fail(
  life: CreativeLife,
  event: { readonly reason: FailureReason; readonly now: Date },
  policy: RetryPolicy,
): CreativeLife {
  const attempts = Math.max(1, life.attempts);
  const isPermanent = failureKind(event.reason) === "permanent";
  if (isPermanent && attempts >= policy.maxAttempts) return { state: "blocked", attempts, reason: event.reason };
  const first = isPermanent ? policy.permanentBackoff : policy.transientBackoff;
  const backoff = Math.min(MAX_BACKOFF, first * 2 ** (attempts - 1));
  return {
    state: "failed",
    attempts,
    reason: event.reason,
    retryAt: new Date(event.now.getTime() + backoff * 1000),
  };
}
