/**
 * The nonces of HTTP Digest. A nonce carries the time of its making and a signature, so that any instance that knows the secret
 * can tell a good one; only which of its counts were used is kept, in this process.
 *
 * @see RFC 7616 §3.3 (nonce), §3.4 (nc), §5.4 (replays)
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export interface Nonces {
  issue(): string;
  /** `foreign`: not made with this secret. */
  check(nonce: string): "valid" | "expired" | "foreign";
  /**
   * Takes a count (1 or more) of a valid nonce whose credentials are right; counts may come out of order within a window of 32.
   *
   * @returns false for one that was taken, and where that is not known any more: the client needs a new nonce
   */
  take(nonce: string, count: number): boolean;
}

/** How long a nonce is good for. */
const LIFETIME_MS = 300_000;
/** Nonces in use that are remembered; beyond them, the oldest and all that were made before it are good no more. */
const MAX_REMEMBERED = 10_000;
const WINDOW = 32;
const TIME_BYTES = 6;
const RANDOM_BYTES = 8;
const SIGNATURE_BYTES = 16;
/** 30 bytes: no padding, so that each nonce has one spelling. */
const NONCE = /^[\w-]{40}$/;

interface Used {
  readonly madeAt: number;
  highest: number;
  /** Bit n: `highest - n` was taken. */
  mask: number;
}

/** @param now ms since the epoch */
export function createNonces(secret: string, now: () => number): Nonces {
  const sign = (body: Uint8Array): Buffer =>
    createHmac("sha256", secret).update("interlude digest nonce").update(body).digest().subarray(0, SIGNATURE_BYTES);
  const used = new Map<string, Used>();
  let forgottenUntil = 0;

  const forget = (): void => {
    for (const [nonce, { madeAt }] of used) {
      if (used.size <= MAX_REMEMBERED && madeAt > now() - LIFETIME_MS) return;
      used.delete(nonce);
      forgottenUntil = Math.max(forgottenUntil, madeAt);
    }
  };
  return {
    issue: () => {
      const body = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
      body.writeUIntBE(now(), 0, TIME_BYTES);
      randomBytes(RANDOM_BYTES).copy(body, TIME_BYTES);
      return Buffer.concat([body, sign(body)]).toString("base64url");
    },
    check: (nonce) => {
      if (!NONCE.test(nonce)) return "foreign";
      const bytes = Buffer.from(nonce, "base64url");
      const body = bytes.subarray(0, -SIGNATURE_BYTES);
      if (!timingSafeEqual(bytes.subarray(-SIGNATURE_BYTES), sign(body))) return "foreign";
      return madeAtOf(nonce) > now() - LIFETIME_MS ? "valid" : "expired";
    },
    take: (nonce, count) => {
      const before = used.get(nonce);
      if (before) return takeCount(before, count);
      const madeAt = madeAtOf(nonce);
      if (madeAt <= forgottenUntil) return false;
      used.set(nonce, { madeAt, highest: count, mask: 1 });
      forget();
      return true;
    },
  };
}

function madeAtOf(nonce: string): number {
  return Buffer.from(nonce, "base64url").readUIntBE(0, TIME_BYTES);
}

function takeCount(used: Used, count: number): boolean {
  const ahead = count - used.highest;
  if (ahead > 0) {
    used.mask = ahead < WINDOW ? (used.mask << ahead) | 1 : 1;
    used.highest = count;
    return true;
  }
  const bit = 1 << -ahead;
  if (-ahead >= WINDOW || (used.mask & bit) !== 0) return false;
  used.mask |= bit;
  return true;
}
