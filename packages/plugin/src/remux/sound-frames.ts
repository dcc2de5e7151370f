/**
 * Which frames of sound a creative plays, laid out without holes at its own clock, silence where it has none.
 *
 * MPEG-TS: from the first picture on, and never past the end of the last one, since hls.js goes on where the later of both ends.
 *
 * Fragmented MP4: silence leads, and sound goes on until the last picture ends, since players stall at holes in either.
 *
 * Times are seconds from the first picture.
 *
 * @see docs/decisions/0010-times-of-a-spliced-ad.md
 */
import { type Packaging, SOUND_LEAD } from "@interlude/core";
import { FRAME_SAMPLES } from "./aac-frame.ts";
import { type AudioTrack, MediaRefusal } from "./movie.ts";

export interface SoundFrames {
  /** When the first one begins: within half a frame of where it should. */
  readonly start: number;
  /** How long each of them is. */
  readonly frame: number;
  /** Index of each in the sample table; −1: silence. */
  readonly samples: Int32Array;
}

/** What is to be filled with sound. */
export interface SoundNeeds {
  readonly packaging: Packaging;
  /** When the first picture is due in the movie. */
  readonly start: number;
  /** When the pictures end. */
  readonly end: number;
  /** Hz of the core. */
  readonly sampleRate: number;
}

const LOWEST_RATE = 7350;
const HIGHEST_RATE = 96_000;
/** Of the clocks of pictures and sound, which differ. Seconds. */
const ROUNDING = 5e-4;

/**
 * @param track undefined: silence alone
 * @throws MediaRefusal `unsupported-media-file`
 */
export function placeSound(
  track: Pick<AudioTrack, "samples" | "timescale"> | undefined,
  { packaging, start: movieStart, end, sampleRate }: SoundNeeds,
): SoundFrames {
  if (!(sampleRate >= LOWEST_RATE && sampleRate <= HIGHEST_RATE && (track?.timescale ?? 1) > 0))
    throw new MediaRefusal("unsupported-media-file", `sound: expected 7350 to 96000 Hz, got ${sampleRate} Hz`);
  const frame = FRAME_SAMPLES / sampleRate;
  const dues = listTimes(track, movieStart);
  const phase = findPhase(dues, frame);
  const isFragmented = packaging === "cmaf";
  const start = phase + frame * Math.round((isFragmented ? -SOUND_LEAD - phase : -phase) / frame);
  const length = (end - start) / frame;
  const rounding = ROUNDING / frame;
  const count = isFragmented ? Math.ceil(length - rounding) : Math.floor(length + rounding);
  const samples = new Int32Array(Math.max(1, count)).fill(-1);
  for (const [sample, due] of dues.entries()) {
    const place = Math.round((due - start) / frame);
    const isEmpty = track?.samples.sizes[sample] === 0;
    // what is due before the first picture would be heard over the content
    if (!isEmpty && due >= -frame / 2 && place < samples.length && samples[place] === -1) samples[place] = sample;
  }
  return { start, frame, samples };
}

function listTimes(track: Pick<AudioTrack, "samples" | "timescale"> | undefined, movieStart: number): Float64Array {
  return track ? track.samples.times.map((time) => time / track.timescale - movieStart) : new Float64Array();
}

/** How far the first frame that is heard is from a picture's start, if frames had no end: up to half a frame, either way. */
function findPhase(dues: Float64Array, frame: number): number {
  const due = dues.find((time) => time >= -frame / 2) ?? 0;
  return due - frame * Math.round(due / frame);
}

/**
 * Which frames go with the pictures up to `time`: those of which the greater part is heard before.
 *
 * @returns how many, counted from the first
 */
export function countFramesUntil({ start, frame, samples }: SoundFrames, time: number): number {
  const count = Math.ceil((time - start) / frame - 0.5 - ROUNDING);
  return Math.min(samples.length, Math.max(0, count));
}
