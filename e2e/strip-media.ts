/**
 * Small films with the strip of demo/strip.ts, made by a stock ffmpeg (its B-frames and its timing): VOD content and HLS creatives
 * in two renditions, segments of two seconds.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { formatStripLuma, STRIP_BLOCKS, STRIP_SHARE } from "../demo/strip.ts";

const run = promisify(execFile);

export const FRAME_RATE = 25;
/** Seconds. */
export const SEGMENT = 2;
/** Rows of the renditions, and the names of their playlists. */
export const RUNGS = ["180", "360"] as const;

const WIDTH = 640;
const HEIGHT = 360;

/** A picture with its strip and a tone, endless: pads `[v]` and `[a]` under the names that are given. */
export function formatFilm(source: number, pads: { readonly v: string; readonly a: string }): string {
  const high = HEIGHT * STRIP_SHARE;
  const bits = `geq=lum='${formatStripLuma(source)}':cb=128:cr=128`;
  const tone = `0.05*sin(2*PI*${150 + 50 * source}*t)`;
  return [
    `color=c=black:s=${STRIP_BLOCKS}x1:r=${FRAME_RATE},format=yuv444p,${bits},scale=${WIDTH}:${high}:flags=neighbor,format=yuv420p[strip]`,
    `testsrc2=s=${WIDTH}x${HEIGHT - high}:r=${FRAME_RATE},hue=h=${source * 50},format=yuv420p[upper]`,
    `[upper][strip]vstack,setsar=1[${pads.v}]`,
    `aevalsrc=exprs='${tone}|${tone}':s=48000[${pads.a}]`,
  ].join(";");
}

/** Encodes the first input into both renditions and a master playlist in the working folder; `flags` go to the HLS muxer. */
export function formatRungs(flags: readonly string[]): readonly string[] {
  const gop = String(SEGMENT * FRAME_RATE);
  const split = "[0:v]split[v360][full];[full]scale=320:180[v180];[0:a]asplit[a180][a360]";
  const streams = RUNGS.flatMap((rung) => ["-map", `[v${rung}]`, "-map", `[a${rung}]`]);
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", gop, "-keyint_min", gop];
  const rate = ["-sc_threshold", "0", "-threads", "1", "-b:v:0", "200k", "-b:v:1", "500k", "-pix_fmt", "yuv420p"];
  const audio = ["-c:a", "aac", "-b:a", "64k"];
  const groups = RUNGS.map((rung, index) => `v:${index},a:${index},name:${rung}`).join(" ");
  const master = ["-master_pl_name", "master.m3u8", "-var_stream_map", groups];
  const files = ["-hls_segment_filename", "%v_%05d.ts", "%v.m3u8"];
  const hls = ["-f", "hls", "-hls_time", String(SEGMENT), ...flags, ...master, ...files];
  return ["-filter_complex", split, ...streams, ...video, ...rate, ...audio, ...hls];
}

/** Makes a film of as many seconds in `folder`: `master.m3u8`, `180.m3u8`, `360.m3u8`. Its frames are numbered from 0. */
export async function makeFilm(folder: string, source: number, duration: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const film = formatFilm(source, { v: "out0", a: "out1" });
  const flags = ["-hls_playlist_type", "vod", "-hls_list_size", "0"];
  const input = ["-f", "lavfi", "-t", String(duration), "-i", film];
  await run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...input, ...formatRungs(flags)], { cwd: folder });
}
