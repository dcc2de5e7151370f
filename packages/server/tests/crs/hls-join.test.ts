/** What comes in several files: sound of its own, and parts between discontinuities. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  describeFile,
  edit,
  fetchFrom,
  findFlashes,
  hashFrames,
  inputOf,
  makeFolder,
  makeHls,
  runFfmpeg,
  serveFolder,
  VOD,
} from "./fetch-hls.ts";
import { selectCells } from "../matrix.ts";
import type { MediaServer } from "./test-crs.ts";

let folder = "";
let server: MediaServer;
beforeAll(async () => {
  folder = makeFolder();
  server = await serveFolder(folder);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const MASTER = [
  "#EXTM3U",
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="low",NAME="de",URI="nowhere.m3u8",DEFAULT=YES',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",URI="nowhere.m3u8"',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="../{sound}/index.m3u8",DEFAULT=YES',
  '#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=160x90,CODECS="dvh1.05.01,mp4a.40.2",AUDIO="a"',
  "nowhere.m3u8",
  '#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x90,CODECS="avc1.64000d,mp4a.40.2",AUDIO="low"',
  "nowhere.m3u8",
  '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=160x90,CODECS="avc1.64000d,mp4a.40.2",AUDIO="a"',
  "../{picture}/index.m3u8",
].join("\n");

function makeMaster(name: string, picture: string, sound: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, name, "master.m3u8"),
    MASTER.replaceAll("{picture}", picture).replaceAll("{sound}", sound),
  );
}

/** Black and silent but for one second from `at` on, when it flashes and sounds; made once. */
function makeFlash(at: number, { duration, rate = 48_000 }: FlashOptions): string {
  const path = join(folder, `flash ${at} ${duration} ${rate}.mp4`);
  if (existsSync(path)) return path;
  const during = `between(t,${at},${at + 1})`;
  const picture = `color=black:s=160x90:r=25:d=${duration},drawbox=c=white:t=fill:enable='${during}'`;
  const sound = `aevalsrc=0.3*sin(2*PI*440*t)*${during.replaceAll(",", "\\,")}:s=${rate}:d=${duration}`;
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  const encode = "-c:v libx264 -preset veryfast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -c:a aac".split(" ");
  runFfmpeg([...inputs, ...encode, path]);
  return path;
}

interface FlashOptions {
  readonly duration: number;
  readonly rate?: number;
}

const TRANSPORT_STREAM: readonly [string, readonly string[]] = ["MPEG-TS", []];
const FRAGMENTED: readonly [string, readonly string[]] = ["fragmented MP4", ["-hls_segment_type", "fmp4"]];
const CONTAINERS = [TRANSPORT_STREAM, FRAGMENTED];

describe("sound in a playlist of its own", () => {
  /** Both playlists on one clock, with room for what ffmpeg counts from before the start. */
  const CLOCK = ["-output_ts_offset", "10"];

  test.each(selectCells(CONTAINERS, [TRANSPORT_STREAM]))(
    "%s: the best variant with its default sound becomes one file, in step",
    async (title, options) => {
      const flash = makeFlash(2, { duration: 5 });
      const [picture, sound] = [`picture ${title}`, `sound ${title}`];
      makeHls(folder, picture, ["-i", flash, "-map", "0:v", "-c", "copy", ...CLOCK, ...VOD, ...options]);
      // Half a second late: what tells when it begins is its clock.
      const late = ["-itsoffset", "0.5", "-i", flash, "-map", "0:a", "-c", "copy"];
      makeHls(folder, sound, [...late, ...CLOCK, ...VOD, ...options]);
      makeMaster(`apart ${title}`, encodeURIComponent(picture), encodeURIComponent(sound));
      const fetched = await fetchFrom(server, `apart ${title}/master.m3u8`);
      expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(5, 2), streams: ["h264", "pcm_s16le"] });
      expect(hashFrames(inputOf(fetched), "v")).toEqual(hashFrames([flash], "v"));
      const { seen, heard } = findFlashes(inputOf(fetched));
      expect(seen).toEqual([expect.closeTo(2, 2)]);
      expect(heard).toEqual([expect.closeTo(2.5, 1)]);
    },
  );

  test("packed audio whose tag says when it begins", async () => {
    const flash = makeFlash(2, { duration: 5 });
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
    const lists = parts.map((part) =>
      readFileSync(join(folder, decodeURIComponent(part), "index.m3u8"), "utf8").split("\n"),
    );
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
  /** A playlist of a flash, whose file it returns. */
  const part = (name: string, at: number, options: FlashOptions, hls: readonly string[] = []): string => {
    const flash = makeFlash(at, options);
    makeHls(folder, name, ["-i", flash, "-c", "copy", ...VOD, ...hls]);
    return flash;
  };

  test.each(selectCells(CONTAINERS, [TRANSPORT_STREAM]))(
    "%s: clocks that begin anew become one, picture and sound in step in each part",
    async (title, options) => {
      const [one, two] = [`a-${options.length}`, `b-${options.length}`];
      const flash = part(one, 1, { duration: 3 }, options);
      // Another sample rate, and a length that is no multiple of an audio frame.
      const other = part(two, 2, { duration: 4.2, rate: 44_100 }, options);
      chain(`chain ${title}`, [one, two, one]);
      const fetched = await fetchFrom(server, `chain ${title}/index.m3u8`);
      expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(10.2, 2), streams: ["h264", "pcm_s16le"] });
      const [frames, others] = [hashFrames([flash], "v"), hashFrames([other], "v")];
      expect(hashFrames(inputOf(fetched), "v")).toEqual([...frames, ...others, ...frames]);
      const { seen, heard } = findFlashes(inputOf(fetched));
      expect(seen).toEqual([1, 5, 8.2].map((time) => expect.closeTo(time, 2)));
      expect(heard).toHaveLength(3);
      for (const [index, time] of heard.entries()) expect(Math.abs(time - (seen[index] ?? 0))).toBeLessThan(0.04);
    },
  );

  test("another initialisation section without a discontinuity begins a part", async () => {
    const flashes = [
      part("map-a", 1, { duration: 2 }, ["-hls_segment_type", "fmp4"]),
      part("map-b", 0, { duration: 2 }, ["-hls_segment_type", "fmp4"]),
    ];
    chain("maps", ["map-a", "map-b"]);
    edit(join(folder, "maps", "index.m3u8"), (text) => text.replace("#EXT-X-DISCONTINUITY\n", ""));
    const fetched = await fetchFrom(server, "maps/index.m3u8");
    expect(describeFile(fetched).duration).toBeCloseTo(4, 2);
    const frames = flashes.flatMap((flash) => hashFrames([flash], "v"));
    expect(hashFrames(inputOf(fetched), "v")).toEqual(frames);
  });

  test.each(selectCells(CONTAINERS, [FRAGMENTED]))(
    "%s: a part of another H.264 profile is decoded by its own parameters",
    async (title, options) => {
      const high = `high ${options.length}`;
      const low = `baseline ${options.length}`;
      const flash = part(high, 1, { duration: 2 }, options);
      const plain = "-c:v libx264 -profile:v baseline -x264-params ref=1:qp=30 -g 10 -pix_fmt yuv420p -c:a copy".split(
        " ",
      );
      const baseline = join(folder, `${low}.mp4`);
      runFfmpeg(["-i", flash, ...plain, baseline]);
      makeHls(folder, low, ["-i", baseline, "-c", "copy", ...VOD, ...options]);
      chain(`profiles ${title}`, [high, low, high].map(encodeURIComponent));
      const fetched = await fetchFrom(server, `profiles ${title}/index.m3u8`);
      const [frames, others] = [hashFrames([flash], "v"), hashFrames([baseline], "v")];
      expect(hashFrames(inputOf(fetched), "v")).toEqual([...frames, ...others, ...frames]);
    },
  );

  test("HEVC goes on where its parameters are the same, and is refused where they are not", async () => {
    const flash = makeFlash(1, { duration: 2 });
    for (const [name, parameters] of [
      ["hevc-a", "bframes=2"],
      ["hevc-b", "bframes=0:ref=1:no-sao=1"],
    ]) {
      const encode = `-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=0:${parameters} -c:a copy`;
      runFfmpeg(["-i", flash, ...encode.split(" "), join(folder, `${name}.mp4`)]);
      const fragments = ["-hls_segment_type", "fmp4"];
      makeHls(folder, name ?? "", ["-i", join(folder, `${name}.mp4`), "-c", "copy", ...VOD, ...fragments]);
    }
    chain("hevc-same", ["hevc-a", "hevc-a"]);
    const fetched = await fetchFrom(server, "hevc-same/index.m3u8");
    const frames = hashFrames([join(folder, "hevc-a.mp4")], "v");
    expect(hashFrames(inputOf(fetched), "v")).toEqual([...frames, ...frames]);
    chain("hevc-other", ["hevc-a", "hevc-b"]);
    await expect(fetchFrom(server, "hevc-other/index.m3u8")).rejects.toMatchObject({ reason: "unsupported" });
  });

  test("a part without sound is silent", async () => {
    const flash = part("sounding", 1, { duration: 3 });
    makeHls(folder, "mute", ["-i", flash, "-map", "0:v", "-c", "copy", ...VOD]);
    chain("silence", ["mute", "sounding"]);
    const fetched = await fetchFrom(server, "silence/index.m3u8");
    expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(6, 2), streams: ["h264", "pcm_s16le"] });
    expect(findFlashes(inputOf(fetched))).toEqual({
      seen: [expect.closeTo(1, 2), expect.closeTo(4, 2)],
      heard: [expect.closeTo(4, 1)],
    });
  });

  test("no part has sound: neither has the whole", async () => {
    const flash = makeFlash(1, { duration: 2 });
    makeHls(folder, "mute-2", ["-i", flash, "-map", "0:v", "-c", "copy", ...VOD]);
    chain("all-mute", ["mute-2", "mute-2"]);
    const fetched = await fetchFrom(server, "all-mute/index.m3u8");
    expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(4, 2), streams: ["h264"] });
  });

  test("sound of its own with the same discontinuities stays in step", async () => {
    for (const name of ["x", "y"]) {
      const flash = makeFlash(1, { duration: name === "x" ? 2.2 : 3 });
      const clock = ["-output_ts_offset", name === "x" ? "10" : "500"];
      makeHls(folder, `${name}-v`, ["-i", flash, "-map", "0:v", "-c", "copy", ...clock, ...VOD]);
      makeHls(folder, `${name}-a`, ["-i", flash, "-map", "0:a", "-c", "copy", ...clock, ...VOD]);
    }
    chain("both-v", ["x-v", "y-v"]);
    chain("both-a", ["x-a", "y-a"]);
    makeMaster("both", "both-v", "both-a");
    const { seen, heard } = findFlashes(inputOf(await fetchFrom(server, "both/master.m3u8")));
    expect(seen).toEqual([expect.closeTo(1, 2), expect.closeTo(3.2, 2)]);
    expect(heard).toHaveLength(2);
    for (const [index, time] of heard.entries()) expect(Math.abs(time - (seen[index] ?? 0))).toBeLessThan(0.04);
    makeMaster("uneven", "both-v", "x-a");
    await expect(fetchFrom(server, "uneven/master.m3u8")).rejects.toMatchObject({ reason: "unsupported" });
  });

  test("pictures whose times leap beyond the longest creative are refused before sound is made for them", async () => {
    const flash = part("now", 1, { duration: 2 });
    const hours = ["-output_ts_offset", "20000"];
    makeHls(folder, "much-later", ["-i", flash, "-c", "copy", ...hours, ...VOD]);
    chain("leap", ["now", "much-later", "now"]);
    edit(join(folder, "leap", "index.m3u8"), (text) => text.replace("#EXT-X-DISCONTINUITY\n", ""));
    await expect(fetchFrom(server, "leap/index.m3u8")).rejects.toMatchObject({ reason: "too-long" });
  });

  test("sound far away from the pictures is left out", async () => {
    const flash = makeFlash(1, { duration: 2 });
    makeHls(folder, "far-v", ["-i", flash, "-map", "0:v", "-c", "copy", ...VOD]);
    makeHls(folder, "far-a0", ["-i", flash, "-map", "0:a", "-c", "copy", ...VOD]);
    makeHls(folder, "far-a1", ["-i", flash, "-map", "0:a", "-c", "copy", "-output_ts_offset", "20000", ...VOD]);
    chain("far-a", ["far-a0", "far-a1"]);
    edit(join(folder, "far-a", "index.m3u8"), (text) => text.replace("#EXT-X-DISCONTINUITY\n", ""));
    makeMaster("far", "far-v", "far-a");
    const fetched = await fetchFrom(server, "far/master.m3u8");
    expect(describeFile(fetched)).toEqual({ duration: expect.closeTo(2, 2), streams: ["h264", "pcm_s16le"] });
  });

  test("parts of different sizes are refused, and it is said why", async () => {
    const flash = part("large", 1, { duration: 2 });
    runFfmpeg(["-i", flash, "-vf", "scale=80:46", "-c:a", "copy", join(folder, "small.mp4")]);
    makeHls(folder, "small", ["-i", join(folder, "small.mp4"), "-c", "copy", ...VOD]);
    chain("sizes", ["large", "small"]);
    await expect(fetchFrom(server, "sizes/index.m3u8")).rejects.toMatchObject({
      reason: "unsupported",
      message: expect.stringContaining("expected parts of one codec and size, got h264 160 90"),
    });
  });
});
