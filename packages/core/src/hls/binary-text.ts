/** Bytes that a tag writes as text. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SEXTETS: ReadonlyMap<string, number> = new Map([
  ...Array.from(ALPHABET, (character, index): [string, number] => [character, index]),
  ["-", 62],
  ["_", 63],
]);

/** Base64 of either alphabet, padded or not; `undefined` where a character is of neither. @see RFC 4648 §4, §5 */
export function readBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={0,2}$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [held, bits, at] = [0, 0, 0];
  for (const character of digits) {
    const sextet = SEXTETS.get(character);
    if (sextet === undefined) return undefined;
    held = ((held << 6) | sextet) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return bytes;
}

/** Pairs of hexadecimal digits; `undefined` where something else stands there. */
export function readHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || /[^\da-f]/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

/** Hexadecimal digits in lower case, two for each byte. */
export function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
