/**
 * The packets of a transport stream.
 *
 * @see ISO/IEC 13818-1 §2.4.3 (packets), §2.4.4 (programme tables)
 */

export const TS_PACKET = 188;
export const TS_CLOCK = 90_000;
/** Stream types of a programme map table. */
export const TS_H264 = 0x1b;
export const TS_AAC = 0x0f;
/** Metadata in PES packets. */
export const TS_METADATA = 0x15;
const SYNC = 0x47;

export interface TsPacket {
  /** The whole packet. */
  readonly bytes: Buffer;
  readonly pid: number;
  /** Whether a table or a PES packet begins in it. */
  readonly isStart: boolean;
  /** Whether decoding may begin with it. */
  readonly isRandomAccess: boolean;
  readonly payload: Buffer;
}

/** @throws Error when a packet does not begin where one should, or the last one is not whole */
export function* readPackets(bytes: Buffer): Generator<TsPacket> {
  for (let start = 0; start < bytes.length; start += TS_PACKET) {
    const packet = bytes.subarray(start, start + TS_PACKET);
    if (packet[0] !== SYNC || packet.length < TS_PACKET) {
      throw new Error(`TS segment: expected a packet at byte ${start} of ${bytes.length}, got none`);
    }
    const flags = packet.readUInt8(3);
    const adaptation = flags & 0x20 ? packet.readUInt8(4) + 1 : 0;
    yield {
      bytes: packet,
      pid: packet.readUInt16BE(1) & 0x1fff,
      isStart: (packet.readUInt8(1) & 0x40) !== 0,
      isRandomAccess: adaptation > 1 && (packet.readUInt8(5) & 0x40) !== 0,
      payload: flags & 0x10 ? packet.subarray(4 + adaptation) : packet.subarray(TS_PACKET),
    };
  }
}

/** The PID of the programme map table of the first programme, of a payload that holds a PAT. */
export function readProgramPid(payload: Buffer): number {
  const section = payload.subarray(1 + payload.readUInt8(0));
  return section.readUInt16BE(10) & 0x1fff;
}

/** Stream types by PID, of a payload that holds a programme map table. */
export function readStreamTypes(payload: Buffer): ReadonlyMap<number, number> {
  const streams = new Map<number, number>();
  const section = payload.subarray(1 + payload.readUInt8(0));
  const end = 3 + (section.readUInt16BE(1) & 0xfff) - 4;
  let position = 12 + (section.readUInt16BE(10) & 0xfff);
  while (position + 5 <= end) {
    streams.set(section.readUInt16BE(position + 1) & 0x1fff, section.readUInt8(position));
    position += 5 + (section.readUInt16BE(position + 3) & 0xfff);
  }
  return streams;
}

export interface PesTimes {
  /** Seconds. */
  readonly presentation: number;
  readonly decoding: number;
}

/** The times of the PES packet that begins in a payload; undefined: none begins, or it does not say. */
export function readPesTimes(payload: Buffer): PesTimes | undefined {
  const isPes = payload.length >= 14 && payload.readUIntBE(0, 3) === 1 && (payload.readUInt8(7) & 0x80) !== 0;
  if (!isPes) return undefined;
  const presentation = readTime(payload, 9);
  const hasDecoding = (payload.readUInt8(7) & 0x40) !== 0 && payload.length >= 19;
  return { presentation, decoding: hasDecoding ? readTime(payload, 14) : presentation };
}

function readTime(payload: Buffer, start: number): number {
  const high = (payload.readUInt8(start) >> 1) & 0x07;
  const middle = payload.readUInt16BE(start + 1) >> 1;
  const low = payload.readUInt16BE(start + 3) >> 1;
  return (high * 2 ** 30 + middle * 2 ** 15 + low) / TS_CLOCK;
}

/** What a PES packet carries, its header left out. */
export function readPesBody(packet: Buffer): Buffer {
  return packet.subarray(9 + (packet[8] ?? 0));
}
