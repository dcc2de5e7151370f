/**
 * The initialisation segment of one track of fragmented MP4: the file's own description of the samples, in a movie that has none yet.
 * No edit list: sound and pictures are written at their times. What turns a picture stays in its matrix, where players look for it.
 *
 * @see ISO/IEC 23000-19 §7.3 (CMAF; brand `cmf2` forbids edit lists for video), ISO/IEC 14496-12 §8.3.2 (matrix)
 */
import { formatBox, formatFullBox, joinBytes, latin1, u16, u32 } from "./fmp4-boxes.ts";
import type { VideoTrack } from "./movie.ts";

export interface InitTrack {
  readonly kind: "video" | "audio";
  /** Ticks in a second. */
  readonly timescale: number;
  /** One row of `stsd`, whole. */
  readonly description: Uint8Array;
  /** Pixels, as coded; of sound none. */
  readonly width?: number;
  readonly height?: number;
  /** Degrees clockwise; 0 where it is not said. */
  readonly rotation?: VideoTrack["rotation"];
}

const TRACK_ID = 1;
const ONE = 0x10000;
/** The last of a matrix's words is a fraction of 30 bits. */
const MATRIX_END = 0x40000000;
/** Six reserved words, and the next track's number. */
const MOVIE_END = u32(0, 0, 0, 0, 0, 0, TRACK_ID + 1);
/** `und`, in five bits per letter. */
const UNDETERMINED = 0x55c4;

/** `ftyp` and `moov`. */
export function writeInitSegment(track: InitTrack): Uint8Array<ArrayBuffer> {
  const brands = latin1("iso6\0\0\0\0iso6cmfccmf2mp41");
  const upright = formatMatrix(0, 0, 0);
  const mvhd = formatFullBox("mvhd", 0, 0, u32(0, 0, 1000, 0, ONE), u16(0x0100, 0), u32(0, 0), upright, MOVIE_END);
  const trex = formatFullBox("trex", 0, 0, u32(TRACK_ID, 1, 0, 0, 0));
  return joinBytes([formatBox("ftyp", brands), formatBox("moov", mvhd, formatTrack(track), formatBox("mvex", trex))]);
}

function formatTrack({ kind, timescale, description, width = 0, height = 0, rotation = 0 }: InitTrack): Uint8Array {
  const isVideo = kind === "video";
  const matrix = formatMatrix(rotation, width, height);
  const volume = u16(0, 0, isVideo ? 0 : 0x0100, 0);
  const tkhd = formatFullBox(
    "tkhd",
    0,
    7,
    u32(0, 0, TRACK_ID, 0, 0, 0, 0),
    volume,
    matrix,
    u32(width * ONE, height * ONE),
  );
  const mdhd = formatFullBox("mdhd", 0, 0, u32(0, 0, timescale, 0), u16(UNDETERMINED, 0));
  const name = latin1(isVideo ? "VideoHandler\0" : "SoundHandler\0");
  const hdlr = formatFullBox("hdlr", 0, 0, u32(0), latin1(isVideo ? "vide" : "soun"), u32(0, 0, 0), name);
  const head = isVideo ? formatFullBox("vmhd", 0, 1, u16(0, 0, 0, 0)) : formatFullBox("smhd", 0, 0, u16(0, 0));
  // The media is in the same file.
  const dinf = formatBox("dinf", formatFullBox("dref", 0, 0, u32(1), formatFullBox("url ", 0, 1)));
  const stbl = formatBox(
    "stbl",
    formatFullBox("stsd", 0, 0, u32(1), description),
    ...["stts", "stsc", "stco"].map((type) => formatFullBox(type, 0, 0, u32(0))),
    formatFullBox("stsz", 0, 0, u32(0, 0)),
  );
  return formatBox("trak", tkhd, formatBox("mdia", mdhd, hdlr, formatBox("minf", head, dinf, stbl)));
}

/** What turns a picture and moves its upper left corner back to 0: a, b, x and y. */
const TURNS: Readonly<
  Record<VideoTrack["rotation"], (width: number, height: number) => readonly [number, number, number, number]>
> = {
  0: () => [1, 0, 0, 0],
  90: (_, height) => [0, 1, height, 0],
  180: (width, height) => [-1, 0, width, height],
  270: (width) => [0, -1, 0, width],
};

function formatMatrix(rotation: VideoTrack["rotation"], width: number, height: number): Uint8Array {
  const [a, b, x, y] = TURNS[rotation](width, height);
  return u32(a * ONE, b * ONE, 0, -b * ONE, a * ONE, 0, x * ONE, y * ONE, MATRIX_END);
}
