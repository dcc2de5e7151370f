/**
 * An MP4 file's `moov` → the movie that a plan of segments is made from.
 *
 * @see ISO/IEC 14496-12 §8
 */
import { unsupported } from "./bytes.ts";
import { listBoxes, openBox } from "./mp4-boxes.ts";
import { describePictures, describeSound } from "./mp4-descriptions.ts";
import { editPictures, editSound } from "./mp4-edits.ts";
import { readSampleTable } from "./mp4-samples.ts";
import { readTracks, type Track, type Tracks } from "./mp4-tracks.ts";
import type { AudioTrack, Movie, SampleTable, VideoTrack } from "./movie.ts";

/** Signs of a, b, c and d → degrees clockwise. Some muxers leave the matrix empty. */
const ROTATIONS: Readonly<Record<string, VideoTrack["rotation"]>> = {
  "1,0,0,1": 0,
  "0,0,0,0": 0,
  "0,1,-1,0": 90,
  "-1,0,0,-1": 180,
  "0,-1,1,0": 270,
};

/** Whether the samples are told of by fragments, which {@link parseMovie} knows nothing of: then it is `parseFragments`. */
export function isFragmented(moov: Uint8Array): boolean {
  return listBoxes(openBox(moov, "moov"), "moov").some((box) => box.type === "mvex");
}

/**
 * A track without samples counts as none.
 *
 * @param moov the whole box
 * @throws MediaRefusal `source-unreadable` when it is broken; `unsupported-media-file` when it is well, but cannot be played
 */
export function parseMovie(moov: Uint8Array): Movie {
  return buildMovie(readTracks(moov), readTrackSamples);
}

/** Those that `stbl` tells of, times of the media. */
export function readTrackSamples({ tables, description }: Track): SampleTable {
  return readSampleTable(tables, description.rows.length);
}

/** @param readSamples in decoding order, times of the media */
export function buildMovie({ video, audio }: Tracks, readSamples: (track: Track) => SampleTable): Movie {
  return {
    video: video && buildVideo(video, readSamples(video)),
    audio: audio && buildAudio(audio, readSamples(audio)),
  };
}

function buildVideo(track: Track, media: SampleTable): VideoTrack | undefined {
  const { timescale } = track;
  const samples = media.count > 0 ? editPictures(media, track.edit(), timescale) : media;
  if (samples.count === 0) return undefined;
  const pictures = describePictures(track.description);
  return { ...pictures, rotation: selectRotation(track.matrix), timescale, samples };
}

function buildAudio(track: Track, media: SampleTable): AudioTrack | undefined {
  const samples = media.count > 0 ? editSound(media, track.edit()) : media;
  if (samples.count === 0) return undefined;
  return { ...describeSound(track.description), timescale: track.timescale, samples };
}

function selectRotation([a = 0, b = 0, , c = 0, d = 0]: readonly number[]): VideoTrack["rotation"] {
  const rotation = ROTATIONS[[a, b, c, d].map(Math.sign).join(",")];
  if (rotation !== undefined) return rotation;
  throw unsupported(`MP4 tkhd: expected pictures turned by quarters, got the matrix ${[a, b, c, d].join(" ")}`);
}
