/**
 * The header in front of each AAC frame in a transport stream. HE-AAC goes as the core that it is made of: decoders find the rest.
 *
 * @see ISO/IEC 14496-3 §1.A.2.2 (adts_fixed_header, adts_variable_header)
 */
import { ADTS_HEADER_BYTES, MOST_ADTS_PAYLOAD } from "./aac-frame.ts";
import type { ByteSink } from "./byte-sink.ts";
import { type AacConfig, MediaRefusal } from "./movie.ts";

const LAST_RATE = 12;

/**
 * Appends a frame with its header.
 *
 * @throws MediaRefusal `unsupported-media-file` where ADTS has no word for it
 */
export function writeAdts(sink: ByteSink, aac: AacConfig, payload: Uint8Array): void {
  const { objectType, sampleRateIndex, channels } = aac;
  const length = ADTS_HEADER_BYTES + payload.length;
  const isKnown = objectType >= 1 && objectType <= 4 && sampleRateIndex <= LAST_RATE && channels >= 1 && channels <= 7;
  if (!isKnown || payload.length > MOST_ADTS_PAYLOAD)
    throw new MediaRefusal(
      "unsupported-media-file",
      `AAC: expected what ADTS can say, got type ${objectType}, rate ${sampleRateIndex}, ${channels} channels, ${payload.length} bytes`,
    );
  const at = sink.reserve(ADTS_HEADER_BYTES);
  sink.bytes.set(
    [
      0xff,
      0xf1,
      ((objectType - 1) << 6) | (sampleRateIndex << 2) | (channels >> 2),
      ((channels & 3) << 6) | (length >> 11),
      (length >> 3) & 0xff,
      ((length & 7) << 5) | 0x1f,
      0xfc,
    ],
    at,
  );
  sink.append(payload);
}
