/**
 * Boxes of the ISO base media file format, read and written.
 *
 * @see ISO/IEC 14496-12 §4.2
 */

export interface Box {
  /** Four characters. */
  readonly type: string;
  /** What follows the header; of a full box, version and flags come first. */
  readonly body: Buffer;
}

/**
 * The boxes that stand one after the other in `bytes`.
 *
 * @throws Error when one of them is not whole
 */
export function* readBoxes(bytes: Buffer): Generator<Box> {
  for (let start = 0; start < bytes.length;) {
    const { type, header, size } = readBoxHeader(bytes.subarray(start));
    const end = size === 0 ? bytes.length : start + size;
    if (size !== 0 && (size < header || end > bytes.length)) {
      throw new Error(`MP4: expected ${size} bytes of ${type} at byte ${start}, got ${bytes.length - start}`);
    }
    yield { type, body: bytes.subarray(start + header, end) };
    start = end;
  }
}

/** How long a box header is that has a size of 64 bits. */
export const LONGEST_HEADER = 16;

/**
 * What a box says of itself; `size` includes the header, 0: to the end of the file.
 *
 * @throws Error when the header is not whole
 */
export function readBoxHeader(bytes: Buffer): {
  readonly type: string;
  readonly header: number;
  readonly size: number;
} {
  const size = bytes.length >= 8 ? bytes.readUInt32BE(0) : -1;
  if (size < 0 || (size === 1 && bytes.length < LONGEST_HEADER)) {
    throw new Error(`MP4: expected a box header, got ${bytes.length} bytes`);
  }
  const type = bytes.toString("latin1", 4, 8);
  return size === 1
    ? { type, header: LONGEST_HEADER, size: Number(bytes.readBigUInt64BE(8)) }
    : { type, header: 8, size };
}

/**
 * The body of the first box at a path of types: `["moov", "trak", "mdia"]`.
 *
 * @throws Error when there is none
 */
export function findBox(bytes: Buffer, path: readonly string[]): Buffer {
  let body = bytes;
  for (const type of path) {
    const found = findChild(body, type);
    if (!found) throw new Error(`MP4: expected ${path.join("/")}, got no ${type}`);
    body = found;
  }
  return body;
}

/** The body of the first box of a type; undefined: there is none. */
export function findChild(bytes: Buffer, type: string): Buffer | undefined {
  for (const box of readBoxes(bytes)) if (box.type === type) return box.body;
  return undefined;
}

/** A box with all of `parts` in it. */
export function formatBox(type: string, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(size), Buffer.from(type, "latin1"), ...parts], size);
}

/** A box with a version and flags. */
export function formatFullBox(type: string, version: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  return formatBox(type, u32(version * 2 ** 24 + flags), ...parts);
}

/** Big-endian, as all numbers of the format. */
export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
