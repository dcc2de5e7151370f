import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeal, isSameSeal } from "../../src/seal.ts";

function sealByNode(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest().subarray(0, 16).toString("base64url");
}

test("a seal is HMAC-SHA-256, cut to 128 bits, for secrets and texts of any length", () => {
  const texts = fc.array(fc.string({ unit: "binary", maxLength: 60 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100, size: "max" }), texts, (secret, many) => {
      const seal = createSeal(secret);
      expect(many.map(seal)).toEqual(many.map((text) => sealByNode(secret, text)));
      const long = many.join("").repeat(100);
      expect(seal(long)).toBe(sealByNode(secret, long));
    }),
    { numRuns: 20 },
  );
});

test.each([
  ["itself", "AZvWpZ1Tg0FGEFNWg0JNzw", true],
  ["another", "AZvWpZ1Tg0FGEFNWg0JNzA", false],
  ["a part of it", "AZvWpZ1Tg0FGEFNWg0JNz", false],
  ["text with as many characters and more bytes", "AZvWpZ1Tg0FGEFNWg0JNzé", false],
])("a seal is the same as %s: %s → %s", (_what, other, isSame) => {
  expect(isSameSeal("AZvWpZ1Tg0FGEFNWg0JNzw", other)).toBe(isSame);
});
