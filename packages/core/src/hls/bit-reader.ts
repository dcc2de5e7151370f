/** Bit fields of binary formats. */
import { AdError } from "../error.ts";

/** Reads whole numbers out of bytes, the highest bit first, and never past its end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  /** In bits. */
  #at: number;
  readonly #end: number;

  /** @param end of the part that may be read, in bytes; no further than the bytes go */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start * 8;
    this.#end = Math.min(end, bytes.length) * 8;
  }

  /** Whole bytes that are left. */
  get left(): number {
    return Math.floor((this.#end - this.#at) / 8);
  }

  /** @throws AdError `playlist-malformed` where the part ends before that many bits (at most 53) */
  read(bits: number): number {
    this.#expect(bits);
    let value = 0;
    for (let left = bits; left > 0;) {
      const offset = this.#at % 8;
      const taken = Math.min(8 - offset, left);
      const byte = this.#bytes[(this.#at - offset) / 8] ?? 0;
      value = value * 2 ** taken + ((byte >> (8 - offset - taken)) & (2 ** taken - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  isSet(): boolean {
    return this.read(1) === 1;
  }

  skip(bits: number): void {
    this.#expect(bits);
    this.#at += bits;
  }

  /** The next whole bytes, from a byte's edge on, as a view. */
  readBytes(count: number): Uint8Array {
    const start = this.#at / 8;
    this.skip(count * 8);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next whole bytes as a part of their own. */
  readPart(count: number): BitReader {
    return new BitReader(this.readBytes(count));
  }

  #expect(bits: number): void {
    const left = this.#end - this.#at;
    if (bits <= left) return;
    throw new AdError("playlist-malformed", `SCTE-35 section: expected ${bits} more bits in a part, got ${left}`);
  }
}
