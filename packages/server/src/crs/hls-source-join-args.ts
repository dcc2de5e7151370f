/** The command lines that put the parts of a creative together. */
import { fence, type FfmpegCommand, GLOBAL, SAMPLE_RATE, words } from "./ffmpeg-args.ts";
import type { IdentifiedFile } from "./source-format.ts";

/** One run between discontinuities, and when it begins. Times in seconds, as its files count. */
export interface PartToCopy {
  readonly video: IdentifiedFile;
  /** Of the first key frame. */
  readonly startTime: number;
  readonly duration: number;
  /** `shift`: what is added to the file's times to have them count from the first key frame. Left out: silence. */
  readonly audio?: { readonly file: IdentifiedFile; readonly shift: number };
}

interface StreamLimits {
  readonly maxStreams: number;
}

/** Lists the streams of a part as JSON. */
export function probeStartsArgs(file: IdentifiedFile, { maxStreams }: StreamLimits): readonly string[] {
  const entries = "codec_type,codec_name,width,height,pix_fmt,sample_aspect_ratio,start_time,extradata_hash";
  const show = words(`-show_data_hash MD5 -show_entries stream=${entries} -of json -i`);
  return [...words("-v error"), ...fence(file.format, maxStreams), ...show, file.path];
}

/** Lists the packets of the first video of a part: `pts,duration,flags` per line. */
export function probeVideoPacketsArgs(file: IdentifiedFile, { maxStreams }: StreamLimits): readonly string[] {
  const show = words("-select_streams v:0 -show_entries packet=pts_time,duration_time,flags -of csv=p=0 -i");
  return [...words("-v error"), ...fence(file.format, maxStreams), ...show, file.path];
}

/** All parts count in this, so that they can go on in one file. */
const TIMESCALE = "-video_track_timescale 90000";

/**
 * Copies the pictures of a part, and decodes its sound to as many samples as the pictures last; both begin at zero.
 *
 * @param hasSound false: no part has sound, so that no silence is needed
 */
export function partCommand(
  part: PartToCopy,
  hasSound: boolean,
  path: string,
  { maxStreams }: StreamLimits,
): FfmpegCommand {
  const { video, audio, startTime, duration } = part;
  const input = (file: IdentifiedFile, shift: number) => ({
    path: file.path,
    options: [...fence(file.format, maxStreams), "-itsoffset", shift.toFixed(6)],
  });
  const pictures = input(video, -startTime);
  const end = `atrim=end_sample=${Math.round(duration * SAMPLE_RATE)}`;
  const pcm = `aformat=sample_fmts=s16:sample_rates=${SAMPLE_RATE}:channel_layouts=stereo`;
  // What lies beyond the pictures is left before gaps are filled, or one far-away packet would have them filled up to there.
  const filled = `atrim=end=${duration.toFixed(6)},aresample=${SAMPLE_RATE}:async=1:first_pts=0,${pcm},apad,${end}`;
  const graph = audio ? `[1:a:0]${filled}` : `anullsrc=r=${SAMPLE_RATE}:cl=stereo,${pcm},${end}`;
  const filter = hasSound ? ["-filter_complex", `${graph}[a]`] : [];
  const sound = hasSound ? words("-map [a] -c:a pcm_s16le") : [];
  const copy = words(`-map 0:v:0 -c:v copy ${TIMESCALE}`);
  return {
    inputs: [
      { ...pictures, options: [...GLOBAL, "-copyts", ...pictures.options] },
      ...(audio ? [input(audio.file, audio.shift)] : []),
    ],
    outputs: [{ path, options: [...filter, ...copy, ...sound, ...words("-avoid_negative_ts disabled -f mov")] }],
  };
}

/**
 * Joins files that `partCommand` made.
 *
 * @param list of their names, without folders, and durations; beside them
 */
export function joinCommand(list: string, path: string, { maxStreams }: StreamLimits): FfmpegCommand {
  // The concat demuxer hands its whitelists on to the files of the list. Of two equal options, ffmpeg takes the last.
  const only = [
    ...fence("mov", maxStreams),
    ...words("-f concat -safe 1 -protocol_whitelist file -format_whitelist concat,mov"),
  ];
  return {
    inputs: [{ path: list, options: [...GLOBAL, ...only] }],
    outputs: [{ path, options: words(`-map 0 -c copy ${TIMESCALE} -f mov`) }],
  };
}
