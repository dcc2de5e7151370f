/**
 * Seals: what nobody without the secret can make of a text. 128 bits of HMAC-SHA-256, as 22 characters that need no encoding.
 *
 * An answer has dozens of them: two hashes at once take a quarter of the time of Node's Hmac.
 *
 * @see RFC 2104 §2 (HMAC), §5 (truncated)
 */
import { hash, timingSafeEqual } from "node:crypto";

/** The seal of a text. */
export type Seal = (text: string) => string;

/** Bytes that SHA-256 takes at a time, and that it gives. */
const [BLOCK, DIGEST] = [64, 32];
const SEAL_BYTES = 16;
/** For a text of as many UTF-16 units no buffer is made anew. */
const USUAL_TEXT = 2000;
const [INNER, OUTER] = [0x36, 0x5c];

export function createSeal(secret: string): Seal {
  const key = Buffer.from(secret);
  const short = key.length > BLOCK ? hash("sha256", key, "buffer") : key;
  const pad = (mask: number, room: number): Buffer => {
    const padded = Buffer.alloc(BLOCK + room);
    for (let index = 0; index < BLOCK; index++) padded[index] = (short[index] ?? 0) ^ mask;
    return padded;
  };
  const usual = pad(INNER, 3 * USUAL_TEXT);
  const outer = pad(OUTER, DIGEST);
  const made = Buffer.alloc(SEAL_BYTES);
  return (text) => {
    const inner = text.length > USUAL_TEXT ? pad(INNER, 3 * text.length) : usual;
    const end = BLOCK + inner.write(text, BLOCK);
    // A character for each byte: cheaper than a buffer for each digest.
    outer.write(hash("sha256", inner.subarray(0, end), "binary"), BLOCK, "binary");
    made.write(hash("sha256", outer, "binary"), "binary");
    return made.toString("base64url");
  };
}

/** What is sealed once in a while may bring its secret. */
export function sealOf(secret: string | Seal): Seal {
  return typeof secret === "string" ? createSeal(secret) : secret;
}

/** In a time that tells nothing of where they differ. */
export function isSameSeal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
