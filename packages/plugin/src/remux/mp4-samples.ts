/**
 * Where each sample of a track lies in the file, when it is decoded and shown: the tables of a movie that is not fragmented.
 * Tables that contradict each other are refused: half a table would put pictures beside their sound.
 *
 * @see ISO/IEC 14496-12 §8.6.1, §8.6.2, §8.7
 */
import { ByteReader, unreadable } from "./bytes.ts";
import { expectBox, findBox, type Box } from "./mp4-boxes.ts";
import type { SampleTable } from "./movie.ts";

/** Of a track: five minutes are 36 000 pictures at 120 a second. A few bytes may claim any number of equal samples. */
export const MAX_SAMPLES = 60_000;

/** @throws MediaRefusal `source-unreadable` beyond {@link MAX_SAMPLES} */
export function createSampleTable(count: number): SampleTable {
  if (count > MAX_SAMPLES) throw unreadable(`MP4 samples: expected at most ${MAX_SAMPLES}, got ${count}`);
  return {
    count,
    offsets: new Float64Array(count),
    sizes: new Uint32Array(count),
    decodeTimes: new Float64Array(count),
    times: new Float64Array(count),
    durations: new Uint32Array(count),
    isKey: new Uint8Array(count),
    entries: new Uint8Array(count),
  };
}

/** The first samples of `table` in one of `count`; what is new is 0. */
export function growSampleTable(table: SampleTable, count: number): SampleTable {
  const grown = createSampleTable(count);
  grown.offsets.set(table.offsets.subarray(0, count));
  grown.sizes.set(table.sizes.subarray(0, count));
  grown.decodeTimes.set(table.decodeTimes.subarray(0, count));
  grown.times.set(table.times.subarray(0, count));
  grown.durations.set(table.durations.subarray(0, count));
  grown.isKey.set(table.isKey.subarray(0, count));
  grown.entries.set(table.entries.subarray(0, count));
  return grown;
}

/**
 * Times as they are written: of the media, from the first decode time on, before any edit.
 *
 * @param tables the boxes in `stbl`
 * @param rowCount of `stsd`
 * @throws MediaRefusal `source-unreadable`
 */
export function readSampleTable(tables: readonly Box[], rowCount: number): SampleTable {
  const samples = readSizes(tables);
  readTimes(tables, samples);
  readKeys(tables, samples);
  placeSamples(tables, samples, rowCount);
  return samples;
}

function readSizes(tables: readonly Box[]): SampleTable {
  const compact = findBox(tables, "stz2");
  if (compact) return readCompactSizes(new ByteReader(compact, "MP4 stz2"));
  const reader = new ByteReader(expectBox(tables, "stsz", "stbl"), "MP4 stsz");
  reader.skip(4);
  const size = reader.readU32();
  const samples = createSampleTable(reader.readCount(size === 0 ? 4 : 0));
  for (let index = 0; index < samples.count; index++) samples.sizes[index] = size || reader.readU32();
  return samples;
}

function readCompactSizes(reader: ByteReader): SampleTable {
  reader.skip(7);
  const bits = reader.readU8();
  if (bits !== 4 && bits !== 8 && bits !== 16) throw unreadable(`MP4 stz2: expected 4, 8 or 16 bits, got ${bits}`);
  const samples = createSampleTable(reader.readCount(bits / 8));
  for (let index = 0, pair = 0; index < samples.count; index++) {
    if (bits === 4 && index % 2 === 0) pair = reader.readU8();
    if (bits === 4) samples.sizes[index] = index % 2 === 0 ? pair >> 4 : pair & 15;
    else samples.sizes[index] = bits === 8 ? reader.readU8() : reader.readU16();
  }
  return samples;
}

function readTimes(tables: readonly Box[], { count, decodeTimes, times, durations }: SampleTable): void {
  let time = 0;
  readRuns(expectBox(tables, "stts", "stbl"), "MP4 stts", count, (index, value) => {
    decodeTimes[index] = time;
    durations[index] = value;
    time += value;
  });
  times.set(decodeTimes);
  const delays = findBox(tables, "ctts");
  if (!delays) return;
  // signed in version 1 alone, but many programs write such numbers into version 0
  readRuns(delays, "MP4 ctts", count, (index, value) => {
    times[index] = (times[index] ?? 0) + (value | 0);
  });
}

/** Rows of (count, value), laid out over the samples. */
function readRuns(body: Uint8Array, part: string, count: number, set: (index: number, value: number) => void): void {
  const reader = new ByteReader(body, part);
  reader.skip(4);
  let index = 0;
  for (let left = reader.readCount(8); left > 0; left--) {
    const end = index + reader.readU32();
    const value = reader.readU32();
    if (end > count) throw unreadable(`${part}: expected ${count} samples, got ${end}`);
    for (; index < end; index++) set(index, value);
  }
  if (index < count) throw unreadable(`${part}: expected ${count} samples, got ${index}`);
}

function readKeys(tables: readonly Box[], { count, isKey }: SampleTable): void {
  const body = findBox(tables, "stss");
  if (!body) {
    isKey.fill(1);
    return;
  }
  const reader = new ByteReader(body, "MP4 stss");
  reader.skip(4);
  for (let left = reader.readCount(4); left > 0; left--) {
    const number = reader.readU32();
    if (number < 1 || number > count) throw unreadable(`MP4 stss: expected a sample of ${count}, got ${number}`);
    isKey[number - 1] = 1;
  }
}

function placeSamples(tables: readonly Box[], samples: SampleTable, rowCount: number): void {
  const chunks = readChunks(tables);
  const runs = readChunkRuns(expectBox(tables, "stsc", "stbl"), rowCount);
  let index = 0;
  let run = -1;
  for (const [chunk, start] of chunks.entries()) {
    if ((runs[run + 1]?.firstChunk ?? Infinity) <= chunk) run += 1;
    const { perChunk = 0, entry = 0 } = runs[run] ?? {};
    const end = index + perChunk;
    if (end > samples.count) throw unreadable(`MP4 stsc: expected ${samples.count} samples, got ${end}`);
    for (let offset = start; index < end; index++) {
      samples.offsets[index] = offset;
      samples.entries[index] = entry;
      offset += samples.sizes[index] ?? 0;
    }
  }
  if (index < samples.count) throw unreadable(`MP4 stsc: expected ${samples.count} samples, got ${index}`);
}

function readChunks(tables: readonly Box[]): Float64Array {
  const long = findBox(tables, "co64");
  const reader = new ByteReader(long ?? expectBox(tables, "stco", "stbl"), "MP4 chunk offsets");
  reader.skip(4);
  const offsets = new Float64Array(reader.readCount(long ? 8 : 4));
  for (let index = 0; index < offsets.length; index++) offsets[index] = long ? reader.readU64() : reader.readU32();
  return offsets;
}

interface ChunkRun {
  /** From 0. */
  readonly firstChunk: number;
  readonly perChunk: number;
  /** From 0. */
  readonly entry: number;
}

function readChunkRuns(body: Uint8Array, rowCount: number): readonly ChunkRun[] {
  const reader = new ByteReader(body, "MP4 stsc");
  reader.skip(4);
  const runs: ChunkRun[] = [];
  for (let left = reader.readCount(12); left > 0; left--) {
    const firstChunk = reader.readU32() - 1;
    const run = { firstChunk, perChunk: reader.readU32(), entry: reader.readU32() - 1 };
    if (firstChunk <= (runs.at(-1)?.firstChunk ?? -1)) {
      throw unreadable(`MP4 stsc: expected the runs of chunks in order, got chunk ${firstChunk + 1}`);
    }
    if (run.entry < 0 || run.entry >= rowCount) {
      throw unreadable(`MP4 stsc: expected one of ${rowCount} rows of stsd, got ${run.entry + 1}`);
    }
    runs.push(run);
  }
  return runs;
}
