/**
 * The one command: what somebody types who wants this ladder from ffmpeg and nothing else. One decode, a split, preset veryfast,
 * the same rungs, rate limits, closed 2 s GOPs, threads and loudness target as the service makes, sound encoded for each rung,
 * TS segments of 6 s. It probes nothing, checks nothing and publishes nothing.
 *
 * It uses loudnorm in one pass, as one command must: that meets −24 LKFS too, but crushes the dynamics (server-notes.md §4.6).
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Rung } from "../packages/server/src/crs/ladder.ts";

export interface OneCommand {
  readonly source: string;
  /** Best first, the first in the source's own size. */
  readonly rungs: readonly Rung[];
  /** Frames per second of the source. */
  readonly frameRate: number;
}

const AUDIO = "-c:a aac -b:a 128k -ar 48000 -ac 2";
const HLS = "-muxdelay 0 -muxpreload 0 -f hls -hls_time 6 -hls_list_size 0 -hls_playlist_type vod";
const TIMEOUT_MS = 900_000;

/** The options of one rung's encoder: the service's own, written out. */
export function encoderOptions({ maxKbps }: Rung, frameRate: number): readonly string[] {
  const gop = Math.ceil(2.45 * frameRate) + 1;
  const rate = `-maxrate ${maxKbps}k -bufsize ${2 * maxKbps}k`;
  const keys = `-g ${gop} -sc_threshold 0 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*2)`;
  return `-c:v libx264 -preset veryfast -profile:v high -bf 0 -crf 21 ${rate} ${keys}`.split(" ");
}

/** Runs it; `folder` is made, and gets `<rung>/index.m3u8`. @throws when ffmpeg fails */
export async function runOneCommand({ source, rungs, frameRate }: OneCommand, folder: string): Promise<void> {
  const outputs = rungs.flatMap((rung, index) => {
    mkdirSync(join(folder, rung.name), { recursive: true });
    const maps = `-map [v${index}] -map [a${index}]`.split(" ");
    const others = `${AUDIO} ${HLS} -hls_segment_filename`.split(" ");
    const [segments, playlist] = ["%05d.ts", "index.m3u8"].map((name) => join(folder, rung.name, name));
    return [...maps, ...encoderOptions(rung, frameRate), ...others, segments ?? "", playlist ?? ""];
  });
  const args = ["-nostdin", "-v", "error", "-y", "-i", source, "-filter_complex", graphOf(rungs), ...outputs];
  const child = spawn("ffmpeg", args, {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const code = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  if (code !== 0) throw new Error(`the one command: expected exit code 0, got ${String(code)}`);
}

function graphOf(rungs: readonly Rung[]): string {
  const list = (letter: string): string => rungs.map((_, index) => `[${letter}${index}]`).join("");
  const scales = rungs.map(({ width, height }, index) => {
    const scale = index === 0 ? "" : `scale=${width}:${height},`;
    return `[s${index}]${scale}format=yuv420p[v${index}]`;
  });
  return [
    `[0:v]split=${rungs.length}${list("s")}`,
    ...scales,
    `[0:a]loudnorm=I=-24:TP=-1:LRA=20,aresample=48000,asplit=${rungs.length}${list("a")}`,
  ].join(";");
}
