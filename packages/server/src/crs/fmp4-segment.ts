/**
 * Reads what matters of fragmented MP4 that is about to be published, as a player does: when its samples are decoded and shown,
 * and whether it begins with a key frame.
 *
 * @see ISO/IEC 14496-12 §8.8 (movie fragments); ISO/IEC 23009-1 §5.10.3.3 (emsg)
 */
import { findBox, findChild, readBoxes } from "./fmp4-boxes.ts";

export interface InitFacts {
  /** `vide`, `soun` */
  readonly handler: string;
  /** `avc1`, `mp4a` */
  readonly coding: string;
  /** Ticks per second. */
  readonly timescale: number;
  /** Whether an edit list moves its times: many players do not look at it. */
  readonly isEdited: boolean;
}

export interface FragmentFacts {
  /** When the first sample is decoded, and when the last one has been, seconds. */
  readonly decodeTime: number;
  readonly decodeEnd: number;
  /** When the samples are shown, seconds, in the order of the file. */
  readonly times: readonly number[];
  /** When the last of them has been shown, seconds. */
  readonly end: number;
  readonly startsWithKey: boolean;
  /** Of the event messages, seconds. */
  readonly eventTimes: readonly number[];
}

/** @throws Error when it is no initialization segment of one track */
export function readInitSegment(bytes: Buffer): InitFacts {
  const track = findBox(bytes, ["moov", "trak"]);
  const header = findBox(track, ["mdia", "mdhd"]);
  return {
    handler: findBox(track, ["mdia", "hdlr"]).toString("latin1", 8, 12),
    coding: findBox(track, ["mdia", "minf", "stbl", "stsd"]).toString("latin1", 12, 16),
    timescale: header.readUInt32BE(header[0] === 1 ? 20 : 12),
    isEdited: findChild(track, "edts") !== undefined,
  };
}

/** @throws Error when it is no media segment whose fragments hold one track each, with what they need to be read on their own */
export function readMediaSegment(bytes: Buffer, timescale: number): FragmentFacts {
  const samples: Sample[] = [];
  const eventTimes: number[] = [];
  let mediaBytes = 0;
  for (const { type, body } of readBoxes(bytes)) {
    if (type === "moof") samples.push(...readSamples(findBox(body, ["traf"])));
    if (type === "mdat") mediaBytes += body.length;
    if (type === "emsg") eventTimes.push(readEventTime(body));
  }
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last) throw new Error("MP4 segment: expected samples, got none");
  const listed = samples.reduce((sum, { size }) => sum + size, 0);
  if (listed !== mediaBytes) throw new Error(`MP4 segment: expected ${listed} bytes of samples, got ${mediaBytes}`);
  return {
    decodeTime: first.decodeTime / timescale,
    decodeEnd: (last.decodeTime + last.duration) / timescale,
    times: samples.map(({ time }) => time / timescale),
    end: samples.reduce((end, { time, duration }) => Math.max(end, time + duration), 0) / timescale,
    startsWithKey: first.isKey,
    eventTimes,
  };
}

interface Sample {
  readonly decodeTime: number;
  readonly time: number;
  readonly duration: number;
  readonly size: number;
  readonly isKey: boolean;
}

const HAS_BASE = 0x01;
const IS_NOT_KEY = 0x10000;

function readSamples(traf: Buffer): readonly Sample[] {
  const defaults = findBox(traf, ["tfhd"]);
  if ((defaults.readUInt32BE(0) & HAS_BASE) !== 0)
    throw new Error("MP4 segment: expected offsets from moof, got others");
  const tfhd = readFields(defaults, 8, { description: 0x02, duration: 0x08, size: 0x10, flags: 0x20 });
  const tfdt = findBox(traf, ["tfdt"]);
  let decodeTime = tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
  const trun = findBox(traf, ["trun"]);
  const head = readFields(trun, 8, { offset: 0x01, flags: 0x04 });
  const samples: Sample[] = [];
  let position = head.end;
  for (let left = trun.readUInt32BE(4); left > 0; left--) {
    const row = readFields(trun, position, { duration: 0x100, size: 0x200, flags: 0x400, delay: 0x800 });
    position = row.end;
    const firstFlags = samples.length === 0 ? head.values.flags : undefined;
    const duration = row.values.duration ?? tfhd.values.duration ?? 0;
    samples.push({
      decodeTime,
      duration,
      time: decodeTime + ((row.values.delay ?? 0) | 0),
      size: row.values.size ?? tfhd.values.size ?? 0,
      isKey: ((firstFlags ?? row.values.flags ?? tfhd.values.flags ?? IS_NOT_KEY) & IS_NOT_KEY) === 0,
    });
    decodeTime += duration;
  }
  return samples;
}

/** Fields of 32 bits that are there when their flag of the full box is set, in the order of their flags. */
function readFields<Name extends string>(
  body: Buffer,
  start: number,
  fields: Readonly<Record<Name, number>>,
): { readonly values: Readonly<Partial<Record<Name, number>>>; readonly end: number } {
  const flags = body.readUInt32BE(0) & 0xffffff;
  const values: Partial<Record<Name, number>> = {};
  let end = start;
  for (const name in fields) {
    if ((flags & fields[name]) === 0) continue;
    values[name] = body.readUInt32BE(end);
    end += 4;
  }
  return { values, end };
}

/** Version 1: the time is that of the track, not of the segment. */
function readEventTime(emsg: Buffer): number {
  if (emsg[0] !== 1) throw new Error(`MP4 segment: expected emsg of version 1, got ${emsg[0]}`);
  return Number(emsg.readBigUInt64BE(8)) / emsg.readUInt32BE(4);
}
