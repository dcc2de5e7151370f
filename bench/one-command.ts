/**
 * The one command: what somebody types who wants this ladder from ffmpeg and nothing else. One decode, a split, preset veryfast,
 * the same rungs, rate limits, closed 2 s GOPs and loudness target as the service makes, sound encoded for each rung, TS segments of 6 s.
 * Written by hand for 1080p at 30 frames per second; it probes nothing, checks nothing and publishes nothing.
 *
 * It uses loudnorm in one pass, as one command must: that meets −24 LKFS too, but crushes the dynamics (server-notes.md §4.6).
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const RUNGS = [
  { name: "1080p", scale: "null", maxKbps: 6000 },
  { name: "720p", scale: "scale=1280:720", maxKbps: 3270 },
  { name: "540p", scale: "scale=960:540", maxKbps: 2120 },
  { name: "360p", scale: "scale=640:360", maxKbps: 1150 },
];

const GRAPH = [
  "[0:v]split=4[s0][s1][s2][s3]",
  ...RUNGS.map(({ scale }, index) => `[s${index}]${scale},format=yuv420p[v${index}]`),
  "[0:a]loudnorm=I=-24:TP=-1:LRA=20,aresample=48000,asplit=4[a0][a1][a2][a3]",
].join(";");

const VIDEO =
  "-c:v libx264 -preset veryfast -profile:v high -bf 0 -crf 21 -g 75 -sc_threshold 0 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*2)";
const AUDIO = "-c:a aac -b:a 128k -ar 48000 -ac 2";
const HLS = "-muxdelay 0 -muxpreload 0 -f hls -hls_time 6 -hls_list_size 0 -hls_playlist_type vod";

/** The names of the rungs, best first; `<folder>/<name>/index.m3u8` is what each leaves. */
export const RUNG_NAMES: readonly string[] = RUNGS.map(({ name }) => name);

/** Runs it; `folder` is made. @throws when ffmpeg fails */
export async function runOneCommand(source: string, folder: string): Promise<void> {
  const outputs = RUNGS.flatMap(({ name, maxKbps }, index) => {
    mkdirSync(join(folder, name), { recursive: true });
    const rate = `-maxrate ${maxKbps}k -bufsize ${2 * maxKbps}k`;
    const options = `-map [v${index}] -map [a${index}] ${VIDEO} ${rate} ${AUDIO} ${HLS}`.split(" ");
    return [...options, "-hls_segment_filename", join(folder, name, "%05d.ts"), join(folder, name, "index.m3u8")];
  });
  const args = ["-nostdin", "-v", "error", "-y", "-i", source, "-filter_complex", GRAPH, ...outputs];
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`the one command: expected exit code 0, got ${String(code)}`);
}
