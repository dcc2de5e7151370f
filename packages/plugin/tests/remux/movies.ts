/** Movies as the readers of boxes hand them over, of any rhythm, order and layout, without a file. */
import type { AacConfig, AudioTrack, Movie, SampleTable, VideoTrack } from "../../src/remux/movie.ts";
import type { PlannedSegment } from "../../src/remux/segment-job.ts";

export interface PictureFacts {
  /** Ticks, in decoding order. */
  readonly times: readonly number[];
  /** Indices of key frames; default: the first. */
  readonly keys?: readonly number[];
  readonly timescale?: number;
  /** Of the last picture; default: as long as the first. */
  readonly last?: number;
  readonly rotation?: VideoTrack["rotation"];
  readonly entries?: readonly number[];
}

export interface SoundFacts {
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly timescale?: number;
  /** Seconds that the first frame is due at; a frame of priming is −1024 samples. */
  readonly start?: number;
  readonly count: number;
}

const PICTURE_SIZE = 1000;
const SOUND_SIZE = 200;

/** Ticks of pictures that all last equally long, each the same number of ticks. */
export function constantRate(count: number, ticks = 1): readonly number[] {
  return Array.from({ length: count }, (_, index) => index * ticks);
}

/** Puts pictures into the order in which groups of `depth` B-frames, the middle one first, are decoded; key frames stay in place. */
export function reorder(times: readonly number[], depth: number, isKey: (index: number) => boolean): readonly number[] {
  const order: number[] = [];
  for (let index = 0; index < times.length;) {
    if (isKey(index)) {
      order.push(index++);
      continue;
    }
    const group: number[] = [];
    while (group.length <= depth && index < times.length && !isKey(index)) group.push(index++);
    const last = group.pop();
    const middle = group[Math.floor(group.length / 2)];
    const rest = group.filter((one) => one !== middle);
    order.push(...(last === undefined ? [] : [last]), ...(middle === undefined ? [] : [middle]), ...rest);
  }
  return order.map((index) => times[index] ?? 0);
}

/** Sound lies behind all pictures. */
export function buildMovie(pictures: PictureFacts, sound?: SoundFacts): Movie {
  const video = buildVideo(pictures);
  return { video, audio: sound && buildAudio(sound, pictures.times.length * PICTURE_SIZE) };
}

function buildVideo({ times, keys = [0], timescale = 25, last, rotation = 0, entries = [] }: PictureFacts): VideoTrack {
  const shown = times.toSorted((a, b) => a - b);
  const first = (shown[1] ?? 1) - (shown[0] ?? 0);
  const durations = times.map((time) => (shown[shown.indexOf(time) + 1] ?? time + (last ?? first)) - time);
  const config = { lengthSize: 4, sps: [new Uint8Array([0x67])], pps: [new Uint8Array([0x68])] } as const;
  return {
    codec: "avc1.64001f",
    timescale,
    width: 320,
    height: 180,
    rotation,
    entries: [config, config],
    description: new Uint8Array([1, 2, 3]),
    samples: {
      ...layOut(times, PICTURE_SIZE, 0),
      durations: Uint32Array.from(durations),
      isKey: Uint8Array.from(times, (_, index) => (keys.includes(index) ? 1 : 0)),
      entries: Uint8Array.from(times, (_, index) => entries[index] ?? 0),
    },
  };
}

function buildAudio(
  { sampleRate = 48_000, channels = 2, timescale = sampleRate, start = 0, count }: SoundFacts,
  offset: number,
): AudioTrack {
  const times = Array.from({ length: count }, (_, index) =>
    Math.round((start + (index * 1024) / sampleRate) * timescale),
  );
  const aac: AacConfig = { objectType: 2, sampleRateIndex: 3, sampleRate, channels, outputRate: sampleRate };
  const samples = {
    ...layOut(times, SOUND_SIZE, offset),
    durations: Uint32Array.from(times, () => Math.round((1024 * timescale) / sampleRate)),
    isKey: new Uint8Array(count).fill(1),
    entries: new Uint8Array(count),
  };
  return { codec: "mp4a.40.2", timescale, aac, description: new Uint8Array([4, 5, 6]), samples };
}

/** One sample behind the other. Decode times are of no account: pictures are decoded as their order permits. */
function layOut(
  times: readonly number[],
  size: number,
  offset: number,
): Pick<SampleTable, "count" | "offsets" | "sizes" | "decodeTimes" | "times"> {
  return {
    count: times.length,
    offsets: Float64Array.from(times, (_, index) => offset + index * size),
    sizes: new Uint32Array(times.length).fill(size),
    decodeTimes: new Float64Array(times.length),
    times: Float64Array.from(times),
  };
}

/** Where in the file the samples of a planned segment are; −1: silence. */
export function findOffsets({ ranges, job }: PlannedSegment, kind: "video" | "audio"): readonly number[] {
  return Array.from(job[kind].offsets, (offset) => {
    let left = offset;
    for (const { start, end } of offset < 0 ? [] : ranges) {
      if (left < end - start) return start + left;
      left -= end - start;
    }
    return -1;
  });
}
