/**
 * The ffmpeg command lines that cut a stored encoding. They only ever read files that we encoded or remuxed ourselves.
 */
import type { Encoding } from "./encoding.ts";
import { AAC_FRAME, type FfmpegCommand, GLOBAL, SAMPLE_RATE, words } from "./ffmpeg-args.ts";

/**
 * Cuts every stored rendition into TS segments by stream copy: no encoder runs. Each rung gets `<rung>/00000.ts` … and
 * `<rung>/index.m3u8` below `folder`, which must exist with a folder for each rung.
 */
export function cutCommand(encoding: Encoding, targetDuration: number, folder: string): FfmpegCommand {
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
  const cut = `-f hls -hls_time ${targetDuration} -hls_list_size 0 -hls_playlist_type vod -hls_segment_filename`;
  const outputs = encoding.renditions.map(({ name }, index) => ({
    path: `${folder}/${name}/index.m3u8`,
    options: [
      ...words(`-map ${index}:v -map ${audioIndex}:a -c copy -muxdelay 0 -muxpreload 0 ${cut}`),
      `${folder}/${name}/%05d.ts`,
    ],
  }));
  return { inputs: [...inputs, audio], outputs };
}
