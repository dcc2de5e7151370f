/**
 * The sound of an encoding as samples of fragmented MP4: AAC frames without their ADTS headers.
 *
 * @see ISO/IEC 14496-3 §1.A.2 (ADTS), §1.6.2.1 (AudioSpecificConfig); ISO/IEC 14496-14 §3.1 (esds)
 */
import { formatBox, formatFullBox, u16, u32 } from "./fmp4-boxes.ts";

export interface AdtsSound {
  readonly sampleRate: number;
  /** The body of `stsd`. */
  readonly description: Buffer;
  /** One AAC frame each. */
  readonly frames: readonly Buffer[];
}

const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];
const SHORTEST_HEADER = 7;
const SYNC = 0xfff;

/** @throws Error when it is not ADTS from its first byte to its last */
export function readAdts(bytes: Buffer): AdtsSound {
  const frames: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const isWhole = start + SHORTEST_HEADER <= bytes.length && bytes.readUInt16BE(start) >> 4 === SYNC;
    const size = isWhole ? (bytes.readUIntBE(start + 3, 3) >> 5) & 0x1fff : 0;
    const header = isWhole && (bytes.readUInt8(start + 1) & 1) === 0 ? SHORTEST_HEADER + 2 : SHORTEST_HEADER;
    if (size <= header || start + size > bytes.length) {
      throw new Error(`ADTS: expected a frame at byte ${start} of ${bytes.length}, got none`);
    }
    frames.push(bytes.subarray(start + header, start + size));
    start += size;
  }
  if (frames.length === 0) throw new Error("ADTS: expected frames, got an empty file");
  const head = bytes.readUInt16BE(2);
  const rateIndex = (head >> 10) & 0x0f;
  const sampleRate = SAMPLE_RATES[rateIndex];
  if (sampleRate === undefined) throw new Error(`ADTS: expected a sample rate, got index ${rateIndex}`);
  const config = { objectType: (head >> 14) + 1, rateIndex, channels: (head >> 6) & 0x07 };
  return { sampleRate, description: formatDescription(config, sampleRate), frames };
}

interface AudioConfig {
  readonly objectType: number;
  readonly rateIndex: number;
  readonly channels: number;
}

function formatDescription({ objectType, rateIndex, channels }: AudioConfig, sampleRate: number): Buffer {
  const specific = u16((objectType << 11) | (rateIndex << 7) | (channels << 3));
  const decoder = Buffer.concat([DECODER_CONFIG, formatDescriptor(0x05, specific)]);
  const esds = formatDescriptor(
    0x03,
    Buffer.concat([
      u16(0),
      Buffer.from([0]),
      formatDescriptor(0x04, decoder),
      formatDescriptor(0x06, Buffer.from([2])),
    ]),
  );
  const entry = Buffer.concat([u16(0, 0, 0, 1), u32(0, 0), u16(channels, 16, 0, 0), u32(sampleRate * 65_536)]);
  return Buffer.concat([u32(0, 1), formatBox("mp4a", entry, formatFullBox("esds", 0, 0, esds))]);
}

/** AAC, audio stream; sizes and rates are not told. */
const DECODER_CONFIG = Buffer.concat([Buffer.from([0x40, 0x15, 0, 0, 0]), u32(0, 0)]);

/** Of MPEG-4 systems, shorter than 128 bytes. */
function formatDescriptor(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, body.length]), body]);
}
