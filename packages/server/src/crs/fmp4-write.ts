/**
 * Writes a track as fragmented MP4: an initialization segment, then one fragment per media segment. No edit list: sound and
 * picture both begin at presentation time 0, pictures that are shown before they are decoded have negative composition offsets.
 *
 * @see ISO/IEC 23000-19 §7.3, §7.5 (CMAF; brand `cmf2` allows version 1 of `trun` and forbids edit lists for video)
 */
import { formatBox, formatFullBox, u16, u32, u64 } from "./fmp4-boxes.ts";

export interface FragmentTrack {
  readonly kind: "video" | "audio";
  /** Ticks per second. */
  readonly timescale: number;
  /** The body of `stsd`. */
  readonly description: Buffer;
  /** 0 for sound. */
  readonly width: number;
  readonly height: number;
}

export interface FragmentSample {
  readonly size: number;
  /** Ticks. */
  readonly duration: number;
  /** From decoding to presentation, may be negative. Ticks. */
  readonly delay: number;
  readonly isKey: boolean;
}

export interface Fragment {
  /** 1 for the first of its track. */
  readonly sequence: number;
  /** When the first sample is decoded, ticks. */
  readonly decodeTime: number;
  readonly samples: readonly FragmentSample[];
  /** The samples, one after the other. */
  readonly media: Buffer;
  /** Whole `emsg` boxes. */
  readonly events: readonly Buffer[];
}

const TRACK_ID = 1;
const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** `ftyp` and `moov`. */
export function formatInitSegment(track: FragmentTrack): Buffer {
  const brands = Buffer.from("iso6\0\0\0\0iso6cmfccmf2mp41", "latin1");
  const mvhd = formatFullBox("mvhd", 0, 0, u32(0, 0, 1000, 0, 0x10000), u16(0x0100, 0), u32(0, 0), MATRIX, MOVIE_END);
  const trex = formatFullBox("trex", 0, 0, u32(TRACK_ID, 1, 0, 0, 0));
  return Buffer.concat([
    formatBox("ftyp", brands),
    formatBox("moov", mvhd, formatTrack(track), formatBox("mvex", trex)),
  ]);
}

/** Six reserved words, and the next track's number. */
const MOVIE_END = u32(0, 0, 0, 0, 0, 0, TRACK_ID + 1);
/** `und`, in five bits per letter. */
const UNDETERMINED = 0x55c4;

function formatTrack({ kind, timescale, description, width, height }: FragmentTrack): Buffer {
  const isVideo = kind === "video";
  const size = u32(width * 65_536, height * 65_536);
  const volume = u16(0, 0, isVideo ? 0 : 0x0100, 0);
  const tkhd = formatFullBox("tkhd", 0, 7, u32(0, 0, TRACK_ID, 0, 0, 0, 0), volume, MATRIX, size);
  const mdhd = formatFullBox("mdhd", 0, 0, u32(0, 0, timescale, 0), u16(UNDETERMINED, 0));
  const name = Buffer.from(isVideo ? "VideoHandler\0" : "SoundHandler\0", "latin1");
  const hdlr = formatFullBox("hdlr", 0, 0, u32(0), Buffer.from(isVideo ? "vide" : "soun"), u32(0, 0, 0), name);
  const head = isVideo ? formatFullBox("vmhd", 0, 1, u16(0, 0, 0, 0)) : formatFullBox("smhd", 0, 0, u16(0, 0));
  // The media is in the same file.
  const dinf = formatBox("dinf", formatFullBox("dref", 0, 0, u32(1), formatFullBox("url ", 0, 1)));
  const stbl = formatBox(
    "stbl",
    formatBox("stsd", description),
    ...["stts", "stsc", "stco"].map((type) => formatFullBox(type, 0, 0, u32(0))),
    formatFullBox("stsz", 0, 0, u32(0, 0)),
  );
  return formatBox("trak", tkhd, formatBox("mdia", mdhd, hdlr, formatBox("minf", head, dinf, stbl)));
}

const BASE_IS_MOOF = 0x020000;
const HAS_DURATION = 0x08;
const HAS_FLAGS = 0x20;
/** Depends on no other sample; depends on others, and is no place to begin. */
const KEY = 0x02000000;
const NOT_KEY = 0x01010000;
const RUN_HAS_OFFSET = 0x001;
const RUN_HAS_DURATION = 0x100;
const RUN_HAS_SIZE = 0x200;
const RUN_HAS_FLAGS = 0x400;
const RUN_HAS_DELAY = 0x800;

/** `styp`, events, `moof`, `mdat`. */
export function formatMediaSegment(fragment: Fragment): Buffer {
  const styp = formatBox("styp", Buffer.from("msdh\0\0\0\0msdhcmfscmff", "latin1"));
  const size = formatMovieFragment(fragment, 0).length;
  // Past the header of mdat.
  const moof = formatMovieFragment(fragment, size + 8);
  return Buffer.concat([styp, ...fragment.events, moof, formatBox("mdat", fragment.media)]);
}

/** @param dataOffset from its own first byte to that of the media */
function formatMovieFragment({ sequence, decodeTime, samples }: Fragment, dataOffset: number): Buffer {
  const [first] = samples;
  const duration = first?.duration ?? 0;
  const flagsOf = ({ isKey }: FragmentSample): number => (isKey ? KEY : NOT_KEY);
  const hasDuration = samples.some((sample) => sample.duration !== duration);
  const hasFlags = samples.some((sample) => sample.isKey !== first?.isKey);
  const hasDelay = samples.some(({ delay }) => delay !== 0);
  const flags =
    RUN_HAS_OFFSET +
    RUN_HAS_SIZE +
    (hasDuration ? RUN_HAS_DURATION : 0) +
    (hasFlags ? RUN_HAS_FLAGS : 0) +
    (hasDelay ? RUN_HAS_DELAY : 0);
  const rows = samples.flatMap((sample) => [
    ...(hasDuration ? [sample.duration] : []),
    sample.size,
    ...(hasFlags ? [flagsOf(sample)] : []),
    // Two's complement.
    ...(hasDelay ? [sample.delay >>> 0] : []),
  ]);
  const defaults = u32(TRACK_ID, duration, first ? flagsOf(first) : 0);
  const traf = formatBox(
    "traf",
    formatFullBox("tfhd", 0, BASE_IS_MOOF + HAS_DURATION + HAS_FLAGS, defaults),
    formatFullBox("tfdt", 1, 0, u64(decodeTime)),
    formatFullBox("trun", 1, flags, u32(samples.length, dataOffset, ...rows)),
  );
  return formatBox("moof", formatFullBox("mfhd", 0, 0, u32(sequence)), traf);
}
