/** The ffmpeg command line of a creative's picture. It only ever reads files that we encoded ourselves. */
import type { EncodedRendition, Encoding } from "./encoding.ts";
import { type FfmpegCommand, GLOBAL, words } from "./ffmpeg-args.ts";

/** Of the picture, pixels: a thumbnail at twice the density. */
const LONGEST_SIDE = 480;
/** ffmpeg's scale from 2 (best) to 31: some 20 kB. */
const QUALITY = 5;

/**
 * One frame of the middle, as JPEG.
 *
 * @param encoding with at least one rendition
 * @param path of the file to be made
 */
export function previewCommand({ folder, duration, renditions }: Encoding, path: string): FfmpegCommand | undefined {
  // The smallest that need not be enlarged: what costs is to decode from the last key frame on.
  const rendition =
    renditions.findLast(({ width, height }) => Math.max(width, height) >= LONGEST_SIDE) ?? renditions[0];
  if (!rendition) return undefined;
  const { width, height } = fitPreview(rendition);
  const before = `-threads 1 -ss ${(duration / 2).toFixed(3)} -f mov -protocol_whitelist file,pipe -codec_whitelist h264`;
  const after = `-map 0:v:0 -frames:v 1 -vf scale=${width}:${height},format=yuvj420p -c:v mjpeg -q:v ${QUALITY} -f mjpeg`;
  return {
    inputs: [{ path: `${folder}/${rendition.name}.mp4`, options: [...GLOBAL, ...words(before)] }],
    outputs: [{ path, options: words(after) }],
  };
}

/** Even sides; never larger than the rendition. */
function fitPreview({ width, height }: EncodedRendition): { readonly width: number; readonly height: number } {
  const factor = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const fit = (side: number): number => Math.max(2, 2 * Math.round((side * factor) / 2));
  return { width: fit(width), height: fit(height) };
}
