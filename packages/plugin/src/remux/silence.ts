/**
 * Silence as AAC-LC: frames without a sound in them for every arrangement of channels, and the track of a creative that has none.
 *
 * @see ISO/IEC 14496-3 §4.4.2.1 (raw_data_block), §1.6.3.5 (channelConfiguration), 14496-14 §5.6 (esds)
 */
import { MediaRefusal, type AacConfig } from "./movie.ts";

/** What content has as a rule. */
export const SILENT_TRACK: AacConfig = {
  objectType: 2,
  sampleRateIndex: 3,
  sampleRate: 48_000,
  channels: 2,
  outputRate: 48_000,
};

/** Bits, parted into fields. An ics_info of long windows with one band, in which nothing was predicted. */
const WINDOW = "0 00 0 000001 0";
/** A section of that one band with the codebook of zeros; no pulses, no noise shaping, no gain control. */
const NOTHING = "0000 00001 0 0 0";
const GAIN = "01100100";
const MONO = `${GAIN} ${WINDOW} ${NOTHING}`;
/** Two channels with one window, and none of their bands as a sum and a difference. */
const PAIR = `1 ${WINDOW} 01 0 ${GAIN} ${NOTHING} ${GAIN} ${NOTHING}`;
const ELEMENTS = { single: { id: "000", body: MONO }, pair: { id: "001", body: PAIR }, low: { id: "011", body: MONO } };
const END = "111";
/** By channelConfiguration. */
const ARRANGEMENTS: readonly (readonly (keyof typeof ELEMENTS)[])[] = [
  [],
  ["single"],
  ["pair"],
  ["single", "pair"],
  ["single", "pair", "single"],
  ["single", "pair", "pair"],
  ["single", "pair", "pair", "low"],
  ["single", "pair", "pair", "pair", "low"],
];

/**
 * The payload of one frame.
 *
 * @param channels channelConfiguration
 * @throws MediaRefusal `unsupported-media-file` where it is none of 1 to 7
 */
export function createSilentFrame(channels: number): Uint8Array {
  const elements = ARRANGEMENTS[channels] ?? [];
  if (elements.length === 0)
    throw new MediaRefusal(
      "unsupported-media-file",
      `sound: expected 1 to 7 as channel configuration, got ${channels}`,
    );
  const counts = { single: 0, pair: 0, low: 0 };
  const bits = elements.map((kind) => {
    const { id, body } = ELEMENTS[kind];
    return id + (counts[kind]++).toString(2).padStart(4, "0") + body;
  });
  const text = `${bits.join("")}${END}`.replaceAll(" ", "");
  return Uint8Array.from({ length: Math.ceil(text.length / 8) }, (_, index) =>
    Number.parseInt(text.slice(index * 8, index * 8 + 8).padEnd(8, "0"), 2),
  );
}

/** The row of `stsd` that {@link SILENT_TRACK} has. */
export function describeSilentTrack(): Uint8Array {
  // ES_Descriptor, DecoderConfigDescriptor (audio, 128 kbit/s), AudioSpecificConfig, SLConfigDescriptor
  const descriptors = [
    [0x03, 0x19, 0, 0, 0],
    [0x04, 0x11, 0x40, 0x15, 0, 0, 0, 0, 1, 0xf4, 0, 0, 1, 0xf4, 0],
    [0x05, 0x02, 0x11, 0x90],
    [0x06, 0x01, 0x02],
  ].flat();
  const esds = [0, 0, 0, 12 + descriptors.length, ...nameOf("esds"), 0, 0, 0, 0, ...descriptors];
  const entry = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0];
  return Uint8Array.from([0, 0, 0, 8 + entry.length + esds.length, ...nameOf("mp4a"), ...entry, ...esds]);
}

function nameOf(text: string): readonly number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
