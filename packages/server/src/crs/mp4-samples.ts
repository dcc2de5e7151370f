/**
 * Reads the sample tables of a stored rendition: which frame lies where in the file, and when it is decoded and shown. Edit
 * lists are left aside: a stored rendition is shown from its first picture on.
 *
 * @see ISO/IEC 14496-12 §8.5, §8.6, §8.7
 */
import type { FileHandle } from "node:fs/promises";
import { findBox, findChild, LONGEST_HEADER, readBoxHeader } from "./fmp4-boxes.ts";

export interface SampleTable {
  /** Ticks per second, of all times here. */
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  /** The body of `stsd`: how the samples are coded. */
  readonly description: Buffer;
  /** In the order of decoding. */
  readonly samples: readonly StoredSample[];
}

export interface StoredSample {
  /** In the file. */
  readonly offset: number;
  readonly size: number;
  /** The first one is decoded at 0. Ticks. */
  readonly decodeTime: number;
  /** The first picture is shown at 0; a picture may be shown before its nominal time of decoding. Ticks. */
  readonly time: number;
  readonly duration: number;
  readonly isKey: boolean;
}

/** Of a rendition of five minutes at 60 frames per second it is below one megabyte. */
const MAX_MOOV_BYTES = 64_000_000;

/** @throws Error when the file is no MP4 of one video track */
export async function readSampleTable(file: FileHandle): Promise<SampleTable> {
  const moov = await readMoov(file);
  const track = findBox(moov, ["trak"]);
  const header = findBox(track, ["mdia", "mdhd"]);
  const tkhd = findBox(track, ["tkhd"]);
  const tables = findBox(track, ["mdia", "minf", "stbl"]);
  return {
    timescale: header.readUInt32BE(header[0] === 1 ? 20 : 12),
    width: tkhd.readUInt32BE(tkhd.length - 8) / 65_536,
    height: tkhd.readUInt32BE(tkhd.length - 4) / 65_536,
    description: findBox(tables, ["stsd"]),
    samples: readSamples(tables),
  };
}

async function readMoov(file: FileHandle): Promise<Buffer> {
  for (let position = 0; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, position);
    const { type, header, size } = readBoxHeader(buffer.subarray(0, bytesRead));
    if (type === "moov" && size >= header && size <= MAX_MOOV_BYTES) {
      const body = Buffer.alloc(size - header);
      await file.read(body, 0, body.length, position + header);
      return body;
    }
    if (size < header) throw new Error(`MP4: expected moov, got ${type} of ${size} bytes at byte ${position}`);
    position += size;
  }
}

function readSamples(tables: Buffer): readonly StoredSample[] {
  const sizes = readSizes(findBox(tables, ["stsz"]));
  const offsets = readOffsets(tables, sizes);
  const durations = readRuns(findBox(tables, ["stts"]));
  const ctts = findChild(tables, "ctts");
  // Written as signed by version 1, and by many programs in version 0.
  const delays = ctts ? readRuns(ctts).map((value) => value | 0) : [];
  const stss = findChild(tables, "stss");
  const keys = stss ? new Set(readRows(stss, 1).map(([number = 0]) => number - 1)) : undefined;
  let decodeTime = 0;
  const samples = sizes.map((size, index) => {
    const duration = durations[index] ?? 0;
    const time = decodeTime + (delays[index] ?? 0);
    const isKey = keys?.has(index) ?? true;
    const sample = { offset: offsets[index] ?? 0, size, decodeTime, time, duration, isKey };
    decodeTime += duration;
    return sample;
  });
  const first = samples.reduce((earliest, { time }) => Math.min(earliest, time), Number.POSITIVE_INFINITY);
  return samples.map((sample) => ({ ...sample, time: sample.time - first }));
}

/** The rows of a full box that says how many it has. */
function readRows(body: Buffer, columns: number): readonly (readonly number[])[] {
  const count = body.readUInt32BE(4);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: columns }, (_, column) => body.readUInt32BE(8 + (row * columns + column) * 4)),
  );
}

/** Run-length coded values, one for each sample. */
function readRuns(body: Buffer): readonly number[] {
  return readRows(body, 2).flatMap(([count = 0, value = 0]) => Array.from({ length: count }, () => value));
}

function readSizes(stsz: Buffer): readonly number[] {
  const common = stsz.readUInt32BE(4);
  const count = stsz.readUInt32BE(8);
  return Array.from({ length: count }, (_, index) => common || stsz.readUInt32BE(12 + index * 4));
}

function readOffsets(tables: Buffer, sizes: readonly number[]): readonly number[] {
  const co64 = findChild(tables, "co64");
  const chunks = co64
    ? Array.from({ length: co64.readUInt32BE(4) }, (_, index) => Number(co64.readBigUInt64BE(8 + index * 8)))
    : readRows(findBox(tables, ["stco"]), 1).map(([offset = 0]) => offset);
  const runs = readRows(findBox(tables, ["stsc"]), 3);
  const offsets: number[] = [];
  let run = 0;
  for (const [chunk, start] of chunks.entries()) {
    if ((runs[run + 1]?.[0] ?? Number.POSITIVE_INFINITY) <= chunk + 1) run++;
    let offset = start;
    for (let left = runs[run]?.[1] ?? 0; left > 0; left--) {
      const size = sizes[offsets.length] ?? 0;
      offsets.push(offset);
      offset += size;
    }
  }
  return offsets;
}
