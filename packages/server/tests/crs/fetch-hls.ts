/** HLS made by ffmpeg in a folder of its own, served from loopback, read back by our reader, and looked at. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import type { SourceLimits } from "../../src/crs/crs-config.ts";
import { type FetchedSource, fetchSource, type FetchSourceDeps } from "../../src/crs/fetch-source.ts";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { findProgram, writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";
import { createFfprobe } from "../../src/crs/ffprobe.ts";
import { createGuardedFetch, type GuardedFetchRules } from "../../src/guarded-fetch.ts";
import { type MediaServer, startServer } from "./test-crs.ts";

/** An empty folder; whoever asks for it removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "interlude-hls-"));
}

export function runFfmpeg(args: readonly string[], cwd?: string): string {
  return execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { cwd, encoding: "utf8" });
}

/** Runs `ffmpeg -f hls` in `<folder>/<name>`, which is made; returns that folder. */
export function makeHls(folder: string, name: string, args: readonly string[]): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  runFfmpeg([...args, "index.m3u8"], path);
  return path;
}

/** What stands before `index.m3u8`: segments of a second, all listed. */
export const VOD = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "vod"];

/** Rewrites a playlist in place. */
export function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** Serves a folder; ranges are served too unless `ranges` is false. */
export function serveFolder(folder: string, { ranges = true } = {}): Promise<MediaServer> {
  return startServer((request, response) => serveFile(folder, request, response, ranges));
}

function serveFile(folder: string, request: IncomingMessage, response: ServerResponse, ranges: boolean): void {
  let body: Buffer;
  try {
    body = readFileSync(join(folder, decodeURIComponent((request.url ?? "").split("?", 1).join(""))));
  } catch {
    response.writeHead(404).end();
    return;
  }
  const [, first, last] = (ranges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")) || [];
  if (first === undefined) {
    response.writeHead(200, { "content-length": body.length }).end(body);
    return;
  }
  const part = body.subarray(Number(first), Number(last) + 1);
  if (part.length === 0) response.writeHead(416).end();
  else {
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${body.length}`;
    response.writeHead(206, { "content-length": part.length, "content-range": range }).end(part);
  }
}

export interface FetchOptions {
  readonly limits?: Partial<SourceLimits>;
  readonly rules?: Partial<GuardedFetchRules>;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** What `fetchSource` needs, with the guarded client allowed to reach `servers` and nothing else of ours. Ends with the test. */
export function makeDeps(servers: readonly MediaServer[], { limits, rules }: FetchOptions = {}): FetchSourceDeps {
  const folder = makeFolder();
  const fetch = createGuardedFetch({ allowPrivate: servers.map((server) => server.base.host), ...rules });
  onTestFinished(async () => {
    await fetch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const setpriv = findProgram("setpriv", process.env["PATH"] ?? "");
  const wrap = (program: string) => writeWrapper({ directory: folder, program, parent: process.pid, setpriv });
  return {
    fetch,
    limits: { ...defaultCrsConfig(folder).limits, ...limits },
    tools: { runFfmpeg: createFfmpeg(wrap("ffmpeg")), runFfprobe: createFfprobe(wrap("ffprobe")) },
  };
}

/** Fetches from a server into a folder that goes with the test. */
export function fetchFrom(server: MediaServer, path: string, options: FetchOptions = {}): Promise<FetchedSource> {
  const folder = makeFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { onProgress = () => undefined, signal = new AbortController().signal } = options;
  return fetchSource(new URL(path, server.base).href, folder, makeDeps([server], options), signal, onProgress);
}

/**
 * The MD5 of each decoded frame of the first video or audio stream, in order.
 *
 * @param input what stands before the path, and the path
 */
export function hashFrames(input: readonly string[], stream: "v" | "a"): readonly string[] {
  const options = input.slice(0, -1);
  const path = input.at(-1) ?? "";
  const report = runFfmpeg([
    ...options,
    "-i",
    path,
    "-map",
    `0:${stream}:0`,
    "-fps_mode",
    "passthrough",
    "-f",
    "framemd5",
    "-",
  ]);
  return report
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");
}

/** Of a fetched file, as the service shows it to ffmpeg. */
export function inputOf({ video }: FetchedSource): readonly string[] {
  return ["-f", video.format, video.path];
}

/** What ffprobe tells of a fetched file: its length in seconds, and its streams. */
export function describeFile({ video: { path, format } }: FetchedSource): {
  readonly duration: number;
  readonly streams: readonly string[];
} {
  const show = ["-show_entries", "format=duration", "-show_entries", "stream=codec_name", "-of", "csv=p=0"];
  const lines = execFileSync("ffprobe", ["-v", "error", "-f", format, ...show, path], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  // A transport stream lists its streams once more, by programme.
  const streams = [...new Set(lines.slice(0, -1))];
  return { duration: Number(lines.at(-1)), streams };
}

/** When the picture turns white, and when sound begins after silence. Seconds. */
export function findFlashes(input: readonly string[]): { readonly seen: number[]; readonly heard: number[] } {
  const filters = ["-vf", "negate,blackdetect=d=0.1:pix_th=0.2", "-af", "silencedetect=n=-40dB:d=0.1"];
  const args = [
    "-nostdin",
    "-hide_banner",
    ...input.slice(0, -1),
    "-i",
    input.at(-1) ?? "",
    ...filters,
    "-f",
    "null",
    "-",
  ];
  const { stderr } = spawnSync("ffmpeg", args, { encoding: "utf8" });
  const times = (name: RegExp): number[] => [...stderr.matchAll(name)].map(([, time]) => Number(time));
  // The end of the file ends a silence too, but no other follows it.
  const silences = times(/silence_start: ([\d.]+)/g);
  const heard = times(/silence_end: ([\d.]+)/g).filter((time) => silences.some((start) => start > time));
  return { seen: times(/black_start:([\d.]+)/g), heard };
}
