/** Signatures of the manifest server's own addresses: what it did not hand out itself it does not fetch, and redirects to nowhere. */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface Signer {
  /** 22 characters of base64url: 128 bits of HMAC-SHA-256. */
  readonly sign: (text: string) => string;
  readonly isSigned: (text: string, signature: string) => boolean;
}

const LENGTH = 22;

/** @param purpose keeps signatures for one kind of address from being used for another */
export function createSigner(secret: string, purpose: string): Signer {
  const sign = (text: string): string =>
    createHmac("sha256", secret).update(`${purpose}\n${text}`).digest("base64url").slice(0, LENGTH);
  return {
    sign,
    isSigned: (text, signature) => {
      const sent = Buffer.from(signature);
      // Counted in bytes: characters beyond ASCII take several, and what is compared must be of one length.
      return sent.length === LENGTH && timingSafeEqual(Buffer.from(sign(text)), sent);
    },
  };
}
