/**
 * How the samples of a track are coded, and the row of `stsd` that says so in an initialisation segment: QuickTime's longer
 * rows of sound are written as the standard has them, since browsers read no others.
 *
 * @see ISO/IEC 14496-12 §8.5.2, §12.1.3, §12.2.3; 14496-14 §5.6; QuickTime File Format, "Sound Sample Descriptions"
 */
import { parseEsds } from "./aac-config.ts";
import { formatAvcProfile, parseAvcConfig } from "./avc-config.ts";
import { ByteReader, unreadable, unsupported } from "./bytes.ts";
import { expectBox, findBox, listBoxes, type Box } from "./mp4-boxes.ts";
import type { AacConfig, AvcConfig } from "./movie.ts";

export interface Description {
  /** Never empty. */
  readonly rows: readonly Box[];
  /** Whether QuickTime's versions of a row of sound hold, ISO/IEC 14496-12 §12.2.3. */
  readonly isQuickTime: boolean;
}

export interface PictureDescription {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly entries: readonly AvcConfig[];
  readonly description: Uint8Array;
}

export interface SoundDescription {
  readonly codec: string;
  readonly aac: AacConfig;
  readonly description: Uint8Array;
}

const PICTURE_FIELDS = 78;
const SOUND_FIELDS = 28;
/** What QuickTime puts behind them, by version. */
const MORE_SOUND_FIELDS = [0, 16, 36];
/** A sample's row is told in one byte. */
const MAX_ROWS = 255;

/** @param stsd the body of the box */
export function readDescription(stsd: Uint8Array): Description {
  const reader = new ByteReader(stsd, "MP4 stsd");
  const isQuickTime = reader.readU8() === 0;
  reader.skip(3);
  const count = reader.readCount(8);
  const rows = listBoxes(reader.readBytes(reader.left), "stsd").slice(0, count);
  if (rows.length > 0 && rows.length <= MAX_ROWS) return { rows, isQuickTime };
  throw unreadable(`MP4 stsd: expected 1 to ${MAX_ROWS} rows, got ${rows.length}`);
}

/** @throws MediaRefusal `unsupported-media-file` when a row is not H.264 */
export function describePictures({ rows }: Description): PictureDescription {
  const pictures = rows.map(describePicture);
  const [first] = pictures;
  if (!first) throw unreadable("MP4 stsd: expected a row, got none");
  return { ...first, entries: pictures.flatMap(({ entries }) => entries) };
}

function describePicture({ type, body }: Box): PictureDescription {
  if (type !== "avc1" && type !== "avc3") throw unsupported(`MP4 stsd: expected avc1 or avc3, got ${type}`);
  const reader = new ByteReader(body, `MP4 ${type}`);
  const fields = reader.readBytes(PICTURE_FIELDS);
  const size = new ByteReader(fields.subarray(24), `MP4 ${type}`);
  const boxes = listBoxes(reader.readBytes(reader.left), type);
  const avcC = expectBox(boxes, "avcC", type);
  const config = parseAvcConfig(avcC);
  if (type === "avc1" && (config.sps.length === 0 || config.pps.length === 0)) {
    throw unreadable("MP4 avcC: expected a sequence and a picture parameter set, got none");
  }
  return {
    codec: `${type}.${formatAvcProfile(avcC)}`,
    width: size.readU16(),
    height: size.readU16(),
    entries: [config],
    description: writeRow(type, fields, boxes),
  };
}

/** @throws MediaRefusal `unsupported-media-file` when a row is not AAC, or they differ */
export function describeSound({ rows, isQuickTime }: Description): SoundDescription {
  const [first, ...others] = rows.map((row) => describeSoundRow(row, isQuickTime));
  if (!first) throw unreadable("MP4 stsd: expected a row, got none");
  const isOther = ({ codec, aac }: SoundDescription): boolean =>
    codec !== first.codec || aac.sampleRate !== first.aac.sampleRate || aac.channels !== first.aac.channels;
  if (others.some(isOther)) throw unsupported("MP4 stsd: expected one coding of the sound, got several");
  return first;
}

function describeSoundRow({ type, body }: Box, isQuickTime: boolean): SoundDescription {
  if (type !== "mp4a") throw unsupported(`MP4 stsd: expected mp4a, got ${type}`);
  const reader = new ByteReader(body, "MP4 mp4a");
  reader.skip(8);
  const version = reader.readU16();
  reader.skip(SOUND_FIELDS - 10 + (isQuickTime ? (MORE_SOUND_FIELDS[version] ?? 0) : 0));
  const boxes = listBoxes(reader.readBytes(reader.left), "mp4a");
  const wave = findBox(boxes, "wave");
  const isDirect = boxes.some((box) => box.type === "esds");
  const holder = wave && !isDirect ? listBoxes(wave, "wave") : boxes;
  const { aac, codec } = parseEsds(expectBox(holder, "esds", "mp4a"));
  const fields = writeSoundFields(aac);
  return { aac, codec, description: writeRow(type, fields, holder.filter((box) => box.type === "esds").slice(0, 1)) };
}

function writeSoundFields({ channels, outputRate }: AacConfig): Uint8Array {
  const fields = new Uint8Array(SOUND_FIELDS);
  const view = new DataView(fields.buffer);
  view.setUint16(16, channels === 7 ? 8 : channels);
  view.setUint16(18, 16);
  // beyond 65535 Hz the field cannot say it, and readers take the esds' word
  view.setUint16(24, outputRate < 65_536 ? outputRate : 0);
  return fields;
}

/** With the first data reference: an initialisation segment has no other. */
function writeRow(type: string, fields: Uint8Array, boxes: readonly Box[]): Uint8Array {
  const size = boxes.reduce((sum, box) => sum + box.whole.length, 8 + fields.length);
  const row = new Uint8Array(size);
  const view = new DataView(row.buffer);
  view.setUint32(0, size);
  for (let index = 0; index < 4; index++) view.setUint8(4 + index, type.charCodeAt(index));
  row.set(fields, 8);
  view.setUint16(14, 1);
  let at = 8 + fields.length;
  for (const { whole } of boxes) {
    row.set(whole, at);
    at += whole.length;
  }
  return row;
}
