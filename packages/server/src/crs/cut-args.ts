/** The ffmpeg command line that cuts a stored encoding. It only ever reads files that we encoded or remuxed ourselves. */
import type { Encoding } from "./encoding.ts";
import { AAC_FRAME, type FfmpegCommand, GLOBAL, SAMPLE_RATE, words } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";

/**
 * Cuts every stored rendition into TS segments by stream copy: no encoder runs. Each rung gets `<rung>/00000.ts` … below
 * `folder`, which must exist with a folder for each rung.
 *
 * Not the HLS muxer, which counts in multiples of one duration: the segment muxer takes any times. One muxer for all segments of
 * a rendition (`individual_header_trailer 0`) keeps the continuity counters.
 *
 * @param cuts when segments begin, seconds, 0 first
 */
export function cutCommand(encoding: Encoding, cuts: readonly number[], folder: string): FfmpegCommand {
  const audioIndex = encoding.renditions.length;
  // Copying stops at the first packet at or after the end: half a packet early keeps audio within half a packet of video.
  const audioEnd = encoding.duration - AAC_FRAME / SAMPLE_RATE / 2;
  const inputs = encoding.renditions.map(({ name }, index) => ({
    path: `${encoding.folder}/${name}.mp4`,
    options: [...(index === 0 ? GLOBAL : []), ...words("-f mov -protocol_whitelist file,pipe")],
  }));
  const audio = {
    path: `${encoding.folder}/audio.aac`,
    options: words(`-f aac -protocol_whitelist file,pipe -t ${audioEnd.toFixed(6)}`),
  };
  // The muxer wants a list: a time that never comes stands for none.
  const later = cuts.length > 1 ? cuts.slice(1) : [encoding.duration + 60];
  const times = later.map((time) => time.toFixed(6)).join(",");
  const halfFrame = (0.5 / framesPerSecond(encoding.frameRate)).toFixed(6);
  const cut =
    `-f segment -segment_format mpegts -individual_header_trailer 0 ` +
    `-segment_times ${times} -segment_time_delta ${halfFrame}`;
  const outputs = encoding.renditions.map(({ name }, index) => ({
    path: `${folder}/${name}/%05d.ts`,
    options: words(`-map ${index}:v -map ${audioIndex}:a -c copy -muxdelay 0 -muxpreload 0 ${cut}`),
  }));
  return { inputs: [...inputs, audio], outputs };
}
