/**
 * Media for the specs that look at packages themselves: an ad as the service cuts and publishes it, and content as a stock ffmpeg
 * makes it. Every picture carries the strip (demo/strip.ts).
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Packaging } from "@interlude/core";
import { formatStripLuma, STRIP_BLOCKS, STRIP_SHARE } from "../demo/strip.ts";
import { cutEncoding } from "../packages/server/src/crs/cut.ts";
import type { Encoding } from "../packages/server/src/crs/encoding.ts";
import { createFfmpeg } from "../packages/server/src/crs/ffmpeg.ts";
import { publishTo } from "../packages/server/src/crs/publish.ts";
import { directoryStore } from "../packages/server/src/origin/store.ts";

const run = promisify(execFile);
const RATE = 25;
const WIDTH = 480;
const HEIGHT = 270;
/** Seconds per segment of the content, and per GOP of the ad. */
export const SEGMENT = 2;
export const CREATIVE_KEY = "0123456789abcdef0123456789abcdef";

const ffmpeg = (args: readonly string[]): Promise<unknown> => run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);

/** A picture with its strip and a tone: `[v]` and `[a]`. */
function formatGraph(source: number, duration: number): readonly string[] {
  const high = Math.round((HEIGHT * STRIP_SHARE) / 2) * 2;
  const strip =
    `color=c=black:s=${STRIP_BLOCKS}x1:r=${RATE},format=yuv444p,geq=lum='${formatStripLuma(source)}':cb=128:cr=128,` +
    `scale=${WIDTH}:${high}:flags=neighbor,format=yuv420p[strip]`;
  const upper = `testsrc2=s=${WIDTH}x${HEIGHT - high}:r=${RATE},hue=h=${source * 60},format=yuv420p[upper]`;
  const picture = `[upper][strip]vstack,trim=duration=${duration},setsar=1[v]`;
  const wave = `0.05*sin(2*PI*${200 * source}*t)`;
  const sound = `aevalsrc=exprs='${wave}|${wave}':s=48000:d=${duration + 1}[a]`;
  return ["-filter_complex", [strip, upper, picture, sound].join(";")];
}

const H264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"];
const KEYS = ["-force_key_frames", `expr:gte(t,n_forced*${SEGMENT})`];

/** Demuxed CMAF as ffmpeg makes it when it is only told to: B-frames, its own timing. Writes `v.m3u8` and `a.m3u8`. */
export async function makeCmafContent(folder: string, source: number, duration: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const streams = [
    "-map",
    "[v]",
    "-map",
    "[a]",
    "-t",
    String(duration),
    ...H264,
    ...KEYS,
    "-c:a",
    "aac",
    "-ar",
    "48000",
  ];
  const hls = ["-f", "hls", "-hls_time", String(SEGMENT), "-hls_playlist_type", "vod", "-hls_list_size", "0"];
  const fragments = ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init_%v.mp4"];
  const groups = ["-var_stream_map", "v:0,agroup:x,name:v a:0,agroup:x,name:a"];
  const files = ["-hls_segment_filename", `${folder}/%v_%d.m4s`, `${folder}/%v.m3u8`];
  await ffmpeg([...formatGraph(source, duration), ...streams, ...hls, ...fragments, ...groups, ...files]);
}

/**
 * TS as ffmpeg makes it when it is told nothing but whether to make B-frames: its sound begins before its pictures, and ends behind
 * them. Writes `media.m3u8`.
 */
export async function makeTsContent(
  folder: string,
  content: { readonly source: number; readonly duration: number; readonly bFrames: number },
): Promise<void> {
  const { source, duration, bFrames } = content;
  await mkdir(folder, { recursive: true });
  const streams = ["-map", "[v]", "-map", "[a]", "-t", String(duration), ...H264, "-bf", String(bFrames), ...KEYS];
  const hls = ["-f", "hls", "-hls_time", String(SEGMENT), "-hls_playlist_type", "vod", `${folder}/media.m3u8`];
  await ffmpeg([...formatGraph(source, duration), ...streams, "-c:a", "aac", "-ar", "48000", ...hls]);
}

/** An encoding as it is stored: pictures with a key frame every two seconds, and sound that begins with them; with B-frames a remux. */
export async function makeEncoding(
  folder: string,
  ad: { readonly source: number; readonly duration: number; readonly bFrames: number },
): Promise<Encoding> {
  await mkdir(folder, { recursive: true });
  const closed = ["-bf", String(ad.bFrames), "-g", "500", "-sc_threshold", "0", "-forced-idr", "1", ...KEYS];
  const graph = formatGraph(ad.source, ad.duration);
  await ffmpeg([...graph, "-map", "[v]", ...H264, ...closed, `${folder}/270p.mp4`, "-map", "[a]", "-f", "null", "-"]);
  const sound = ["-map", "0:a", "-af", "atrim=start_sample=1024", "-c:a", "aac", "-b:a", "128k", "-f", "adts"];
  const wave = `0.05*sin(2*PI*${200 * ad.source}*t)`;
  await ffmpeg([
    "-f",
    "lavfi",
    "-i",
    `aevalsrc=exprs='${wave}|${wave}':s=48000:d=${ad.duration + 1}`,
    ...sound,
    `${folder}/audio.aac`,
  ]);
  return {
    folder,
    duration: ad.duration,
    frameRate: { numerator: RATE, denominator: 1 },
    ...(ad.bFrames > 0
      ? { keyTimes: Array.from({ length: Math.ceil(ad.duration / SEGMENT) }, (_, index) => index * SEGMENT) }
      : {}),
    renditions: [{ name: "270p", width: WIDTH, height: HEIGHT, codec: "avc1.640015", bandwidthBps: 500_000 }],
  };
}

/** Cuts and publishes with timed metadata; returns the path of the master below `folder`. */
export async function publishPackage(encoding: Encoding, packaging: Packaging, folder: string): Promise<string> {
  const signal = new AbortController().signal;
  const tools = { runFfmpeg: createFfmpeg("ffmpeg") };
  const wanted = { packaging, targetDuration: SEGMENT };
  const id3 = { creativeKey: CREATIVE_KEY };
  const work = join(folder, `${packaging}-work`);
  const cut = await cutEncoding(encoding, wanted, work, { id3 }, tools, signal);
  const masterPath = `1/${packaging}.m3u8`;
  const what = { cut, frameRate: encoding.frameRate, masterPath, version: "v1" };
  await publishTo(directoryStore("a", folder), what, { signal, timeoutMs: 30_000, onProgress: () => undefined });
  return masterPath;
}
