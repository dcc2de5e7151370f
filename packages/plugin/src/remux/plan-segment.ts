/**
 * One segment of a plan: its pictures, the sound that goes with them, and the bytes of both.
 */
import type { Packaging } from "@interlude/core";
import type { Cut } from "./cuts.ts";
import type { AacConfig, SampleTable, VideoTrack } from "./movie.ts";
import type { PictureTimes } from "./picture-times.ts";
import type { Pictures } from "./pictures.ts";
import { type Extents, gatherBytes, listExtents } from "./segment-bytes.ts";
import type { PictureJob, PlannedSegment, SoundJob } from "./segment-job.ts";
import { countFramesUntil, type SoundFrames } from "./sound-frames.ts";

/** Both tracks of a creative as they are to be written, times in ticks. */
export interface PlannedTracks {
  readonly packaging: Packaging;
  readonly video: VideoTrack;
  readonly pictures: Pictures;
  readonly cuts: readonly Cut[];
  readonly pictureTimes: PictureTimes & { readonly timescale: number; readonly durations: Uint32Array };
  readonly sound: SoundFrames;
  /** One more than there are frames: where the last one ends is the last. */
  readonly soundTimes: { readonly timescale: number; readonly times: Float64Array };
  /** Undefined: there is silence alone. */
  readonly soundTable: SampleTable | undefined;
  readonly aac: AacConfig;
  /** The payload of a silent frame. */
  readonly silence: Uint8Array;
}

/** Indices of samples, the last not in it. */
interface Run {
  readonly from: number;
  readonly to: number;
}

/** @throws MediaRefusal where it is larger than a page should hold */
export function planSegment(tracks: PlannedTracks, index: number): PlannedSegment {
  const { packaging, pictures, cuts, sound, video, soundTable } = tracks;
  const start = cuts[index]?.time ?? 0;
  const next = cuts[index + 1];
  const shown = { from: cuts[index]?.picture ?? 0, to: next?.picture ?? pictures.count };
  const heard = {
    from: index === 0 ? 0 : countFramesUntil(sound, start),
    to: next ? countFramesUntil(sound, next.time) : sound.samples.length,
  };
  const seen = listExtents(video.samples, pictures.samples.slice(shown.from, shown.to));
  const spoken = listExtents(soundTable, sound.samples.slice(heard.from, heard.to));
  const { ranges, offsets } = gatherBytes([seen, spoken], measureSets(tracks, shown));
  const [seenOffsets = seen.offsets, spokenOffsets = spoken.offsets] = offsets;
  return {
    duration: (toMicroseconds(next?.time ?? pictures.end) - toMicroseconds(start)) / 1e6,
    ranges,
    job: {
      packaging,
      index,
      video: describePictures(tracks, shown, { ...seen, offsets: seenOffsets }),
      audio: describeSound(tracks, heard, { ...spoken, offsets: spokenOffsets }),
    },
  };
}

/** Bytes of the parameter sets, which stand in front of each key picture in a transport stream. */
function measureSets({ packaging, video, pictures }: PlannedTracks, { from, to }: Run): number {
  if (packaging === "cmaf") return 0;
  const sets = video.entries.flatMap(({ sps, pps }) => [...sps, ...pps]);
  const keys = pictures.isKey.slice(from, to).filter((isKey) => isKey === 1).length;
  return keys * sets.reduce((sum, { length }) => sum + length, 0);
}

/** Rounded from the start of all, so that no sum drifts. */
function toMicroseconds(time: number): number {
  return Math.round(time * 1e6);
}

/** Copies, never views: what is sent to a worker takes the whole buffer under a view along. */
function describePictures(tracks: PlannedTracks, { from, to }: Run, extents: Extents): PictureJob {
  const { video, pictures, pictureTimes } = tracks;
  return {
    ...extents,
    timescale: pictureTimes.timescale,
    configs: video.entries,
    decodeTimes: pictureTimes.decodeTimes.slice(from, to),
    times: pictureTimes.times.slice(from, to),
    durations: pictureTimes.durations.slice(from, to),
    isKey: pictures.isKey.slice(from, to),
    entries: Uint8Array.from(pictures.samples.slice(from, to), (sample) => video.samples.entries[sample] ?? 0),
  };
}

function describeSound({ aac, silence, soundTimes }: PlannedTracks, { from, to }: Run, extents: Extents): SoundJob {
  const { timescale, times } = soundTimes;
  return {
    ...extents,
    timescale,
    aac,
    silence,
    times: times.slice(from, to),
    durations: Uint32Array.from(times.slice(from, to), (time, index) => (times[from + index + 1] ?? time) - time),
  };
}
