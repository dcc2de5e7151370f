/**
 * Timed metadata in transport streams: a third elementary stream, declared in the programme map table of every segment, whose
 * PES packets each hold one ID3 tag. Pictures and sound stay as they are, packet for packet.
 *
 * @see Apple, Timed Metadata for HTTP Live Streaming §2; ISO/IEC 13818-1 §2.4.4.8 (programme map), §2.6.58, §2.6.60, §2.12.3
 */
import type { TimedMetadata } from "./timed-metadata.ts";
import {
  readPackets,
  readPesTimes,
  readProgramPid,
  readStreamTypes,
  TS_CLOCK,
  TS_H264,
  TS_METADATA,
  TS_PACKET,
} from "./ts-packets.ts";

/** In streams of ffmpeg, pictures are 256 and sound is 257. */
const METADATA_PID = 0x102;
/** `ID3 `, as metadata application format and as metadata format. */
const ID3_FORMAT = [0xff, 0xff, 0x49, 0x44, 0x33, 0x20, 0xff, 0x49, 0x44, 0x33, 0x20];
/** Service 0, no locator record, carried in the same programme, which is 1. */
const METADATA_POINTER = Buffer.from([0x25, 15, ...ID3_FORMAT, 0x00, 0x1f, 0x00, 0x01]);
/** Service 0, no decoder configuration. */
const METADATA_DESCRIPTOR = Buffer.from([0x26, 13, ...ID3_FORMAT, 0x00, 0x0f]);

export interface TaggedSegment {
  readonly bytes: Buffer;
  /** For the next segment of the track. */
  readonly counter: number;
}

/**
 * A segment with these tags in it, each before the first picture that is not earlier.
 *
 * @param tags in order; their times are those of the segment's own clock; empty declares the stream and nothing else
 * @param counter continuity counter of the first metadata packet, 0 for the first segment of a track
 * @throws Error when it is not a transport stream of one programme
 */
export function insertTimedMetadata(segment: Buffer, tags: readonly TimedMetadata[], counter: number): TaggedSegment {
  const parts: Buffer[] = [];
  const waiting = [...tags];
  let next = counter;
  let copied = 0;
  const copyUntil = (position: number): void => {
    parts.push(segment.subarray(copied, position));
    copied = position;
  };
  const writeUntil = (time: number, position: number): void => {
    while ((waiting[0]?.time ?? Number.POSITIVE_INFINITY) <= time) {
      const [tag] = waiting.splice(0, 1);
      if (!tag) return;
      copyUntil(position);
      const written = formatPackets(formatPes(tag), next);
      parts.push(...written);
      next += written.length;
    }
  };
  let programPid: number | undefined;
  let streams: ReadonlyMap<number, number> = new Map();
  let position = 0;
  for (const { bytes, pid, isStart, payload } of readPackets(segment)) {
    if (isStart && pid === 0) programPid = readProgramPid(payload);
    else if (isStart && pid === programPid) {
      streams = readStreamTypes(payload);
      copyUntil(position);
      parts.push(declareMetadata(bytes, payload));
      copied = position + TS_PACKET;
    } else if (isStart && streams.get(pid) === TS_H264) {
      writeUntil(readPesTimes(payload)?.presentation ?? 0, position);
    }
    position += TS_PACKET;
  }
  writeUntil(Number.MAX_VALUE, segment.length);
  copyUntil(segment.length);
  return { bytes: Buffer.concat(parts), counter: next % 16 };
}

/** The packet of a programme map table, with one more stream in it. */
function declareMetadata(packet: Buffer, payload: Buffer): Buffer {
  const section = payload.subarray(1 + payload.readUInt8(0));
  const end = 3 + (section.readUInt16BE(1) & 0xfff) - CRC_BYTES;
  const infoEnd = 12 + (section.readUInt16BE(10) & 0xfff);
  const stream = Buffer.from([TS_METADATA, 0xe0 | (METADATA_PID >> 8), METADATA_PID & 0xff, 0xf0]);
  const body = Buffer.concat([
    section.subarray(0, infoEnd),
    METADATA_POINTER,
    section.subarray(infoEnd, end),
    stream,
    Buffer.from([METADATA_DESCRIPTOR.length]),
    METADATA_DESCRIPTOR,
  ]);
  body.writeUInt16BE((body.readUInt16BE(1) & 0xf000) | (body.length + CRC_BYTES - 3), 1);
  body.writeUInt16BE(0xf000 | (infoEnd - 12 + METADATA_POINTER.length), 10);
  const start = TS_PACKET - payload.length + 1 + payload.readUInt8(0);
  const size = body.length + CRC_BYTES;
  if (start + size > TS_PACKET)
    throw new Error(`TS segment: expected a programme map of one packet, got ${size} bytes`);
  const written = Buffer.alloc(TS_PACKET, 0xff);
  packet.copy(written, 0, 0, start);
  body.copy(written, start);
  written.writeUInt32BE(checksum(body), start + body.length);
  return written;
}

const CRC_BYTES = 4;
const CRC_POLYNOMIAL = 0x04c11db7;

/** CRC-32 of ISO/IEC 13818-1, annex A. */
function checksum(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ CRC_POLYNOMIAL : crc << 1;
  }
  return crc >>> 0;
}

/** One PES packet of private stream 1, aligned: it begins with the tag. */
function formatPes({ time, tag }: TimedMetadata): Buffer {
  const ticks = Math.round(time * TS_CLOCK);
  const stamp = Buffer.from([0x20 | ((Math.floor(ticks / 2 ** 30) & 0x07) << 1) | 1, 0, 0, 0, 0]);
  stamp.writeUInt16BE((((ticks >>> 15) & 0x7fff) << 1) | 1, 1);
  stamp.writeUInt16BE(((ticks & 0x7fff) << 1) | 1, 3);
  const head = Buffer.from([0x84, 0x80, stamp.length]);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(head.length + stamp.length + tag.length);
  return Buffer.concat([Buffer.from([0, 0, 1, 0xbd]), size, head, stamp, tag]);
}

const PAYLOAD = TS_PACKET - 4;

/** The last packet is filled up by its adaptation field. */
function formatPackets(pes: Buffer, counter: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(pes.length / PAYLOAD) }, (_, index) => {
    const part = pes.subarray(index * PAYLOAD, (index + 1) * PAYLOAD);
    const rest = PAYLOAD - part.length;
    const packet = Buffer.alloc(TS_PACKET, 0xff);
    packet.writeUInt8(0x47, 0);
    packet.writeUInt16BE((index === 0 ? 0x4000 : 0) | METADATA_PID, 1);
    packet.writeUInt8((rest > 0 ? 0x30 : 0x10) | ((counter + index) % 16), 3);
    if (rest > 0) packet.writeUInt8(rest - 1, 4);
    if (rest > 1) packet.writeUInt8(0, 5);
    part.copy(packet, TS_PACKET - part.length);
    return packet;
  });
}
