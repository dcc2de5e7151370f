/** The ffmpeg command line of the first layer where the source's pictures are kept as they are. */
import { fence, GLOBAL, type ReadLimits, words } from "./ffmpeg-args.ts";
import type { FfmpegCommand, FfmpegFile } from "./ffmpeg-args.ts";
import type { SourceVideo } from "./source.ts";

function input({ file }: SourceVideo, limits: ReadLimits): FfmpegFile {
  const end = words(`-t ${limits.maxDuration + 1}`);
  return { path: file.path, options: [...GLOBAL, ...fence(file.format, limits.maxStreams), ...end] };
}

/** Where what is found out of a video goes. */
export interface RemuxPaths {
  /** An MP4 of the pictures alone. */
  readonly copy: string;
  /** Which packets are IDR pictures, as ffmpeg's framecrc lists packets. */
  readonly refreshes: string;
  /** All sequence parameter sets, as an H.264 byte stream. */
  readonly parameterSets: string;
}

/**
 * Copies the pictures, so that the first is shown at 0, and takes out what decides whether the copy is good for anything. Nothing
 * is decoded. It is one run, since starting ffmpeg and reading the file cost as much as the work.
 *
 * @see ITU-T H.264 §7.4.1 (nal_unit_type 5 and 7)
 */
export function remuxCommand(video: SourceVideo, paths: RemuxPaths, limits: ReadLimits): FfmpegCommand {
  const take = `-map 0:${video.index} -c copy -map_metadata -1`;
  const select = (type: number): string => `-bsf:v h264_mp4toannexb,filter_units=pass_types=${type}`;
  return {
    inputs: [input(video, limits)],
    outputs: [
      { path: paths.copy, options: words(`${take} -bsf:v setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS -f mp4`) },
      { path: paths.refreshes, options: words(`${take} ${select(5)} -f framecrc`) },
      { path: paths.parameterSets, options: words(`${take} ${select(7)} -f h264`) },
    ],
  };
}
