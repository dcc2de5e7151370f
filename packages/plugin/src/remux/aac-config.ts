/**
 * How the sound of an AAC track is to be decoded. Of HE-AAC the core is what a transport stream tells; decoders find the rest.
 *
 * @see ISO/IEC 14496-1 §7.2.6 (descriptors), 14496-3 §1.6 (AudioSpecificConfig), §4.4.1 (GASpecificConfig)
 */
import { ByteReader, unreadable, unsupported } from "./bytes.ts";
import type { AacConfig } from "./movie.ts";

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
/** objectTypeIndication: MPEG-4 audio, and AAC-LC as MPEG-2 named it. */
const AAC = [0x40, 0x67];

const LOW_COMPLEXITY = 2;
const SPECTRAL_BAND_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
const SBR_SYNC = 0x2b7;
const EXPLICIT_RATE = 15;
const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/**
 * @param esds the body of the box
 * @throws MediaRefusal `unsupported-media-file` when it is no AAC that ADTS can say: MP3, a channel map of its own, 960 samples
 */
export function parseEsds(esds: Uint8Array): { readonly aac: AacConfig; readonly codec: string } {
  const stream = new ByteReader(findDescriptor(esds.subarray(4), ES_DESCRIPTOR), "MP4 esds");
  stream.skip(2);
  const flags = stream.readU8();
  if (flags & 0x80) stream.skip(2);
  if (flags & 0x40) stream.skip(stream.readU8());
  if (flags & 0x20) stream.skip(2);
  const config = new ByteReader(findDescriptor(stream.readBytes(stream.left), DECODER_CONFIG), "MP4 esds");
  const type = config.readU8();
  if (!AAC.includes(type)) throw unsupported(`MP4 esds: expected AAC (0x40), got object type 0x${type.toString(16)}`);
  config.skip(12);
  return parseAudioSpecificConfig(findDescriptor(config.readBytes(config.left), DECODER_SPECIFIC));
}

function findDescriptor(bytes: Uint8Array, wanted: number): Uint8Array {
  const reader = new ByteReader(bytes, "MP4 esds");
  while (reader.left > 0) {
    const tag = reader.readU8();
    let size = 0;
    for (let more = 4; more > 0; more--) {
      const byte = reader.readU8();
      size = size * 128 + (byte & 127);
      if (byte < 128) break;
    }
    const body = reader.readBytes(size);
    if (tag === wanted) return body;
  }
  throw unreadable(`MP4 esds: expected a descriptor of tag ${wanted}, got none`);
}

/** @throws MediaRefusal */
export function parseAudioSpecificConfig(config: Uint8Array): { readonly aac: AacConfig; readonly codec: string } {
  const bits = new BitReader(config);
  let objectType = readObjectType(bits);
  const core = readRate(bits);
  const channels = bits.read(4);
  let extension = objectType;
  let outputRate = core.sampleRate;
  if (objectType === SPECTRAL_BAND_REPLICATION || objectType === PARAMETRIC_STEREO) {
    outputRate = readRate(bits).sampleRate;
    objectType = readObjectType(bits);
  }
  if (objectType !== LOW_COMPLEXITY)
    throw unsupported(`AAC: expected low complexity (2), got object type ${objectType}`);
  if (bits.read(1) === 1) throw unsupported("AAC: expected frames of 1024 samples, got 960");
  if (bits.read(1) === 1) throw unsupported("AAC: expected no core coder, got one");
  bits.read(1);
  if (channels < 1 || channels > 7) {
    throw unsupported(`AAC: expected a channelConfiguration of 1 to 7, got ${channels}`);
  }
  if (extension === LOW_COMPLEXITY && bits.left >= 17 && bits.read(11) === SBR_SYNC) {
    if (readObjectType(bits) === SPECTRAL_BAND_REPLICATION && bits.read(1) === 1) {
      extension = SPECTRAL_BAND_REPLICATION;
      outputRate = readRate(bits).sampleRate;
    }
  }
  return { aac: { objectType, ...core, channels, outputRate }, codec: `mp4a.40.${extension}` };
}

function readObjectType(bits: BitReader): number {
  const type = bits.read(5);
  return type === 31 ? 32 + bits.read(6) : type;
}

function readRate(bits: BitReader): { readonly sampleRateIndex: number; readonly sampleRate: number } {
  const index = bits.read(4);
  const sampleRate = index === EXPLICIT_RATE ? bits.read(24) : (SAMPLE_RATES[index] ?? 0);
  const sampleRateIndex = SAMPLE_RATES.indexOf(sampleRate);
  if (sampleRateIndex >= 0) return { sampleRateIndex, sampleRate };
  throw unsupported(`AAC: expected one of the standard's sample rates, got ${sampleRate} (index ${index})`);
}

class BitReader {
  readonly #bytes: Uint8Array;
  /** In bits. */
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  read(count: number): number {
    if (count > this.left) throw unreadable(`AAC: expected ${count} more bits of configuration, got ${this.left}`);
    let value = 0;
    for (const end = this.#at + count; this.#at < end; this.#at++) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }
}
