/** Numbers out of bytes that nobody vouches for: a read past the end is a refusal. */
import { MediaRefusal } from "./movie.ts";

/** Big-endian, from the first byte on. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #part: string;
  #at = 0;

  /** @param part what the bytes are, for the message of a refusal */
  constructor(bytes: Uint8Array, part: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#part = part;
  }

  /** Bytes. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** All reads: @throws MediaRefusal `source-unreadable` where the bytes end before */
  readU8(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  readU16(): number {
    return this.#view.getUint16(this.#pass(2));
  }

  readU24(): number {
    return this.readU16() * 256 + this.readU8();
  }

  readU32(): number {
    return this.#view.getUint32(this.#pass(4));
  }

  readI32(): number {
    return this.#view.getInt32(this.#pass(4));
  }

  /** Refused too: what a number cannot hold exactly. */
  readU64(): number {
    return this.#checkWhole(this.readU32() * 2 ** 32 + this.readU32());
  }

  readI64(): number {
    return this.#checkWhole(this.readI32() * 2 ** 32 + this.readU32());
  }

  /** A view, no copy. */
  readBytes(count: number): Uint8Array {
    const start = this.#pass(count);
    return this.#bytes.subarray(start, start + count);
  }

  skip(count: number): void {
    this.#pass(count);
  }

  /**
   * The number of rows that a table claims to have, before anything is made of that size.
   *
   * @param rowSize bytes
   * @throws MediaRefusal `source-unreadable` where they do not fit into what is left
   */
  readCount(rowSize: number): number {
    const count = this.readU32();
    if (count * rowSize <= this.left) return count;
    throw unreadable(`${this.#part}: expected ${count} rows of ${rowSize} bytes, got ${this.left} bytes`);
  }

  #pass(count: number): number {
    const start = this.#at;
    if (count > this.left)
      throw unreadable(`${this.#part}: expected ${count} more bytes at ${start}, got ${this.left}`);
    this.#at += count;
    return start;
  }

  #checkWhole(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    throw unreadable(`${this.#part}: expected a number below 2^53, got ${value}`);
  }
}

export function unreadable(message: string): MediaRefusal {
  return new MediaRefusal("source-unreadable", message);
}

export function unsupported(message: string): MediaRefusal {
  return new MediaRefusal("unsupported-media-file", message);
}
