/**
 * Where a segment is written: bytes that grow up to a bound, since a file may claim what it likes.
 */
import { MediaRefusal } from "./movie.ts";

/** How much is written before the page may go on. */
export const SLICE_BYTES = 65_536;
/** Bytes: no segment of an ad is as large. */
export const LARGEST_SEGMENT: number = 2 ** 26;

export class ByteSink {
  /** Those behind `length` are anything. */
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  #told = 0;

  /** @param capacity bytes that are expected */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(Math.min(Math.max(capacity, 188), LARGEST_SEGMENT));
  }

  /**
   * Makes room for `count` bytes more, which the caller writes.
   *
   * @returns where they begin
   * @throws MediaRefusal `unsupported-media-file` where the segment gets too large
   */
  reserve(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > LARGEST_SEGMENT)
      throw new MediaRefusal("unsupported-media-file", `segment: expected ${LARGEST_SEGMENT} bytes at most, got more`);
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(this.length, this.bytes.length * 2), LARGEST_SEGMENT));
      larger.set(this.bytes.subarray(0, start));
      this.bytes = larger;
    }
    return start;
  }

  append(part: Uint8Array): void {
    const start = this.reserve(part.length);
    this.bytes.set(part, start);
  }

  clear(): void {
    this.length = 0;
    this.#told = 0;
  }

  /** Whether as much was written since it last said so that it is time to stop for a moment. */
  isDue(): boolean {
    if (this.length - this.#told < SLICE_BYTES) return false;
    this.#told = this.length;
    return true;
  }
}

/**
 * A sample's bytes, not copied.
 *
 * @throws MediaRefusal `source-unreadable` where the segment does not have them
 */
export function takeSample(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  if (!(offset >= 0 && offset + size <= bytes.length))
    throw new MediaRefusal(
      "source-unreadable",
      `sample: expected ${size} bytes at ${offset}, got a segment of ${bytes.length}`,
    );
  return bytes.subarray(offset, offset + size);
}
