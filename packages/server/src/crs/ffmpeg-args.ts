/**
 * Every ffmpeg and ffprobe command line of the service, as pure functions of what is wanted.
 *
 * Whatever reads a downloaded file gets the same fence: forced demuxer, files and pipes only, the decoders that creatives
 * use and no others, a few streams.
 *
 * @see server-notes.md §4.6 (findings on real commands), §5.1 (attacks)
 */
import { formatFrameRate, framesPerSecond } from "./frame-rate.ts";
import type { Rung } from "./ladder.ts";
import type { Source, SourceAudio, SourceVideo } from "./source.ts";
import type { IdentifiedFile, SourceFormat } from "./source-format.ts";

/** One ffmpeg run: files in, files out, with the options that stand before each. */
export interface FfmpegCommand {
  readonly inputs: readonly FfmpegFile[];
  readonly outputs: readonly FfmpegFile[];
}

export interface FfmpegFile {
  readonly options: readonly string[];
  readonly path: string;
}

/** Audio of the ladder: what nearly all content has. */
export const SAMPLE_RATE = 48_000;
/** Samples of one AAC frame; also the encoder's delay, which is cut off at the start. */
export const AAC_FRAME = 1024;
/** Closed GOPs of this length are what every target duration is cut from. Seconds. */
export const GOP_DURATION = 2;
/** A last GOP shorter than this is part of the one before: no player likes a segment of one frame. Seconds. */
export const SHORTEST_GOP = 0.45;

/** Of the one sound that all renditions share. */
export const AUDIO_KBPS = 128;

const DECODERS = [
  "h264,hevc,mpeg4,msmpeg4v3,mpeg2video,mpeg1video,h263,flv,vp6,vp6f,vp6a,vp8,vp9,av1,libdav1d,prores,dnxhd,mjpeg",
  "aac,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,vorbis,flac,alac,speex,nellymoser,adpcm_swf,adpcm_ima_wav",
  "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw",
].join(",");

/** Options that hold no path, written as one types them. */
export function words(text: string): readonly string[] {
  return text.split(" ");
}

/** The options that stand before every file that was fetched, or made of what was fetched. */
export function fence(format: SourceFormat, maxStreams: number): readonly string[] {
  return words(`-f ${format} -protocol_whitelist file,pipe -codec_whitelist ${DECODERS} -max_streams ${maxStreams}`);
}

/** How much of a file is read at most. */
export interface ReadLimits {
  readonly maxStreams: number;
  /** Seconds. */
  readonly maxDuration: number;
  /** Of one picture. */
  readonly maxPixels: number;
}

/** Coders round sizes up to whole blocks. */
const BLOCK_ROUNDING = 1.05;

/** Of what is read, more than this is never listed. Seconds beyond the longest source. */
const BEYOND = 2;

/** Lists the streams and the packets of a downloaded file as JSON, in one run: starting ffprobe is what costs. */
export function probeArgs(
  file: IdentifiedFile,
  limits: Pick<ReadLimits, "maxStreams" | "maxDuration">,
): readonly string[] {
  const packets = "packet=stream_index,pts_time,dts_time,duration_time,size,flags";
  return [
    ...words("-v error"),
    ...fence(file.format, limits.maxStreams),
    ...words(`-read_intervals %+${limits.maxDuration + BEYOND} -show_format -show_streams -show_packets`),
    ...words(`-show_entries ${packets} -of json -i`),
    file.path,
  ];
}

/** Describes the video of a rendition that we encoded ourselves. */
export function probeRenditionArgs(path: string): readonly string[] {
  const show = "-select_streams v:0 -show_entries stream=profile,level,width,height,nb_frames,r_frame_rate -of json -i";
  return [...words(`-v error -f mov -protocol_whitelist file,pipe ${show}`), path];
}

/**
 * What the source's file is read with; nothing beyond `maxDuration` is, whatever the file says of itself, and no picture beyond
 * `maxPixels`: H.264 may change its size in the middle.
 */
export function sourceInput(file: IdentifiedFile, limits: ReadLimits): FfmpegFile {
  const pixels = ["-max_pixels", String(Math.ceil(limits.maxPixels * BLOCK_ROUNDING))];
  const end = ["-t", String(limits.maxDuration + 1)];
  return { path: file.path, options: [...GLOBAL, ...fence(file.format, limits.maxStreams), ...pixels, ...end] };
}

/** Stand before the first input of every run. */
export const GLOBAL: readonly string[] = words("-nostdin -hide_banner -v error -nostats -progress pipe:2");

/**
 * Renditions in one run: decoded once, each scaled from the one above it. Every rung has its key frames at the same times: the
 * first frame at or after each multiple of two seconds. No B-frames, so that video starts where audio does.
 *
 * @param rungs best first
 * @param folder gets `<rung>.mp4` for each rung
 */
export function encodeVideoCommand(
  source: Source,
  rungs: readonly Rung[],
  folder: string,
  limits: ReadLimits,
): FfmpegCommand {
  const graph = ["-filter_complex", videoGraph(source.video, rungs)];
  const outputs = rungs.map((rung, index) => ({
    path: `${folder}/${rung.name}.mp4`,
    options: [...(index === 0 ? graph : []), "-map", `[v${index}]`, ...encoderOptions(source, rung), "-f", "mp4"],
  }));
  return { inputs: [sourceInput(source.video.file, limits)], outputs };
}

/** The fps filter may end this many frames before what the packets promise, by rounding. More is a fault, and shows. */
const MAX_ROUNDED = 2;

/** How many pictures each rendition has: cuts are planned by it. */
function countFrames({ duration, video }: Source): number {
  return Math.max(1, Math.round(duration * framesPerSecond(video.frameRate)));
}

function videoGraph(video: SourceVideo, rungs: readonly Rung[]): string {
  const steps = [
    ...(video.isInterlaced ? ["yadif=deint=interlaced"] : []),
    ...(video.zero > 0 ? [`setpts=PTS-${video.zero.toFixed(6)}/TB`] : []),
    `fps=${formatFrameRate(video.frameRate)}:start_time=0`,
    `tpad=stop=${MAX_ROUNDED}:stop_mode=clone`,
  ];
  const chain = rungs.map((rung, index) => {
    const isSame = index === 0 && video.hasSquarePixels && rung.width === video.width && rung.height === video.height;
    const scale = isSame ? "" : `scale=${rung.width}:${rung.height},`;
    const input = index === 0 ? `[0:${video.index}]${steps.join(",")},` : `[c${index}]`;
    const output = index === rungs.length - 1 ? `[v${index}]` : `,split[v${index}][c${index + 1}]`;
    return `${input}${scale}setsar=1,format=yuv420p${output}`;
  });
  return chain.join(";");
}

function encoderOptions(source: Source, rung: Rung): readonly string[] {
  const fps = framesPerSecond(source.video.frameRate);
  // The last GOP may be longer by what is too short to stand alone.
  const longest = Math.ceil((GOP_DURATION + SHORTEST_GOP) * fps) + 1;
  const frames = countFrames(source);
  const lastKey = Math.max(0, frames / fps - SHORTEST_GOP).toFixed(6);
  const keys = `expr:gte(t,n_forced*${GOP_DURATION})*lte(n_forced*${GOP_DURATION},${lastKey})`;
  return words(
    "-c:v libx264 -preset veryfast -profile:v high -bf 0 -crf 21 " +
      `-maxrate ${rung.maxKbps}k -bufsize ${rung.maxKbps * 2}k ` +
      `-g ${longest} -sc_threshold 0 -forced-idr 1 -force_key_frames ${keys} -frames:v ${frames}`,
  );
}

const TO_STEREO = `aresample=${SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_rates=${SAMPLE_RATE}:channel_layouts=stereo`;

/** The source's sound as all of ours is, from the creative's zero on: what is missing before it is silence. */
function toStereo({ index, zero }: SourceAudio): string {
  const shift = zero === 0 ? "" : `asetpts=PTS-(${zero.toFixed(6)})/TB,`;
  return `[0:${index}]${shift}${TO_STEREO}`;
}

/**
 * Measures loudness (EBU R 128 and BS.1770) of a file's audio as it will be encoded; the report is the last of stderr.
 *
 * @param index undefined: the first, whichever it is, so that nobody need have looked into the file before
 */
export function measureLoudnessCommand(
  file: IdentifiedFile,
  index: number | undefined,
  limits: ReadLimits,
): FfmpegCommand {
  const input = sourceInput(file, limits);
  // The report is printed at level info.
  const options = input.options.map((option) => (option === "error" ? "info" : option));
  const filter = ["-filter_complex", `[0:${index ?? "a:0"}]${TO_STEREO},ebur128=peak=sample:framelog=verbose[a]`];
  return {
    inputs: [{ ...input, options }],
    outputs: [{ path: "-", options: [...filter, "-map", "[a]", "-f", "null"] }],
  };
}

/**
 * The audio that all renditions share: AAC stereo at 48 kHz, at least as long as `duration`, silence where there is none.
 * Stored as ADTS: no edit list, so that it starts at zero wherever it is copied to; the encoder's delay is cut off before.
 *
 * @param level filters that bring it to the loudness wanted, or none
 */
export function encodeAudioCommand(
  audio: SourceAudio | undefined,
  level: readonly string[],
  duration: number,
  path: string,
  limits: ReadLimits,
): FfmpegCommand {
  const end = Math.ceil((duration * SAMPLE_RATE) / AAC_FRAME) * AAC_FRAME;
  const cut = `atrim=start_sample=${AAC_FRAME}:end_sample=${end}`;
  const silence = `anullsrc=r=${SAMPLE_RATE}:cl=stereo`;
  const graph = audio ? [toStereo(audio), ...level, "apad", cut].join(",") : `${silence},${cut}`;
  const encoder = words(`-c:a aac -b:a ${AUDIO_KBPS}k -f adts`);
  const before = audio ? [] : GLOBAL;
  const options = [...before, "-filter_complex", `${graph}[a]`, "-map", "[a]", ...encoder];
  return { inputs: audio ? [sourceInput(audio.file, limits)] : [], outputs: [{ path, options }] };
}
