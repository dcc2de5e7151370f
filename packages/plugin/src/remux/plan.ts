/**
 * From what a creative's file says to segments that can be made of it, each with the bytes that it needs, in any order.
 *
 * MPEG-TS has a clock of 90 kHz on which the first picture is shown at 10 s, so that nothing is decoded before 0. Fragmented MP4 has its
 * sound begin at 0, and its pictures as much later as the silence before them and the sound's own clock ask for.
 */
import type { PictureLead } from "@interlude/core";
import { FRAME_SAMPLES, MOST_ADTS_PAYLOAD } from "./aac-frame.ts";
import { selectCuts } from "./cuts.ts";
import { writeInitSegment } from "./fmp4-init.ts";
import { type AudioTrack, MediaRefusal, type Movie, type VideoTrack } from "./movie.ts";
import { orderPictures, type PictureTimes, timePictures } from "./picture-times.ts";
import { type Pictures, selectPictures } from "./pictures.ts";
import { planSegment, type PlannedTracks } from "./plan-segment.ts";
import type { PlannedSegment, RemuxNeeds, RemuxPlan } from "./segment-job.ts";
import { createSilentFrame, describeSilentTrack, SILENT_TRACK } from "./silence.ts";
import { placeSound, type SoundFrames } from "./sound-frames.ts";

/** What is made of a movie. */
interface Media {
  readonly video: VideoTrack;
  /** Undefined: silence takes its place. */
  readonly audio: AudioTrack | undefined;
}

const TS_CLOCK = 90_000;
/** Ticks. */
const TS_START = 10 * TS_CLOCK;
/** Ticks in a second: with fewer, pictures would not be where their sound is. */
const COARSEST_CLOCK = 10_000;
/** Seconds: players leave out what a playlist says beyond it. */
const MOST_LEAD = 0.25;

/**
 * @throws MediaRefusal `unsupported-media-file`; `target-duration-exceeded` where key frames are too far apart
 */
export function planRemux(movie: Movie, needs: RemuxNeeds): RemuxPlan {
  const media = selectMedia(movie, needs);
  const { tracks, lead } = planTracks(media, needs);
  const segments = tracks.cuts.map((_, index) => planSegment(tracks, index));
  const duration = Math.round(tracks.pictures.end * 1e6) / 1e6;
  return {
    packaging: needs.packaging,
    segments,
    duration,
    pictureLead: lead && lead.seconds <= MOST_LEAD ? lead : undefined,
    bandwidthBps: Math.ceil((sumBytes(segments) * 8) / duration),
    inits: needs.packaging === "cmaf" ? writeInits(media, tracks) : undefined,
  };
}

/**
 * What a packaging cannot say is refused: how pictures are turned and long frames of sound in MPEG-TS, and several codings in one track in
 * fragmented MP4.
 */
function selectMedia({ video, audio }: Movie, { packaging }: RemuxNeeds): Media {
  if (!video) throw refuse("movie: expected pictures, got none");
  if (packaging === "hls" && video.rotation !== 0)
    throw refuse(`pictures: expected them upright, got them turned by ${video.rotation} degrees`);
  if (packaging === "cmaf" && video.samples.entries.some((entry) => entry !== 0))
    throw refuse("pictures: expected one coding, got several");
  const longest = audio?.samples.sizes.reduce((most, size) => Math.max(most, size), 0) ?? 0;
  if (packaging === "hls" && longest > MOST_ADTS_PAYLOAD)
    throw refuse(`sound: expected frames of at most ${MOST_ADTS_PAYLOAD} bytes, got ${longest}`);
  return { video, audio: audio && audio.samples.count > 0 ? audio : undefined };
}

function refuse(message: string): MediaRefusal {
  return new MediaRefusal("unsupported-media-file", message);
}

function planTracks(
  { video, audio }: Media,
  { packaging, targetDuration }: RemuxNeeds,
): { readonly tracks: PlannedTracks; readonly lead: PictureLead | undefined } {
  const aac = audio?.aac ?? SILENT_TRACK;
  const pictures = selectPictures(video);
  const cuts = selectCuts(pictures, targetDuration);
  const { start, end } = pictures;
  const sound = placeSound(audio, { packaging, start, end, sampleRate: aac.sampleRate });
  const shared = { packaging, video, pictures, cuts, sound, soundTable: audio?.samples, aac };
  const silence = createSilentFrame(aac.channels);
  if (packaging === "cmaf") {
    const timescale = video.timescale * Math.ceil(COARSEST_CLOCK / video.timescale);
    // a frame of 7350 Hz is so long that sound may begin a few milliseconds late
    const times = orderPictures(pictures, timescale, Math.max(0, Math.round(-sound.start * timescale)));
    const soundTimes = timeSound(sound, aac.sampleRate, (index) => index * FRAME_SAMPLES);
    return {
      tracks: { ...shared, silence, pictureTimes: measure(times, pictures, timescale), soundTimes },
      lead: undefined,
    };
  }
  const { lead, ...times } = timePictures(pictures, cuts);
  const ticks = { decodeTimes: times.decodeTimes.map(toTsClock), times: times.times.map(toTsClock) };
  const soundTimes = timeSound(sound, TS_CLOCK, (index) => toTsClock(sound.start + index * sound.frame));
  return { tracks: { ...shared, silence, pictureTimes: measure(ticks, pictures, TS_CLOCK), soundTimes }, lead };
}

function toTsClock(time: number): number {
  return TS_START + Math.round(time * TS_CLOCK);
}

/** Each picture lasts until the next one is decoded. */
function measure(times: PictureTimes, { end, shown }: Pictures, timescale: number): PlannedTracks["pictureTimes"] {
  const { decodeTimes } = times;
  const last = Math.max(1, Math.round((end - (shown.at(-1) ?? 0)) * timescale));
  const durations = Uint32Array.from(decodeTimes, (time, index) => (decodeTimes[index + 1] ?? time + last) - time);
  return { ...times, timescale, durations };
}

function timeSound(
  { samples }: SoundFrames,
  timescale: number,
  at: (index: number) => number,
): PlannedTracks["soundTimes"] {
  return { timescale, times: Float64Array.from({ length: samples.length + 1 }, (_, index) => at(index)) };
}

function writeInits({ video, audio }: Media, { pictureTimes, soundTimes }: PlannedTracks): RemuxPlan["inits"] {
  const { width, height, rotation, description } = video;
  const { timescale } = pictureTimes;
  return {
    video: writeInitSegment({ kind: "video", timescale, description, width, height, rotation }),
    audio: writeInitSegment({
      kind: "audio",
      timescale: soundTimes.timescale,
      description: audio?.description ?? describeSilentTrack(),
    }),
  };
}

/** Of all samples. */
function sumBytes(segments: readonly PlannedSegment[]): number {
  return segments.reduce((sum, { job }) => {
    const sizes = [...job.video.sizes, ...job.audio.sizes];
    return sizes.reduce((all, size) => all + size, sum);
  }, 0);
}
