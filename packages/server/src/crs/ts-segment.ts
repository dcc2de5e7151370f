/**
 * Reads what matters of a TS segment that is about to be published: when its pictures and its sound begin, and whether it
 * begins with a key frame.
 *
 * @see ISO/IEC 13818-1 §2.4.3 (packets), §2.4.3.7 (PES)
 */

export interface SegmentFacts {
  /** Times of the video frames and audio packets, seconds, in the order of the file; empty where there is no such stream. */
  readonly videoTimes: readonly number[];
  readonly audioTimes: readonly number[];
  /** Whether the first video frame is marked as a point where decoding can begin. */
  readonly startsWithKey: boolean;
}

const PACKET = 188;
const SYNC = 0x47;
const H264 = 0x1b;
const AAC = 0x0f;
const CLOCK = 90_000;

interface Packet {
  readonly pid: number;
  readonly isStart: boolean;
  readonly isRandomAccess: boolean;
  readonly payload: Buffer;
}

/** @throws Error when it is not a transport stream of H.264 and AAC */
export function readSegment(bytes: Buffer): SegmentFacts {
  const times = new Map<number, number[]>();
  const streams = new Map<number, number>();
  let programPid: number | undefined;
  let startsWithKey: boolean | undefined;
  for (const packet of readPackets(bytes)) {
    if (!packet.isStart) continue;
    if (packet.pid === 0) programPid = readProgramPid(packet.payload);
    else if (packet.pid === programPid) readStreamTypes(packet.payload, streams);
    else {
      const type = streams.get(packet.pid);
      const time = type === undefined ? undefined : readTime(packet.payload);
      if (type === undefined || time === undefined) continue;
      if (type === H264) startsWithKey ??= packet.isRandomAccess;
      times.set(type, [...(times.get(type) ?? []), time]);
    }
  }
  return { videoTimes: times.get(H264) ?? [], audioTimes: times.get(AAC) ?? [], startsWithKey: startsWithKey ?? false };
}

function* readPackets(bytes: Buffer): Generator<Packet> {
  for (let start = 0; start + PACKET <= bytes.length; start += PACKET) {
    const packet = bytes.subarray(start, start + PACKET);
    if (packet[0] !== SYNC) throw new Error(`TS segment: expected a packet at byte ${start}, got ${packet[0]}`);
    const flags = packet.readUInt8(3);
    const adaptation = flags & 0x20 ? packet.readUInt8(4) + 1 : 0;
    yield {
      pid: packet.readUInt16BE(1) & 0x1fff,
      isStart: (packet.readUInt8(1) & 0x40) !== 0,
      isRandomAccess: adaptation > 1 && (packet.readUInt8(5) & 0x40) !== 0,
      payload: flags & 0x10 ? packet.subarray(4 + adaptation) : packet.subarray(PACKET),
    };
  }
}

/** Of the first programme of a PAT. */
function readProgramPid(payload: Buffer): number {
  const section = payload.subarray(1 + payload.readUInt8(0));
  return section.readUInt16BE(10) & 0x1fff;
}

/** Of a PMT: stream types by PID. */
function readStreamTypes(payload: Buffer, streams: Map<number, number>): void {
  const section = payload.subarray(1 + payload.readUInt8(0));
  const end = 3 + (section.readUInt16BE(1) & 0xfff) - 4;
  let position = 12 + (section.readUInt16BE(10) & 0xfff);
  while (position + 5 <= end) {
    streams.set(section.readUInt16BE(position + 1) & 0x1fff, section.readUInt8(position));
    position += 5 + (section.readUInt16BE(position + 3) & 0xfff);
  }
}

/** The PTS of a PES packet, seconds. */
function readTime(payload: Buffer): number | undefined {
  const isPes = payload.length >= 14 && payload.readUIntBE(0, 3) === 1 && (payload.readUInt8(7) & 0x80) !== 0;
  if (!isPes) return undefined;
  const high = (payload.readUInt8(9) >> 1) & 0x07;
  const middle = payload.readUInt16BE(10) >> 1;
  const low = payload.readUInt16BE(12) >> 1;
  return (high * 2 ** 30 + middle * 2 ** 15 + low) / CLOCK;
}
