/**
 * How the pictures of an H.264 track are to be decoded.
 *
 * @see ISO/IEC 14496-15 §5.3.3
 */
import { ByteReader, unreadable, unsupported } from "./bytes.ts";
import type { AvcConfig } from "./movie.ts";

const SEQUENCE = 7;
const PICTURE = 8;
/** Bytes: they are repeated in front of each key picture, and take less than 1000 as a rule. */
const MOST_SETS = 16_384;

/**
 * @param avcC the body of the box
 * @throws MediaRefusal
 */
export function parseAvcConfig(avcC: Uint8Array): AvcConfig {
  if (avcC.length > MOST_SETS) throw unsupported(`MP4 avcC: expected at most ${MOST_SETS} bytes, got ${avcC.length}`);
  const reader = new ByteReader(avcC, "MP4 avcC");
  const version = reader.readU8();
  if (version !== 1) throw unsupported(`MP4 avcC: expected version 1, got ${version}`);
  reader.skip(3);
  const lengthSize = (reader.readU8() & 3) + 1;
  if (lengthSize === 3) throw unreadable("MP4 avcC: expected lengths of 1, 2 or 4 bytes, got 3");
  const sps = readSets(reader, reader.readU8() & 31, SEQUENCE);
  const pps = readSets(reader, reader.readU8(), PICTURE);
  return { lengthSize: lengthSize === 1 ? 1 : lengthSize === 2 ? 2 : 4, sps, pps };
}

/** Profile, constraints and level as RFC 6381 §3.3 writes them: `64001f`. */
export function formatAvcProfile(avcC: Uint8Array): string {
  return [...avcC.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readSets(reader: ByteReader, count: number, expected: number): readonly Uint8Array[] {
  return Array.from({ length: count }, () => {
    const set = reader.readBytes(reader.readU16());
    const type = (set[0] ?? 0) & 31;
    if (type !== expected) throw unreadable(`MP4 avcC: expected a NAL unit of type ${expected}, got ${type}`);
    return set;
  });
}
