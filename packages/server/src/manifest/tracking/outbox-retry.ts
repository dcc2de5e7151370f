/** When a beacon is sent again, and what became of it: two facts in, a time out. */
import type { TakenBeacon } from "./outbox-rows.ts";
import type { SendResult } from "./outbox-send.ts";

/** `refused`: answered with an error; `failed`: never reached, or not answered; `dropped`: it waited for too long. */
export type OutboxOutcome = "sent" | "refused" | "failed" | "dropped";

/** Why a beacon is sent again. */
export type RetryCause = "unsent" | "429" | "503";

/** A report that is later than that is worth nothing to anybody. */
export const MAX_AGE_MS = 3_600_000;

/** 1, 4, 16, 64, 256 and 1024 s apart. */
const MAX_ATTEMPTS = 7;
const FIRST_BACKOFF_MS = 1000;
const BACKOFF_FACTOR = 4;
/** One URL's Retry-After must not cost its host's other beacons, which may be for somebody else there. */
const MAX_HOLD_MS = 60_000;

/** Undefined: never, because it was taken, because that is not known, or because it is time to give up. Times are since 1970. */
export function whenAgain(
  { attempt, createdAtMs }: Pick<TakenBeacon, "attempt" | "createdAtMs">,
  result: SendResult,
  nowMs: number,
  random: number,
): number | undefined {
  if (causeOf(result) === undefined || attempt >= MAX_ATTEMPTS) return undefined;
  // From three quarters to five quarters of it, so that what failed together does not come back together.
  const backoffMs = FIRST_BACKOFF_MS * BACKOFF_FACTOR ** (attempt - 1) * (0.75 + random / 2);
  const dueAtMs = nowMs + Math.max(backoffMs, waitOf(result));
  return dueAtMs - createdAtMs > MAX_AGE_MS ? undefined : dueAtMs;
}

/** How long its host is left alone, ms; 0: not at all. */
export function holdAfter(result: SendResult): number {
  if (causeOf(result) === undefined) return 0;
  return Math.min(MAX_HOLD_MS, Math.max(FIRST_BACKOFF_MS, waitOf(result)));
}

/** Undefined: it is not to be sent again. */
export function causeOf(result: SendResult): RetryCause | undefined {
  if (result.kind === "later") return result.status === 429 ? "429" : "503";
  return result.kind === "unsent" ? "unsent" : undefined;
}

/** Of one that is not sent again. */
export function outcomeOf(result: SendResult): OutboxOutcome {
  if (result.kind === "later") return "refused";
  if (result.kind !== "answered") return "failed";
  return result.status < 400 ? "sent" : "refused";
}

function waitOf(result: SendResult): number {
  return result.kind === "later" ? (result.waitMs ?? 0) : 0;
}
