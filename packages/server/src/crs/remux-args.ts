/** The ffmpeg and ffprobe command lines of the first layer where the source's pictures are kept as they are. */
import { fence, GLOBAL, type ReadLimits, words } from "./ffmpeg-args.ts";
import type { FfmpegCommand, FfmpegFile } from "./ffmpeg-args.ts";
import type { SourceVideo } from "./source.ts";

function input({ file }: SourceVideo, limits: ReadLimits): FfmpegFile {
  const end = words(`-t ${limits.maxDuration + 1}`);
  return { path: file.path, options: [...GLOBAL, ...fence(file.format, limits.maxStreams), ...end] };
}

/**
 * Takes out what decides whether pictures can be kept: which packets are IDR pictures, as a list of packets, and all sequence
 * parameter sets, as an H.264 byte stream. Nothing is decoded.
 *
 * @see ITU-T H.264 §7.4.1 (nal_unit_type 5 and 7)
 */
export function inspectCommand(
  video: SourceVideo,
  listPath: string,
  setsPath: string,
  limits: ReadLimits,
): FfmpegCommand {
  const select = (type: number): readonly string[] =>
    words(`-map 0:${video.index} -c copy -bsf:v h264_mp4toannexb,filter_units=pass_types=${type} -f`);
  return {
    inputs: [input(video, limits)],
    outputs: [
      { path: listPath, options: [...select(5), "framecrc"] },
      { path: setsPath, options: [...select(7), "h264"] },
    ],
  };
}

/** Copies the pictures alone, so that the first is shown at 0. */
export function remuxCommand(video: SourceVideo, path: string, limits: ReadLimits): FfmpegCommand {
  const copy = `-map 0:${video.index} -c copy -map_metadata -1 -bsf:v setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS -f mp4`;
  return { inputs: [input(video, limits)], outputs: [{ path, options: words(copy) }] };
}

/** Lists the packets of a remux as `probeArgs` does. */
export function probeRemuxArgs(path: string): readonly string[] {
  const show =
    "-show_packets -show_streams -show_entries packet=stream_index,pts_time,dts_time,duration_time,size,flags";
  return [...words(`-v error -f mov -protocol_whitelist file,pipe ${show} -of json -i`), path];
}
