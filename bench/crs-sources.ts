/**
 * What creatives come as, made once with ffmpeg into `.interlude/bench-media`: moving shapes under grain at 30 frames per
 * second, a tone whose level swings, and each container and codec that counts.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { SourceFormat } from "../packages/server/src/crs/source-format.ts";

/** Where sources and the work of a run are; not part of the repository. */
export const FOLDER = resolve(import.meta.dirname, "../.interlude/bench-media");

export interface BenchSource {
  /** What it is, for people. */
  readonly name: string;
  readonly file: string;
  readonly format: SourceFormat;
  readonly size: string;
  /** Seconds. */
  readonly duration: number;
  /** Options of its video and of its sound. */
  readonly options: string;
  /** Of the smallest set that says something. */
  readonly isQuick?: boolean;
  /** Whether the budget of the first playable layer is for it (DESIGN §11). */
  readonly hasFirstBudget?: boolean;
}

const FPS = 30;
const AAC = "-c:a aac -b:a 160k";

function x264(kbps: number, gop: number): string {
  const rate = `-b:v ${kbps}k -maxrate ${1.25 * kbps}k -bufsize ${2 * kbps}k`;
  return `-c:v libx264 -preset veryfast -pix_fmt yuv420p ${rate} -g ${gop * FPS} -sc_threshold 0 ${AAC}`;
}

const X265 = "-c:v libx265 -preset superfast -tag:v hvc1 -pix_fmt yuv420p -x265-params log-level=error:keyint=60";
const VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -pix_fmt yuv420p";

/** The whole set; together about 20 minutes of benchmark on two cores. */
export const SOURCES: readonly BenchSource[] = [
  {
    name: "1080p H.264/AAC MP4, 8 Mbit/s, GOP 2 s, 30 s",
    file: "1080p-gop2-30s.mp4",
    format: "mov",
    size: "1920x1080",
    duration: 30,
    options: x264(8000, 2),
    isQuick: true,
    hasFirstBudget: true,
  },
  {
    name: "1080p H.264/AAC MP4, 8 Mbit/s, GOP 10 s, 30 s",
    file: "1080p-gop10-30s.mp4",
    format: "mov",
    size: "1920x1080",
    duration: 30,
    options: x264(8000, 10),
    hasFirstBudget: true,
  },
  {
    name: "360p H.264/AAC MP4, 1 Mbit/s, GOP 2 s, 15 s",
    file: "360p-gop2-15s.mp4",
    format: "mov",
    size: "640x360",
    duration: 15,
    options: x264(1000, 2),
    isQuick: true,
  },
  {
    name: "720p H.264/AAC MP4, 4 Mbit/s, GOP 2 s, 30 s",
    file: "720p-gop2-30s.mp4",
    format: "mov",
    size: "1280x720",
    duration: 30,
    options: x264(4000, 2),
  },
  {
    name: "2160p H.264/AAC MP4, 24 Mbit/s, GOP 2 s, 15 s",
    file: "2160p-gop2-15s.mp4",
    format: "mov",
    size: "3840x2160",
    duration: 15,
    options: x264(24_000, 2),
  },
  {
    name: "1080p HEVC/AAC MP4, 6 Mbit/s, 15 s",
    file: "1080p-hevc-15s.mp4",
    format: "mov",
    size: "1920x1080",
    duration: 15,
    options: `${X265} -b:v 6000k ${AAC}`,
  },
  {
    name: "720p H.264/AAC FLV, 4 Mbit/s, GOP 2 s, 15 s",
    file: "720p-h264-15s.flv",
    format: "flv",
    size: "1280x720",
    duration: 15,
    options: x264(4000, 2),
  },
  {
    name: "360p Sorenson/MP3 FLV, 1.5 Mbit/s, 30 s",
    file: "360p-sorenson-30s.flv",
    format: "flv",
    size: "640x360",
    duration: 30,
    options: `-c:v flv -pix_fmt yuv420p -b:v 1500k -g ${10 * FPS} -c:a libmp3lame -ar 44100 -b:a 128k`,
    isQuick: true,
  },
  {
    name: "1080p VP9/Opus WebM, 6 Mbit/s, 15 s",
    file: "1080p-vp9-15s.webm",
    format: "matroska",
    size: "1920x1080",
    duration: 15,
    options: `${VP9} -b:v 6000k -g ${4 * FPS} -c:a libopus -b:a 128k`,
  },
  {
    name: "1080p ProRes 422/PCM MOV (mezzanine), 15 s",
    file: "1080p-prores-15s.mov",
    format: "mov",
    size: "1920x1080",
    duration: 15,
    options: "-c:v prores_ks -profile:v standard -vendor apl0 -pix_fmt yuv422p10le -c:a pcm_s16le",
  },
];

/** One second, small: for what is to be measured around a job, not in it. */
export const TINY: BenchSource = {
  name: "tiny",
  file: "tiny.mp4",
  format: "mov",
  size: "160x90",
  duration: 1,
  options: x264(100, 2),
};

/** The path of a source, made now if it is not there. */
export async function makeSource({ file, size, duration, options }: BenchSource): Promise<string> {
  const path = join(FOLDER, file);
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  const picture = `testsrc2=s=${size}:r=${FPS}:d=${duration},noise=alls=7:allf=t`;
  const sound = `aevalsrc=0.3*sin(440*2*PI*t)*(0.6+0.4*sin(2*PI*t/3))|0.25*sin(523*2*PI*t):s=48000:d=${duration}`;
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  const beside = join(FOLDER, `${process.pid}-${file}`);
  const args = ["-nostdin", "-v", "error", "-y", ...inputs, ...options.split(" "), beside];
  await promisify(execFile)("ffmpeg", args);
  renameSync(beside, path);
  return path;
}
