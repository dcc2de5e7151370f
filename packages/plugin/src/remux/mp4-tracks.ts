/**
 * Which tracks of a movie are played: of pictures and of sound the first that can be repackaged, an enabled one before
 * others.
 *
 * @see ISO/IEC 14496-12 §8.2.2, §8.3, §8.4
 */
import { ByteReader, unreadable } from "./bytes.ts";
import { expectBox, findBox, listBoxes, openBox, type Box } from "./mp4-boxes.ts";
import { readDescription, type Description } from "./mp4-descriptions.ts";
import { readEdit, type Edit } from "./mp4-edits.ts";

export interface Track {
  readonly id: number;
  readonly isEnabled: boolean;
  /** a, b, u, c, d of the transformation, where 1 is 0x10000. */
  readonly matrix: readonly number[];
  readonly timescale: number;
  readonly edit: () => Edit;
  readonly description: Description;
  /** The boxes in `stbl`. */
  readonly tables: readonly Box[];
}

export interface Tracks {
  readonly video: Track | undefined;
  readonly audio: Track | undefined;
}

const ENABLED = 1;
const MAX_TRACKS = 64;

/**
 * @param moov the whole box
 * @throws MediaRefusal
 */
export function readTracks(moov: Uint8Array): Tracks {
  const boxes = listBoxes(openBox(moov, "moov"), "moov");
  const movieTimescale = readTimescale(expectBox(boxes, "mvhd", "moov"), "MP4 mvhd");
  const traks = boxes.filter((box) => box.type === "trak");
  if (traks.length > MAX_TRACKS)
    throw unreadable(`MP4 moov: expected at most ${MAX_TRACKS} tracks, got ${traks.length}`);
  const video: Track[] = [];
  const audio: Track[] = [];
  for (const { body } of traks) {
    const trak = listBoxes(body, "trak");
    const media = listBoxes(expectBox(trak, "mdia", "trak"), "mdia");
    const handler = readHandler(expectBox(media, "hdlr", "mdia"));
    if (handler === "vide") video.push(readTrack(trak, media, movieTimescale));
    if (handler === "soun") audio.push(readTrack(trak, media, movieTimescale));
  }
  return { video: selectTrack(video, ["avc1", "avc3"]), audio: selectTrack(audio, ["mp4a"]) };
}

function selectTrack(tracks: readonly Track[], codings: readonly string[]): Track | undefined {
  const isReadable = ({ description }: Track): boolean => codings.includes(description.rows[0]?.type ?? "");
  const enabled = tracks.filter((track) => track.isEnabled);
  return enabled.find(isReadable) ?? tracks.find(isReadable) ?? enabled[0] ?? tracks[0];
}

function readHandler(hdlr: Uint8Array): string {
  const reader = new ByteReader(hdlr, "MP4 hdlr");
  reader.skip(8);
  return String.fromCharCode(...reader.readBytes(4));
}

function readTrack(trak: readonly Box[], media: readonly Box[], movieTimescale: number): Track {
  const timescale = readTimescale(expectBox(media, "mdhd", "mdia"), "MP4 mdhd");
  const information = listBoxes(expectBox(media, "minf", "mdia"), "minf");
  const tables = listBoxes(expectBox(information, "stbl", "minf"), "stbl");
  const edits = findBox(trak, "edts");
  return {
    ...readHeader(expectBox(trak, "tkhd", "trak")),
    timescale,
    edit: () => readEdit(edits && findBox(listBoxes(edits, "edts"), "elst"), movieTimescale, timescale),
    description: readDescription(expectBox(tables, "stsd", "stbl")),
    tables,
  };
}

function readHeader(tkhd: Uint8Array): Pick<Track, "id" | "isEnabled" | "matrix"> {
  const reader = new ByteReader(tkhd, "MP4 tkhd");
  const isLong = reader.readU8() === 1;
  const flags = reader.readU24();
  reader.skip(isLong ? 16 : 8);
  const id = reader.readU32();
  reader.skip(isLong ? 28 : 24);
  const matrix = Array.from({ length: 5 }, () => reader.readI32());
  return { id, isEnabled: (flags & ENABLED) > 0, matrix };
}

/** Of `mvhd` and `mdhd`, which begin alike: ticks in a second. */
function readTimescale(header: Uint8Array, part: string): number {
  const reader = new ByteReader(header, part);
  const isLong = reader.readU8() === 1;
  reader.skip(isLong ? 19 : 11);
  const timescale = reader.readU32();
  if (timescale > 0) return timescale;
  throw unreadable(`${part}: expected a timescale, got 0`);
}
