/**
 * A transport stream taken apart by the letter of ISO/IEC 13818-1, for tests: what is not as it says there is an error.
 */
import { strict as assert } from "node:assert";

export interface Pes {
  readonly pid: number;
  /** Ticks of 90 kHz. */
  readonly time: number;
  readonly decodeTime: number;
  /** Of the first packet, where it has one. */
  readonly clock: number | undefined;
  readonly isRandomAccess: boolean;
  readonly payload: Buffer;
}

export interface Stream {
  /** By PID, whole from the pointer to the CRC. */
  readonly tables: ReadonlyMap<number, Buffer>;
  /** In the order of their first packets. */
  readonly units: readonly Pes[];
}

interface Unit {
  readonly pid: number;
  readonly clock: number | undefined;
  readonly isRandomAccess: boolean;
  readonly parts: Buffer[];
}

/** @param bytes one segment */
export function readStream(bytes: Uint8Array): Stream {
  assert.equal(bytes.length % 188, 0);
  const tables = new Map<number, Buffer>();
  const units: Unit[] = [];
  const open = new Map<number, Unit>();
  const counters = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = Buffer.from(bytes.subarray(at, at + 188));
    const { pid, isStart, field, payload } = readPacket(packet);
    const last = counters.get(pid);
    assert.ok(last !== undefined || pid < 0x100 || pid === 0x1000 || field.isDiscontinuous);
    if (last !== undefined) assert.equal(packet.readUInt8(3) & 15, (last + 1) & 15);
    counters.set(pid, packet.readUInt8(3) & 15);
    if (pid === 0 || pid === 0x1000) tables.set(pid, readTable(payload));
    else if (isStart) {
      const unit = { pid, clock: field.clock, isRandomAccess: field.isRandomAccess, parts: [payload] };
      units.push(unit);
      open.set(pid, unit);
    } else {
      const unit = open.get(pid);
      assert.ok(unit);
      unit.parts.push(payload);
    }
  }
  return { tables, units: units.map(readPes) };
}

interface ReadPacket {
  readonly pid: number;
  readonly isStart: boolean;
  readonly field: {
    readonly isDiscontinuous: boolean;
    readonly isRandomAccess: boolean;
    readonly clock: number | undefined;
  };
  readonly payload: Buffer;
}

function readPacket(packet: Buffer): ReadPacket {
  assert.equal(packet.readUInt8(0), 0x47);
  const pid = packet.readUInt16BE(1) & 0x1fff;
  const isStart = (packet.readUInt8(1) & 0x40) > 0;
  const control = packet.readUInt8(3) >> 4;
  assert.ok(control === 1 || control === 3);
  const length = control === 3 ? packet.readUInt8(4) + 1 : 0;
  const payload = packet.subarray(4 + length);
  assert.ok(payload.length > 0);
  const flags = length > 1 ? packet.readUInt8(5) : 0;
  const hasClock = (flags & 0x10) > 0;
  if (length > 1) assert.ok(packet.subarray(hasClock ? 12 : 6, 4 + length).every((byte) => byte === 0xff));
  const clock = hasClock ? packet.readUInt32BE(6) * 2 + (packet.readUInt8(10) >> 7) : undefined;
  return {
    pid,
    isStart,
    payload,
    field: { isDiscontinuous: flags >= 0x80, isRandomAccess: (flags & 0x40) > 0, clock },
  };
}

function readTable(payload: Buffer): Buffer {
  assert.equal(payload.readUInt8(0), 0);
  const end = 4 + (payload.readUInt16BE(2) & 0xfff);
  assert.ok(payload.subarray(end).every((byte) => byte === 0xff));
  const section = payload.subarray(1, end);
  // what is divided together with its remainder leaves none
  assert.equal(crc32(section), 0);
  return payload.subarray(0, end);
}

/** CRC-32/MPEG-2, bit by bit. */
function crc32(bytes: Buffer): number {
  let remainder = 0xffffffffn;
  for (const byte of bytes)
    for (let bit = 7; bit >= 0; bit--) {
      const isOdd = ((remainder >> 31n) & 1n) !== BigInt((byte >> bit) & 1);
      remainder = ((remainder << 1n) & 0xffffffffn) ^ (isOdd ? 0x04c11db7n : 0n);
    }
  return Number(remainder);
}

function readPes({ pid, clock, isRandomAccess, parts }: Unit): Pes {
  const bytes = Buffer.concat(parts);
  assert.equal(bytes.readUIntBE(0, 3), 1);
  const length = bytes.readUInt16BE(4);
  const isPicture = bytes.readUInt8(3) === 0xe0;
  assert.ok(isPicture ? length === 0 || length === bytes.length - 6 : length === bytes.length - 6);
  assert.equal(bytes.readUInt8(6) >> 6, 2);
  const has = bytes.readUInt8(7) >> 6;
  assert.ok(has === 2 || has === 3);
  assert.equal(bytes.readUInt8(8), has === 3 ? 10 : 5);
  const time = readTime(bytes, 9, has);
  const decodeTime = has === 3 ? readTime(bytes, 14, 1) : time;
  return { pid, clock, isRandomAccess, time, decodeTime, payload: bytes.subarray(9 + bytes.readUInt8(8)) };
}

function readTime(bytes: Buffer, at: number, prefix: number): number {
  const bits = BigInt(`0x${bytes.toString("hex", at, at + 5)}`);
  assert.equal(Number(bits >> 36n), prefix);
  assert.equal(bits & 0x100010001n, 0x100010001n);
  return Number((((bits >> 33n) & 7n) << 30n) | (((bits >> 17n) & 0x7fffn) << 15n) | ((bits >> 1n) & 0x7fffn));
}

/** NAL units between start codes. */
export function splitUnits(stream: Buffer): readonly Buffer[] {
  const starts: number[] = [];
  for (let at = stream.indexOf("000001", 0, "hex"); at >= 0; at = stream.indexOf("000001", at + 3, "hex"))
    starts.push(at);
  return starts.map((start, index) => {
    const next = starts[index + 1];
    // a start code of four bytes begins one earlier
    const end = next === undefined ? stream.length : next - (stream[next - 1] === 0 ? 1 : 0);
    return stream.subarray(start + 3, end);
  });
}

/** AAC frames without their headers. */
export function splitFrames(stream: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    assert.equal(stream.readUInt16BE(at), 0xfff1);
    const length = (stream.readUInt32BE(at + 3) >> 13) & 0x1fff;
    assert.ok(length >= 7 && at + length <= stream.length);
    frames.push(stream.subarray(at + 7, at + length));
    at += length;
  }
  return frames;
}
