/**
 * Segments for the tests that play in a browser, made by ffmpeg before it opens: 4 s in two segments, as MPEG-TS, and as fragmented MP4
 * with the sound apart. Given to the tests as base64 by file name.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** `0.ts` `1.ts`; `v.mp4` `v0.m4s` `v1.m4s`; `a.mp4` `a0.m4s` `a1.m4s`. */
    readonly segments: Readonly<Record<string, string>>;
  }
}

const run = promisify(execFile);

const PICTURES = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4"];
const SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4"];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-bf", "0"];
const AAC = ["-c:a", "aac", "-b:a", "64k"];
const SEGMENTS = ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod"];
const FMP4 = [...SEGMENTS, "-hls_segment_type", "fmp4"];

export async function setup({ provide }: TestProject): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "interlude-segments-"));
  try {
    const ffmpeg = (...args: readonly string[]): Promise<unknown> =>
      run("ffmpeg", ["-nostdin", "-v", "error", ...args], { cwd: folder });
    await Promise.all([
      ffmpeg(...PICTURES, ...SOUND, ...H264, ...AAC, ...SEGMENTS, "-hls_segment_filename", "%d.ts", "main.m3u8"),
      ffmpeg(
        ...PICTURES,
        ...H264,
        ...FMP4,
        "-hls_fmp4_init_filename",
        "v.mp4",
        "-hls_segment_filename",
        "v%d.m4s",
        "v.m3u8",
      ),
      ffmpeg(
        ...SOUND,
        ...AAC,
        ...FMP4,
        "-hls_fmp4_init_filename",
        "a.mp4",
        "-hls_segment_filename",
        "a%d.m4s",
        "a.m3u8",
      ),
    ]);
    const names = (await readdir(folder)).filter((name) => !name.endsWith(".m3u8"));
    const files = names.map(async (name) => [name, await readFile(join(folder, name), "base64")] as const);
    provide("segments", Object.fromEntries(await Promise.all(files)));
  } finally {
    await rm(folder, { recursive: true });
  }
}
