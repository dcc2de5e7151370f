/**
 * The movie of a fragmented MP4 file: what its `moov` tells of samples, if anything, and then what each fragment does.
 *
 * @see ISO/IEC 14496-12 §8.8
 */
import { ByteReader, unreadable } from "./bytes.ts";
import { expectBox, findBox, listBoxes, openBox, type Box } from "./mp4-boxes.ts";
import { buildMovie, readTrackSamples } from "./mp4-movie.ts";
import { createSampleTable, growSampleTable, MAX_SAMPLES } from "./mp4-samples.ts";
import { readTracks, type Track } from "./mp4-tracks.ts";
import type { Movie, SampleTable } from "./movie.ts";

/** One top-level `moof` of the file. */
export interface Fragment {
  /** Of its first byte, from the start of the file. */
  readonly offset: number;
  /** The whole box. */
  readonly moof: Uint8Array;
}

/** What a sample is where its run does not say. */
interface Defaults {
  /** Row of `stsd`, from 1. */
  readonly entry: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** A track's samples while its fragments are read. */
interface Growing {
  readonly rowCount: number;
  /** Longer than `count`. */
  table: SampleTable;
  count: number;
  /** Where the next one begins unless its fragment says. */
  nextTime: number;
}

interface Reading {
  readonly defaults: ReadonlyMap<number, Defaults>;
  readonly tracks: ReadonlyMap<number, Growing>;
  /** Of all tracks: a run claims any number of samples in a few bytes. */
  samplesLeft: number;
}

interface Run {
  readonly growing: Growing | undefined;
  readonly defaults: Defaults;
  /** Where its data are counted from, and where they lie unless it says. */
  readonly base: number;
  readonly start: number;
}

const NO_DEFAULTS: Defaults = { entry: 1, duration: 0, size: 0, flags: 0 };
/** sample_is_non_sync_sample, and sample_depends_on = 1, which some muxers write in its stead. */
const NOT_KEY = 0x01010000;

/**
 * Edits shift the times; their ends are not looked at, as they tell of the `moov`'s own samples.
 *
 * @param moov the whole box
 * @param fragments all of them, in the order of the file; none: what is left is the `moov`'s own samples
 * @throws MediaRefusal `source-unreadable`, `unsupported-media-file`
 */
export function parseFragments(moov: Uint8Array, fragments: Iterable<Fragment>): Movie {
  const tracks = readTracks(moov);
  const growing = new Map<number, Growing>();
  for (const track of [tracks.video, tracks.audio]) if (track) growing.set(track.id, startTrack(track));
  const reading: Reading = { defaults: readDefaults(moov), tracks: growing, samplesLeft: 2 * MAX_SAMPLES };
  for (const fragment of fragments) readFragment(fragment, reading);
  const endless = { video: withoutEnd(tracks.video), audio: withoutEnd(tracks.audio) };
  return buildMovie(endless, ({ id }) => {
    const { table, count } = growing.get(id) ?? { table: createSampleTable(0), count: 0 };
    return growSampleTable(table, count);
  });
}

function withoutEnd(track: Track | undefined): Track | undefined {
  return track && { ...track, edit: () => ({ ...track.edit(), end: Infinity }) };
}

function startTrack(track: Track): Growing {
  const hasTable = track.tables.some(({ type }) => type === "stsz" || type === "stz2");
  const table = hasTable ? readTrackSamples(track) : createSampleTable(0);
  const last = table.count - 1;
  const nextTime = last < 0 ? 0 : (table.decodeTimes[last] ?? 0) + (table.durations[last] ?? 0);
  return { rowCount: track.description.rows.length, table, count: table.count, nextTime };
}

function readDefaults(moov: Uint8Array): ReadonlyMap<number, Defaults> {
  const defaults = new Map<number, Defaults>();
  const mvex = findBox(listBoxes(openBox(moov, "moov"), "moov"), "mvex");
  for (const { type, body } of mvex ? listBoxes(mvex, "mvex") : []) {
    if (type !== "trex") continue;
    const reader = new ByteReader(body, "MP4 trex");
    reader.skip(4);
    const id = reader.readU32();
    const entry = reader.readU32();
    const duration = reader.readU32();
    defaults.set(id, { entry, duration, size: reader.readU32(), flags: reader.readU32() });
  }
  return defaults;
}

function readFragment({ offset, moof }: Fragment, reading: Reading): void {
  let start = offset;
  for (const { type, body } of listBoxes(openBox(moof, "moof"), "moof")) {
    if (type === "traf") start = readTrackFragment(listBoxes(body, "traf"), offset, start, reading);
  }
}

/**
 * @param start where the data of the track fragment before this one end
 * @returns where its own do
 */
function readTrackFragment(boxes: readonly Box[], moofOffset: number, start: number, reading: Reading): number {
  const header = readHeader(expectBox(boxes, "tfhd", "traf"), reading.defaults);
  const base = header.base ?? (header.isBaseMoof ? moofOffset : start);
  const growing = reading.tracks.get(header.id);
  const decodeTime = readDecodeTime(findBox(boxes, "tfdt"));
  if (growing) startFragment(growing, decodeTime, header.defaults.entry);
  let end = base;
  for (const { type, body } of boxes) {
    if (type === "trun") end = readRun(body, { growing, defaults: header.defaults, base, start: end }, reading);
  }
  return end;
}

interface Header {
  readonly id: number;
  readonly base: number | undefined;
  readonly isBaseMoof: boolean;
  readonly defaults: Defaults;
}

function readHeader(tfhd: Uint8Array, allDefaults: ReadonlyMap<number, Defaults>): Header {
  const reader = new ByteReader(tfhd, "MP4 tfhd");
  reader.skip(1);
  const flags = reader.readU24();
  const id = reader.readU32();
  const { entry, duration, size, flags: sampleFlags } = allDefaults.get(id) ?? NO_DEFAULTS;
  const base = flags & 0x1 ? reader.readU64() : undefined;
  const defaults = {
    entry: flags & 0x2 ? reader.readU32() : entry,
    duration: flags & 0x8 ? reader.readU32() : duration,
    size: flags & 0x10 ? reader.readU32() : size,
    flags: flags & 0x20 ? reader.readU32() : sampleFlags,
  };
  return { id, base, isBaseMoof: (flags & 0x20000) > 0, defaults };
}

function readDecodeTime(tfdt: Uint8Array | undefined): number | undefined {
  if (!tfdt) return undefined;
  const reader = new ByteReader(tfdt, "MP4 tfdt");
  const isLong = reader.readU8() === 1;
  reader.skip(3);
  return isLong ? reader.readU64() : reader.readU32();
}

function startFragment(growing: Growing, decodeTime: number | undefined, entry: number): void {
  if (entry < 1 || entry > growing.rowCount) {
    throw unreadable(`MP4 tfhd: expected one of ${growing.rowCount} rows of stsd, got ${entry}`);
  }
  const last = growing.table.decodeTimes[growing.count - 1] ?? 0;
  if (decodeTime !== undefined && growing.count > 0 && decodeTime < last) {
    throw unreadable(`MP4 tfdt: expected ${last} or later, got ${decodeTime}`);
  }
  growing.nextTime = decodeTime ?? growing.nextTime;
}

/** @returns where its data end */
function readRun(trun: Uint8Array, { growing, defaults, base, start }: Run, reading: Reading): number {
  const reader = new ByteReader(trun, "MP4 trun");
  reader.skip(1);
  const flags = reader.readU24();
  const rowSize = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length * 4;
  const count = reader.readU32();
  const begin = flags & 0x1 ? base + reader.readI32() : start;
  let firstFlags = flags & 0x4 ? reader.readU32() : undefined;
  if (begin < 0) throw unreadable(`MP4 trun: expected data within the file, got ${begin}`);
  if (count > reading.samplesLeft || count * rowSize > reader.left) {
    throw unreadable(`MP4 trun: expected ${count} rows of ${rowSize} bytes, got ${reader.left} bytes`);
  }
  reading.samplesLeft -= count;
  const add = growing && extend(growing, count, defaults.entry - 1);
  let offset = begin;
  for (let left = count; left > 0; left--) {
    const duration = flags & 0x100 ? reader.readU32() : defaults.duration;
    const size = flags & 0x200 ? reader.readU32() : defaults.size;
    const ownFlags = flags & 0x400 ? reader.readU32() : defaults.flags;
    // signed in version 1 alone, but many programs write such numbers into version 0
    const delay = flags & 0x800 ? reader.readI32() : 0;
    add?.({ offset, size, duration, delay, isKey: ((firstFlags ?? ownFlags) & NOT_KEY) === 0 });
    firstFlags = undefined;
    offset += size;
  }
  return offset;
}

interface RunRow {
  readonly offset: number;
  readonly size: number;
  readonly duration: number;
  readonly delay: number;
  readonly isKey: boolean;
}

/** Makes room for `count` samples of one row of `stsd` (from 0), and tells how to add one. */
function extend(growing: Growing, count: number, entry: number): (row: RunRow) => void {
  const needed = growing.count + count;
  if (needed > growing.table.count) {
    growing.table = growSampleTable(growing.table, Math.max(needed, Math.min(2 * needed, MAX_SAMPLES)));
  }
  const { table } = growing;
  return ({ offset, size, duration, delay, isKey }) => {
    const index = growing.count++;
    table.offsets[index] = offset;
    table.sizes[index] = size;
    table.decodeTimes[index] = growing.nextTime;
    table.times[index] = growing.nextTime + delay;
    table.durations[index] = duration;
    table.isKey[index] = isKey ? 1 : 0;
    table.entries[index] = entry;
    growing.nextTime += duration;
  };
}
