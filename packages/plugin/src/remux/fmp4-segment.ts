/**
 * A segment as a fragment of MP4 for each track. Pictures that are shown before they are decoded have negative composition offsets.
 *
 * @see ISO/IEC 23000-19 §7.5 (CMAF; brand `cmf2` allows version 1 of `trun`), ISO/IEC 14496-12 §8.8
 */
import { LARGEST_SEGMENT, SLICE_BYTES, takeSample } from "./byte-sink.ts";
import { formatBox, formatFullBox, joinBytes, latin1, u32, u64 } from "./fmp4-boxes.ts";
import { MediaRefusal } from "./movie.ts";
import type { MadeSegment, PictureJob, SegmentJob, SoundJob } from "./segment-job.ts";

const TRACK_ID = 1;
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

/** One track's part of the segment. */
interface Run {
  /** Ticks: when its first sample is decoded. */
  readonly decodeTime: number;
  readonly samples: readonly RunSample[];
}

interface RunSample {
  readonly bytes: Uint8Array;
  /** Ticks. */
  readonly duration: number;
  /** From decoding to presentation, may be negative. Ticks. */
  readonly delay: number;
  readonly flags: number;
}

/**
 * Stops about every 64 kB.
 *
 * @throws MediaRefusal
 */
export function* writeFragments({ index, video, audio }: SegmentJob, bytes: Uint8Array): Generator<void, MadeSegment> {
  // counted from 1
  const sequence = index + 1;
  const main = yield* writeFragment(sequence, readPictures(video, bytes));
  return { main, audio: yield* writeFragment(sequence, readFrames(audio, bytes)) };
}

function readPictures(video: PictureJob, bytes: Uint8Array): Run {
  const samples = Array.from(video.sizes, (size, index) => ({
    bytes: takeSample(bytes, video.offsets[index] ?? -1, size),
    duration: video.durations[index] ?? 0,
    delay: (video.times[index] ?? 0) - (video.decodeTimes[index] ?? 0),
    flags: video.isKey[index] === 1 ? KEY : NOT_KEY,
  }));
  return { decodeTime: video.decodeTimes[0] ?? 0, samples };
}

function readFrames(audio: SoundJob, bytes: Uint8Array): Run {
  const samples = Array.from(audio.offsets, (offset, index) => ({
    bytes: offset < 0 ? audio.silence : takeSample(bytes, offset, audio.sizes[index] ?? 0),
    duration: audio.durations[index] ?? 0,
    delay: 0,
    flags: KEY,
  }));
  return { decodeTime: audio.times[0] ?? 0, samples };
}

/** `styp`, `moof`, `mdat`. */
function* writeFragment(sequence: number, run: Run): Generator<void, Uint8Array<ArrayBuffer>> {
  const styp = formatBox("styp", latin1("msdh\0\0\0\0msdhcmfscmff"));
  const moof = formatMovieFragment(sequence, run);
  const size = run.samples.reduce((sum, { bytes }) => sum + bytes.length, 8);
  // samples of a broken file may lie over one another
  if (size > LARGEST_SEGMENT)
    throw new MediaRefusal("unsupported-media-file", `segment: expected ${LARGEST_SEGMENT} bytes at most, got ${size}`);
  const head = joinBytes([styp, moof, u32(size), latin1("mdat")]);
  const segment = new Uint8Array(head.length - 8 + size);
  segment.set(head);
  let at = head.length;
  let stopped = 0;
  for (const { bytes } of run.samples) {
    segment.set(bytes, at);
    at += bytes.length;
    if (at - stopped < SLICE_BYTES) continue;
    stopped = at;
    yield;
  }
  return segment;
}

function formatMovieFragment(sequence: number, { decodeTime, samples }: Run): Uint8Array {
  const [first] = samples;
  const duration = first?.duration ?? 0;
  const has = {
    duration: samples.some((sample) => sample.duration !== duration),
    flags: samples.some(({ flags }) => flags !== first?.flags),
    delay: samples.some(({ delay }) => delay !== 0),
  };
  const runFlags =
    RUN_HAS_OFFSET +
    RUN_HAS_SIZE +
    (has.duration ? RUN_HAS_DURATION : 0) +
    (has.flags ? RUN_HAS_FLAGS : 0) +
    (has.delay ? RUN_HAS_DELAY : 0);
  const rows = joinBytes(
    samples.map((sample) =>
      u32(
        ...(has.duration ? [sample.duration] : []),
        sample.bytes.length,
        ...(has.flags ? [sample.flags] : []),
        ...(has.delay ? [sample.delay] : []),
      ),
    ),
  );
  const traf = formatBox(
    "traf",
    formatFullBox("tfhd", 0, BASE_IS_MOOF + HAS_DURATION + HAS_FLAGS, u32(TRACK_ID, duration, first?.flags ?? 0)),
    formatFullBox("tfdt", 1, 0, u64(decodeTime)),
    formatFullBox("trun", 1, runFlags, u32(samples.length, 0), rows),
  );
  const moof = formatBox("moof", formatFullBox("mfhd", 0, 0, u32(sequence)), traf);
  // The media begins behind the header of mdat; the word that says so stands before the rows, which end the box.
  new DataView(moof.buffer).setUint32(moof.length - rows.length - 4, moof.length + 8);
  return moof;
}
