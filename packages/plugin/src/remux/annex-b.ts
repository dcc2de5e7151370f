/**
 * A picture as a byte stream has it: start codes where the file has lengths, parameter sets in front of each key picture, and an access
 * unit delimiter in front of every one, at which mux.js tells pictures apart.
 *
 * @see ITU-T H.264 Annex B, §7.4.1.2.3 (order of NAL units); ISO/IEC 14496-15 §5.3.3, ISO/IEC 13818-1 §2.14.1 (the delimiter)
 */
import { type ByteSink, SLICE_BYTES } from "./byte-sink.ts";
import { type AvcConfig, MediaRefusal } from "./movie.ts";

const START_CODE = Uint8Array.of(0, 0, 0, 1);
/** Of a picture of any kind of slices. */
const DELIMITER = Uint8Array.of(0, 0, 0, 1, 9, 0xf0);
const LAST_SLICE = 5;
const SPS = 7;
const PPS = 8;
const AUD = 9;
const FILLER = 12;
/** Bytes that could be copied in the time that a NAL unit of any length takes. */
const UNIT_COST = 256;

/**
 * Appends one picture, and stops about every 64 kB, or 256 NAL units. The file's own delimiters, filler and repetitions of the parameter
 * sets are left out.
 *
 * @param hasSets whether decoding may begin here
 * @returns false where there is no slice in the sample, so that nothing is to be shown
 * @throws MediaRefusal `source-unreadable` where a NAL unit is longer than what is left of the sample
 */
export function* writePicture(
  sink: ByteSink,
  sample: Uint8Array,
  config: AvcConfig,
  hasSets: boolean,
): Generator<void, boolean> {
  const sets = hasSets ? [...config.sps, ...config.pps] : [];
  sink.append(DELIMITER);
  for (const set of sets) appendUnit(sink, set);
  const written = new Set(sets.map((set) => set.join()));
  const longest = sets.reduce((most, { length }) => Math.max(most, length), 0);
  let hasSlice = false;
  let cost = 0;
  // some files pad a sample with less than a length
  for (let at = 0; at + config.lengthSize <= sample.length;) {
    const start = at + config.lengthSize;
    const unit = sample.subarray(start, start + readLength(sample, at, config.lengthSize));
    at = start + unit.length;
    const type = (unit[0] ?? AUD) & 0x1f;
    hasSlice ||= type > 0 && type <= LAST_SLICE;
    // looked up, not compared: a sample may be full of them
    const isRepeated = (type === SPS || type === PPS) && unit.length <= longest && written.has(unit.join());
    if (type !== AUD && type !== FILLER && !isRepeated) appendUnit(sink, unit);
    cost += unit.length + UNIT_COST;
    if (cost < SLICE_BYTES) continue;
    cost = 0;
    yield;
  }
  return hasSlice;
}

function appendUnit(sink: ByteSink, unit: Uint8Array): void {
  sink.append(START_CODE);
  sink.append(unit);
}

function readLength(sample: Uint8Array, at: number, lengthSize: AvcConfig["lengthSize"]): number {
  let length = 0;
  for (let index = 0; index < lengthSize; index++) length = length * 256 + (sample[at + index] ?? 0);
  const left = sample.length - at - lengthSize;
  if (length > left)
    throw new MediaRefusal("source-unreadable", `NAL unit: expected ${left} bytes at most, got ${length}`);
  return length;
}
