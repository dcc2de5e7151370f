/**
 * Packets of 188 bytes and what they carry: tables, and PES packets with the times of pictures and sound.
 *
 * Every segment counts its packets from 0, since it is made without those before it, and says so by the discontinuity indicator of the
 * first packet of each stream.
 *
 * @see ISO/IEC 13818-1 §2.4.3.2 (packets), §2.4.3.4 (adaptation field), §2.4.3.6 (PES)
 */
import type { ByteSink } from "./byte-sink.ts";
import type { Table } from "./ts-tables.ts";

const PACKET_BYTES = 188;
const PAYLOAD_BYTES = 184;
/** Of a time in a stream. */
const WRAP = 2 ** 33;
const DISCONTINUITY = 0x80;
const RANDOM_ACCESS = 0x40;
const HAS_CLOCK = 0x10;

/** The packets of one PID. */
export interface PacketStream {
  readonly pid: number;
  /** How many there are yet. */
  count: number;
}

/** What the first packet of a unit says besides. */
export interface UnitMarks {
  /** Ticks of 90 kHz: the stream's clock when it passes. */
  readonly clock?: number;
  readonly isKey?: boolean;
}

/** One packet. @param count of the same table before it, in the whole stream */
export function writeTable(sink: ByteSink, { pid, section }: Table, count: number): void {
  const start = sink.reserve(PACKET_BYTES);
  writeHeader(sink.bytes, start, { pid, count }, true, 0);
  sink.bytes.fill(0xff, start + 4, start + PACKET_BYTES);
  sink.bytes.set(section, start + 4);
}

/** All packets of a unit, which is not empty. Stops where `sink` says that it is time. */
export function* writeUnit(
  sink: ByteSink,
  stream: PacketStream,
  unit: Uint8Array,
  { clock, isKey = false }: UnitMarks = {},
): Generator<void, void> {
  const isFirst = stream.count === 0;
  const flags = (isFirst ? DISCONTINUITY : 0) + (isKey ? RANDOM_ACCESS : 0) + (clock === undefined ? 0 : HAS_CLOCK);
  const fields = flags === 0 ? 0 : clock === undefined ? 2 : 8;
  for (let at = 0; at < unit.length;) {
    const isStart = at === 0;
    const size = Math.min(PAYLOAD_BYTES - (isStart ? fields : 0), unit.length - at);
    const adaptation = PAYLOAD_BYTES - size;
    const start = sink.reserve(PACKET_BYTES);
    writeHeader(sink.bytes, start, stream, isStart, adaptation);
    stream.count += 1;
    if (adaptation > 1) sink.bytes[start + 5] = isStart ? flags : 0;
    if (isStart && clock !== undefined) writeClock(sink.bytes, start + 6, clock);
    sink.bytes.set(unit.subarray(at, at + size), start + PACKET_BYTES - size);
    at += size;
    if (sink.isDue()) yield;
  }
}

/** The header, and an adaptation field of stuffing alone. @param adaptation bytes of it with its length; 0: none */
function writeHeader(
  bytes: Uint8Array,
  start: number,
  { pid, count }: PacketStream,
  isStart: boolean,
  adaptation: number,
): void {
  bytes[start] = 0x47;
  bytes[start + 1] = (isStart ? 0x40 : 0) | (pid >> 8);
  bytes[start + 2] = pid & 0xff;
  bytes[start + 3] = (adaptation > 0 ? 0x30 : 0x10) | (count & 15);
  if (adaptation > 0) bytes[start + 4] = adaptation - 1;
  if (adaptation > 2) bytes.fill(0xff, start + 6, start + 4 + adaptation);
}

/** program_clock_reference without its extension. */
function writeClock(bytes: Uint8Array, start: number, clock: number): void {
  const ticks = wrap(clock);
  const high = Math.floor(ticks / 2);
  const last = ticks % 2 === 0 ? 0x7e : 0xfe;
  bytes.set([high >>> 24, (high >>> 16) & 0xff, (high >>> 8) & 0xff, high & 0xff, last, 0], start);
}

/** Begins a PES packet in `unit`, which it empties. Its length is told by {@link closePes}. Times: ticks of 90 kHz. */
export function beginPes(unit: ByteSink, streamId: number, time: number, decodeTime?: number): void {
  unit.clear();
  const times = decodeTime === undefined ? formatTime(2, time) : [...formatTime(3, time), ...formatTime(1, decodeTime)];
  // what begins here is aligned
  const header = [0, 0, 1, streamId, 0, 0, 0x84, decodeTime === undefined ? 0x80 : 0xc0, times.length, ...times];
  unit.append(Uint8Array.from(header));
}

/** Only pictures may leave their length open. */
export function closePes(unit: ByteSink): void {
  const length = unit.length - 6;
  unit.bytes[4] = length >> 8;
  unit.bytes[5] = length & 0xff;
}

/** 33 bits among markers. */
function formatTime(prefix: number, time: number): readonly number[] {
  const ticks = wrap(time);
  const high = Math.floor(ticks / 2 ** 30);
  const middle = Math.floor(ticks / 2 ** 15) % 2 ** 15;
  const low = ticks % 2 ** 15;
  return [(prefix << 4) | (high << 1) | 1, middle >> 7, ((middle << 1) | 1) & 0xff, low >> 7, ((low << 1) | 1) & 0xff];
}

function wrap(time: number): number {
  return ((Math.round(time) % WRAP) + WRAP) % WRAP;
}
