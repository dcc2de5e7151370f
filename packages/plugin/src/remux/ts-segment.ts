/**
 * A segment of MPEG-TS: its tables, then pictures and sound in the order of decoding.
 *
 * @see RFC 8216 §3.2 (a segment begins with PAT and PMT), ISO/IEC 13818-1 §2.4.3.7, §2.7.4 (times of each picture)
 */
import { FRAME_SAMPLES } from "./aac-frame.ts";
import { writeAdts } from "./adts.ts";
import { writePicture } from "./annex-b.ts";
import { ByteSink, takeSample } from "./byte-sink.ts";
import { MediaRefusal } from "./movie.ts";
import type { PictureJob, SegmentJob, SoundJob } from "./segment-job.ts";
import { beginPes, closePes, type PacketStream, writeTable, writeUnit } from "./ts-packets.ts";
import { PICTURE_PID, SOUND_PID, TABLES } from "./ts-tables.ts";

const PICTURE_STREAM = 0xe0;
const SOUND_STREAM = 0xc0;
/** Ticks of 90 kHz that a picture is on its way before it is decoded. */
const DELAY = 9000;
/** Of sound in one PES packet, unless one frame alone is larger. */
const MOST_FRAMES = 6;
const MOST_FRAME_BYTES = 2800;
/** Ticks: a frame that is off by more gets its own time. */
const TOLERANCE = 90;

interface Streams {
  readonly sink: ByteSink;
  /** The PES packet that is being written. */
  readonly unit: ByteSink;
  readonly bytes: Uint8Array;
  readonly pictures: PacketStream;
  readonly sound: PacketStream;
}

/**
 * Stops about every 64 kB.
 *
 * @throws MediaRefusal
 */
export function* writeTransportStream(job: SegmentJob, bytes: Uint8Array): Generator<void, Uint8Array<ArrayBuffer>> {
  const { index, video, audio } = job;
  const sink = new ByteSink(Math.ceil(bytes.length * 1.1));
  const pictures = { pid: PICTURE_PID, count: 0 };
  const streams = { sink, unit: new ByteSink(2 ** 16), bytes, pictures, sound: { pid: SOUND_PID, count: 0 } };
  for (const table of TABLES) writeTable(sink, table, index);
  let frame = 0;
  for (const [picture, decodeTime] of video.decodeTimes.entries()) {
    while ((audio.times[frame] ?? Infinity) <= decodeTime) frame = yield* writeFrames(streams, audio, frame);
    yield* writeOne(streams, video, picture);
  }
  while (frame < audio.times.length) frame = yield* writeFrames(streams, audio, frame);
  // the largest step of all
  yield;
  return sink.bytes.slice(0, sink.length);
}

function* writeOne({ sink, unit, bytes, pictures }: Streams, video: PictureJob, index: number): Generator<void, void> {
  const entry = video.entries[index] ?? 0;
  const config = video.configs[entry];
  if (!config)
    throw new MediaRefusal("unsupported-media-file", `picture: expected one of ${video.configs.length} descriptions`);
  const decodeTime = video.decodeTimes[index] ?? 0;
  const sample = takeSample(bytes, video.offsets[index] ?? -1, video.sizes[index] ?? 0);
  const isKey = video.isKey[index] === 1;
  // another description's sets do not serve
  const hasSets = isKey || index === 0 || entry !== video.entries[index - 1];
  beginPes(unit, PICTURE_STREAM, video.times[index] ?? decodeTime, decodeTime);
  if (!(yield* writePicture(unit, sample, config, hasSets))) return;
  yield* writeUnit(sink, pictures, unit.bytes.subarray(0, unit.length), { clock: decodeTime - DELAY, isKey });
}

/** Frames from `first` on that go into one PES packet. @returns the frame after them */
function* writeFrames({ sink, unit, bytes, sound }: Streams, audio: SoundJob, first: number): Generator<void, number> {
  const time = audio.times[first] ?? 0;
  const ticks = (FRAME_SAMPLES * 90_000) / audio.aac.sampleRate;
  const fits = (frame: number): boolean =>
    frame < audio.times.length &&
    frame - first < MOST_FRAMES &&
    Math.abs((audio.times[frame] ?? 0) - time - (frame - first) * ticks) <= TOLERANCE;
  beginPes(unit, SOUND_STREAM, time);
  let frame = first;
  do {
    const offset = audio.offsets[frame] ?? -1;
    writeAdts(unit, audio.aac, offset < 0 ? audio.silence : takeSample(bytes, offset, audio.sizes[frame] ?? 0));
    frame += 1;
  } while (fits(frame) && unit.length + (audio.sizes[frame] ?? 0) <= MOST_FRAME_BYTES);
  closePes(unit);
  yield* writeUnit(sink, sound, unit.bytes.subarray(0, unit.length));
  return frame;
}
