import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  describeFile,
  fetchFrom,
  findFlashes,
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

const MASTER = [
  "#EXTM3U",
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="low",NAME="de",URI="nowhere.m3u8",DEFAULT=YES',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",URI="nowhere.m3u8"',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="../{sound}/index.m3u8",DEFAULT=YES',
  '#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=320x180,CODECS="dvh1.05.01,mp4a.40.2",AUDIO="a"',
  "nowhere.m3u8",
  '#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=320x180,CODECS="avc1.64000d,mp4a.40.2",AUDIO="low"',
  "nowhere.m3u8",
  '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.64000d,mp4a.40.2",AUDIO="a"',
  "../{picture}/index.m3u8",
].join("\n");

function makeMaster(name: string, picture: string, sound: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, name, "master.m3u8"),
    MASTER.replaceAll("{picture}", picture).replaceAll("{sound}", sound),
  );
}

/** Black and silent but for one second from `at` on, when it flashes and sounds. */
function makeFlash(name: string, at: number, options: { readonly duration: number; readonly rate?: number }): string {
  const path = join(folder, name);
  const { duration, rate = 48_000 } = options;
  const during = `between(t,${at},${at + 1})`;
  const picture = `color=black:s=320x180:r=25:d=${duration},drawbox=c=white:t=fill:enable='${during}'`;
  const sound = `aevalsrc=0.3*sin(2*PI*440*t)*${during.replaceAll(",", "\\,")}:s=${rate}:d=${duration}`;
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  const encode = "-c:v libx264 -preset veryfast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -c:a aac".split(" ");
  runFfmpeg([...inputs, ...encode, path]);
  return path;
}

describe("sound in a playlist of its own", () => {
  /** Both playlists on one clock, with room for what ffmpeg counts from before the start. */
  const CLOCK = ["-output_ts_offset", "10"];

  test.each([
    ["MPEG-TS", []],
    ["fragmented MP4", ["-hls_segment_type", "fmp4"]],
  ])("%s: the best variant with its default sound becomes one file, in step", async (title, options) => {
    const flash = makeFlash(`apart ${title}.mp4`, 2, { duration: 5 });
    const [picture, sound] = [`picture ${title}`, `sound ${title}`];
    makeHls(folder, picture, ["-i", flash, "-map", "0:v", "-c", "copy", ...CLOCK, ...VOD, ...options]);
    makeHls(folder, sound, ["-i", flash, "-map", "0:a", "-c", "copy", ...CLOCK, ...VOD, ...options]);
    makeMaster(`apart ${title}`, encodeURIComponent(picture), encodeURIComponent(sound));
    const fetched = await fetchFrom(server, `apart ${title}/master.m3u8`);
    expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(5, 2), streams: ["h264", "pcm_s16le"] });
    expect(hashFrames(inputOf(fetched), "v")).toEqual(hashFrames([flash], "v"));
    const { seen, heard } = findFlashes(inputOf(fetched));
    expect(seen).toEqual([expect.closeTo(2, 2)]);
    expect(heard).toEqual([expect.closeTo(2, 1)]);
  });

  test("packed audio whose tag says when it begins", async () => {
    const flash = makeFlash("packed.mp4", 2, { duration: 5 });
    makeHls(folder, "packed-picture", ["-i", flash, "-map", "0:v", "-c", "copy", ...VOD]);
    // The picture of a transport stream made by ffmpeg begins at 1.48 s; this sound begins half a second later.
    const adts = join(folder, "packed.aac");
    runFfmpeg(["-ss", "0.5", "-i", flash, "-map", "0:a", "-c:a", "aac", "-f", "adts", adts]);
    mkdirSync(join(folder, "packed-sound"));
    writeFileSync(join(folder, "packed-sound", "0.aac"), Buffer.concat([timestampTag(1.48 + 0.5), readFileSync(adts)]));
    const playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:4.5,\n0.aac\n#EXT-X-ENDLIST\n";
    writeFileSync(join(folder, "packed-sound", "index.m3u8"), playlist);
    makeMaster("packed", "packed-picture", "packed-sound");
    const { seen, heard } = findFlashes(inputOf(await fetchFrom(server, "packed/master.m3u8")));
    expect(seen).toEqual([expect.closeTo(2, 2)]);
    expect(heard).toEqual([expect.closeTo(2, 1)]);
  });
});

/** RFC 8216 §3.4 */
function timestampTag(time: number): Buffer {
  const owner = Buffer.from("com.apple.streaming.transportStreamTimestamp\0", "latin1");
  const clock = Buffer.alloc(8);
  clock.writeBigUInt64BE(BigInt(Math.round(time * 90_000)));
  const frame = Buffer.concat([Buffer.from("PRIV\0\0\0\x35\0\0", "latin1"), owner, clock]);
  return Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\x3f", "latin1"), frame]);
}

describe("discontinuities", () => {
  /** The segments of several playlists in one, each behind a discontinuity. */
  const chain = (name: string, parts: readonly string[]): void => {
    const lists = parts.map((part) => readFileSync(join(folder, part, "index.m3u8"), "utf8").split("\n"));
    const segments = lists.map((lines, index) =>
      lines
        .filter((line) => /^#EXTINF|^#EXT-X-MAP|^\w/.test(line))
        .map((line) => line.replace('URI="', `URI="../${parts[index]}/`).replace(/^(?=\w)/, `../${parts[index]}/`)),
    );
    const text = segments.map((lines) => lines.join("\n")).join("\n#EXT-X-DISCONTINUITY\n");
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(
      join(folder, name, "index.m3u8"),
      `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n${text}\n#EXT-X-ENDLIST\n`,
    );
  };
  const part = (name: string, at: number, options: { duration: number; rate?: number }, hls: readonly string[] = []) =>
    makeHls(folder, name, ["-i", makeFlash(`${name}.mp4`, at, options), "-c", "copy", ...VOD, ...hls]);

  test.each([
    ["MPEG-TS", []],
    ["fragmented MP4", ["-hls_segment_type", "fmp4"]],
  ])("%s: clocks that begin anew become one, picture and sound in step in each part", async (title, options) => {
    const names = ["a", "b", "c"].map((name) => `${name}-${options.length}`);
    part(names[0] ?? "", 1, { duration: 3 }, options);
    // Another sample rate, and a length that is no multiple of an audio frame.
    part(names[1] ?? "", 2, { duration: 4.2, rate: 44_100 }, options);
    part(names[2] ?? "", 1, { duration: 3 }, options);
    chain(`chain ${title}`, names);
    const fetched = await fetchFrom(server, `chain ${title}/index.m3u8`);
    expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(10.2, 2), streams: ["h264", "pcm_s16le"] });
    const frames = names.flatMap((name) => hashFrames([join(folder, `${name}.mp4`)], "v"));
    expect(hashFrames(inputOf(fetched), "v")).toEqual(frames);
    const { seen, heard } = findFlashes(inputOf(fetched));
    expect(seen).toEqual([1, 5, 8.2].map((time) => expect.closeTo(time, 2)));
    expect(heard).toHaveLength(3);
    for (const [index, time] of heard.entries()) expect(Math.abs(time - (seen[index] ?? 0))).toBeLessThan(0.04);
  });
});
