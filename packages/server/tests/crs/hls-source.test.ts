import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  describeFile,
  fetchFrom,
  hashFrames,
  inputOf,
  makeFolder,
  makeHls,
  runFfmpeg,
  serveFolder,
} from "./fetch-hls.ts";
import type { MediaServer } from "./test-crs.ts";

let folder = "";
let server: MediaServer;
let film = "";
beforeAll(async () => {
  folder = makeFolder();
  film = join(folder, "film.mp4");
  const picture = [
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=320x180:r=25:d=6",
    "-f",
    "lavfi",
    "-i",
    "sine=440:d=6:sample_rate=44100",
  ];
  const encode = "-c:v libx264 -preset veryfast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -shortest".split(
    " ",
  );
  runFfmpeg([...picture, ...encode, film]);
  server = await serveFolder(folder);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const VOD = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "vod"];
const copyTo = (name: string, options: readonly string[], maps: readonly string[] = []): string =>
  makeHls(folder, name, ["-i", film, ...maps, "-c", "copy", ...VOD, ...options]);
/** The same playlist, read by ffmpeg itself. */
const asFfmpegReads = (name: string): readonly string[] => [
  "-allowed_extensions",
  "ALL",
  join(folder, name, "index.m3u8"),
];

/** A key of 16 bytes beside the segments, as `-hls_key_info_file` wants it. */
function makeKey(name: string, iv?: string): string {
  const key = join(folder, `${name}.key`);
  const info = join(folder, `${name}.keyinfo`);
  writeFileSync(key, randomBytes(16));
  writeFileSync(info, [`../${name}.key`, key, ...(iv ? [iv] : [])].join("\n"));
  return info;
}

describe("a creative that is HLS is read as ffmpeg would read it", () => {
  test.each([
    ["MPEG-TS", "ts", () => [], "mpegts"],
    ["fragmented MP4", "fmp4", () => ["-hls_segment_type", "fmp4"], "mov"],
    ["byte ranges of one TS file", "ts-ranges", () => ["-hls_flags", "single_file"], "mpegts"],
    ["byte ranges of one MP4", "fmp4-ranges", () => ["-hls_flags", "single_file", "-hls_segment_type", "fmp4"], "mov"],
    [
      "AES-128, the IV being the media sequence number",
      "aes",
      () => ["-hls_key_info_file", makeKey("aes"), "-start_number", "300"],
      "mpegts",
    ],
    [
      "AES-128 with an IV",
      "aes-iv",
      () => ["-hls_key_info_file", makeKey("aes-iv", "00112233445566778899aabbccddeeff")],
      "mpegts",
    ],
  ])("%s", async (_title, name, options, format) => {
    copyTo(name, options());
    const progress: number[] = [];
    const fetched = await fetchFrom(server, `${name}/index.m3u8`, { onProgress: (share) => progress.push(share) });
    expect(fetched.video.format).toBe(format);
    for (const stream of ["v", "a"] as const) {
      const frames = hashFrames(inputOf(fetched), stream);
      expect(frames.length).toBeGreaterThan(100);
      expect(frames).toEqual(hashFrames(asFfmpegReads(name), stream));
    }
    expect(describeFile(fetched).duration).toBeCloseTo(6, 1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  });
});
