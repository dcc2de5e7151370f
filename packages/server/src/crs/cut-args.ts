/** The ffmpeg command line that cuts a stored encoding. It only ever reads files that we encoded or remuxed ourselves. */
import { CATCH_UP, DECODED_AHEAD, secondDelay } from "@interlude/core";
import { decodingLead, isRetimed } from "./cut-timing.ts";
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
  // Copying stops at the first packet at or after the end. Sound never ends after the pictures: hls.js would put what follows at
  // its end, and take the last picture away for it.
  const audioEnd = encoding.duration - AAC_FRAME / SAMPLE_RATE + ROUNDING;
  const inputs = encoding.renditions.map(({ name }, index) => ({
    path: `${encoding.folder}/${name}.mp4`,
    options: [...(index === 0 ? GLOBAL : []), ...words("-f mov -protocol_whitelist file,pipe -codec_whitelist h264")],
  }));
  const audio = {
    path: `${encoding.folder}/audio.aac`,
    options: words(`-f aac -protocol_whitelist file,pipe -codec_whitelist aac -t ${audioEnd.toFixed(6)}`),
  };
  // The muxer wants a list: a time that never comes stands for none.
  const later = cuts.length > 1 ? cuts.slice(1) : [encoding.duration + 60];
  const times = later.map((time) => time.toFixed(6)).join(",");
  const halfFrame = (0.5 / framesPerSecond(encoding.frameRate)).toFixed(6);
  const cut =
    `-f segment -segment_format mpegts -individual_header_trailer 0 ` +
    `-segment_times ${times} -segment_time_delta ${halfFrame}`;
  const timing = isRetimed(encoding) ? ["-bsf:v", formatTiming(encoding)] : [];
  const outputs = encoding.renditions.map(({ name }, index) => ({
    path: `${folder}/${name}/%05d.ts`,
    options: [
      ...words(`-map ${index}:v -map ${audioIndex}:a -c copy -muxdelay 0 -muxpreload 0`),
      ...timing,
      ...words(cut),
    ],
  }));
  return { inputs: [...inputs, audio], outputs };
}

/** Seconds. */
const ROUNDING = 5e-4;

/**
 * The filter that gives copied pictures the times of `pictureDelay` and `decodedAhead`: N counts them, PTS / N is how long one
 * lasts, since all last equally long. The quotes are ffmpeg's own. (`TB` is wrong in ffmpeg 5.1.)
 */
function formatTiming({ frameRate }: Encoding): string {
  const fps = framesPerSecond(frameRate);
  const first = (decodingLead(frameRate) * fps).toFixed(4);
  const second = (secondDelay(1 / fps) * fps).toFixed(4);
  const late = `max(0,${second}-(N-1)*${CATCH_UP})`;
  const pts = `if(N,PTS+${late}*PTS/N,PTS)`;
  const dts = `if(N,DTS+(${late}-min(${DECODED_AHEAD},(N-1)*${CATCH_UP}))*PTS/N,DTS-${first}*NEXT_PTS)`;
  return `setts=pts='${pts}':dts='${dts}'`;
}
