import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Package, pictureDelay } from "@interlude/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cutEncoding, type CutOptions } from "../../src/crs/cut.ts";
import type { CutPackage, CutTrack } from "../../src/crs/cut-package.ts";
import type { Encoding } from "../../src/crs/encoding.ts";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { formatMasterPlaylist, formatMediaPlaylist } from "../../src/crs/playlists.ts";
import { checkProgramMaps, probe } from "./probe-segment.ts";

const run = promisify(execFile);
const KEY = "0123456789abcdef0123456789abcdef";
const EVENTS = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
const RUNGS = [
  ["180p", 320],
  ["90p", 160],
] as const;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "interlude-cut-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ffmpeg = (args: readonly string[]): unknown => execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);

interface Recipe {
  readonly rate: string;
  readonly duration: number;
  readonly bFrames: number;
  /** When the key frames of a remux are. */
  readonly keyTimes?: readonly number[];
}

const encodings = new Map<string, Encoding>();

/** A small stored encoding, as the encoder or a remux leaves it; made once. */
function findEncoding(recipe: Recipe): Encoding {
  const name = JSON.stringify(recipe);
  const encoding = encodings.get(name) ?? makeEncoding(recipe, join(folder, `encoding-${encodings.size}`));
  encodings.set(name, encoding);
  return encoding;
}

function makeEncoding({ rate, duration, bFrames, keyTimes }: Recipe, out: string): Encoding {
  mkdirSync(out);
  const keys = keyTimes?.join(",") ?? `expr:gte(t,n_forced*2)*lte(t,${duration - 0.45})`;
  for (const [rung, width] of RUNGS) {
    const picture = ["-f", "lavfi", "-i", `testsrc2=s=${width}x${rung.slice(0, -1)}:r=${rate}:d=${duration}`];
    const coder = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", String(bFrames)];
    const gops = ["-g", "999", "-sc_threshold", "0", "-forced-idr", "1", "-force_key_frames", keys];
    ffmpeg([...picture, ...coder, ...gops, join(out, `${rung}.mp4`)]);
  }
  const sound = ["-f", "lavfi", "-i", `sine=440:d=${duration + 1}:sample_rate=48000`, "-ac", "2"];
  ffmpeg([
    ...sound,
    "-af",
    "atrim=start_sample=1024",
    "-c:a",
    "aac",
    "-b:a",
    "96k",
    "-f",
    "adts",
    join(out, "audio.aac"),
  ]);
  const [numerator = 0, denominator = 1] = rate.split("/").map(Number);
  const frames = Math.ceil((duration * numerator) / denominator - 1e-6);
  return {
    folder: out,
    duration: (frames * denominator) / numerator,
    frameRate: { numerator, denominator },
    renditions: RUNGS.map(([rung, width]) => ({
      name: rung,
      width,
      height: Number.parseInt(rung),
      codec: "avc1.64000c",
      bandwidthBps: 200_000,
    })),
    ...(keyTimes ? { keyTimes } : {}),
  };
}

let count = 0;
const cut = (encoding: Encoding, wanted: Package, options: CutOptions = {}): Promise<CutPackage> => {
  const tools = { runFfmpeg: createFfmpeg("ffmpeg") };
  return cutEncoding(encoding, wanted, join(folder, `cut-${count++}`), options, tools, new AbortController().signal);
};

const segmentFiles = (made: CutPackage, { name, segments }: CutTrack): readonly string[] =>
  segments.map(({ uri }) => join(made.folder, name, uri));

/** A fragmented track as one file. */
function joinTrack(made: CutPackage, name: string): string {
  const track = made.tracks.find((one) => one.name === name);
  if (!track) throw new Error(`expected a track ${name}, got none`);
  const files = [join(made.folder, name, track.mapUri ?? ""), ...segmentFiles(made, track)];
  const path = join(made.folder, `${name}.mp4`);
  execFileSync("sh", ["-c", 'out="$1"; shift; cat "$@" > "$out"', "sh", path, ...files]);
  return path;
}

const LADDER = { rate: "24000/1001", duration: 13, bFrames: 0 } as const;
/** A frame, and what clocks round. Seconds. */
const LADDER_LEAD = 1001 / 24_000 + 0.002;
const REMUX = { rate: "25", duration: 20, bFrames: 3, keyTimes: [0, 1.2, 5.6, 5.92, 9.4, 13, 15.04, 19.8] } as const;

describe("packaging hls", () => {
  test("a ladder: equal cuts in all rungs, sound and pictures begin together, and sound ends with the pictures", async () => {
    const encoding = findEncoding(LADDER);
    const made = await cut(encoding, { packaging: "hls", targetDuration: 4 });
    expect(made.targetDuration).toBe(4);
    for (const track of made.tracks) {
      expect(formatMediaPlaylist(track, 4)).toContain(
        `#EXT-X-INTERLUDE-PICTURES:LEAD=${LADDER_LEAD.toFixed(6)},ELASTIC=YES\n`,
      );
      expect(track.kind).toBe("muxed");
      expect(track.segments.map(({ duration }) => duration.toFixed(3))).toEqual(["4.004", "4.004", "4.004", "1.001"]);
      const files = await Promise.all(segmentFiles(made, track).map(probe));
      const start = files[0]?.["video"]?.times[0] ?? 0;
      expect(files[0]?.["audio"]?.times[0]).toBe(start);
      for (const [index, { video }] of files.entries()) {
        expect(video?.startsWithKey).toBe(true);
        expect((video?.times[0] ?? 0) - start).toBeCloseTo(index * 4.004, 3);
      }
      const frames = files.map(({ video }) => video?.times.length);
      expect(frames).toEqual([96, 96, 96, 24]);
      const end = start + encoding.duration;
      expect(files.at(-1)?.["video"]?.end).toBeCloseTo(end, 2);
      expect(files.at(-1)?.["audio"]?.end).toBeLessThanOrEqual(end + 1e-3);
      expect(files.at(-1)?.["audio"]?.end).toBeGreaterThan(end - 0.0437);
    }
  });

  test("the pictures of a ladder are shown when core says that those of every spliced ad are", async () => {
    const made = await cut(findEncoding(LADDER), { packaging: "hls", targetDuration: 4 });
    for (const track of made.tracks) {
      const [{ times = [] } = {}] = (await Promise.all(segmentFiles(made, track).map(probe))).map(
        ({ video }) => video ?? {},
      );
      const frame = 1001 / 24_000;
      for (const [index, time] of times.entries()) {
        const due = index * frame;
        expect(time - (times[0] ?? 0)).toBeCloseTo(due + pictureDelay(due, frame), 4);
      }
    }
  });

  test("a remux with B-frames: cut at its own key frames, no picture lost, in order of its packets", async () => {
    const encoding = findEncoding(REMUX);
    const made = await cut(encoding, { packaging: "hls", targetDuration: 6 });
    const [track] = made.tracks;
    if (!track) throw new Error("expected tracks");
    expect(formatMediaPlaylist(track, 6)).toContain("#EXT-X-INTERLUDE-PICTURES:LEAD=0.080000\n");
    expect(track.segments.map(({ duration }) => Number(duration.toFixed(3)))).toEqual([5.92, 3.48, 5.64, 4.96]);
    const files = await Promise.all(segmentFiles(made, track).map(probe));
    expect(files.flatMap(({ video }) => video?.times ?? [])).toHaveLength(500);
    expect(files[0]?.["audio"]?.times[0]).toBe(files[0]?.["video"]?.times[0]);
  });

  test("target duration 0: segments of about two seconds or more, and a TARGETDURATION that holds them", async () => {
    const encoding = findEncoding({ ...REMUX, duration: 9.6, keyTimes: [0, 1.2, 3.6, 6, 9.4] });
    const made = await cut(encoding, { packaging: "hls", targetDuration: 0 });
    expect(made.tracks[0]?.segments.map(({ duration }) => Number(duration.toFixed(3)))).toEqual([3.6, 2.4, 3.6]);
    expect(made.targetDuration).toBe(4);
  });

  test("a remux whose GOPs do not fit is not cut", async () => {
    const encoding = findEncoding({ ...REMUX, duration: 10, keyTimes: [0, 2, 9] });
    await expect(cut(encoding, { packaging: "hls", targetDuration: 6 })).rejects.toMatchObject({
      reason: "output-invalid",
    });
  });

  test("key frames that are said to be there and are not are found out", async () => {
    const encoding = findEncoding({ ...REMUX, duration: 10, keyTimes: [0, 4, 8] });
    const lie = { ...encoding, keyTimes: [0, 5] };
    for (const packaging of ["hls", "cmaf"] as const) {
      await expect(cut(lie, { packaging, targetDuration: 6 })).rejects.toMatchObject({ reason: "output-invalid" });
    }
  });

  test("timed metadata leaves every packet of pictures and sound as it was", async () => {
    const encoding = findEncoding({ rate: "25", duration: 7, bFrames: 0 });
    const wanted = { packaging: "hls", targetDuration: 2 } as const;
    const [plain, tagged] = [await cut(encoding, wanted), await cut(encoding, wanted, { id3: { creativeKey: KEY } })];
    const events: string[] = [];
    for (const [index, track] of tagged.tracks.entries()) {
      const before = plain.tracks[index];
      if (!before) throw new Error("expected as many tracks");
      const [was, is] = [segmentFiles(plain, before), segmentFiles(tagged, track)];
      for (const [place, file] of is.entries()) {
        const [old, now] = [await probe(was[place] ?? ""), await probe(file)];
        expect(now["video"]).toEqual(old["video"]);
        expect(now["audio"]).toEqual(old["audio"]);
        expect(now["data"]?.codec).toBe("timed_id3");
        if (index === 0) events.push(...(now["data"]?.times.map((time) => `${place}:${time.toFixed(2)}`) ?? []));
        const sums = checkProgramMaps(file);
        expect(sums).toEqual(checkProgramMaps(was[place] ?? ""));
        expect(new Set(sums)).toEqual(new Set([0]));
      }
    }
    // The clock begins 45 ms above 0.
    expect(events).toEqual(["0:0.05", "0:1.80", "1:3.55", "2:5.30", "3:6.95"]);
  });
});

describe("packaging cmaf", () => {
  test.each([
    ["a ladder", LADDER, 4],
    ["a remux with B-frames", REMUX, 6],
  ])("%s: pictures and sound of their own, each decoded to what is stored", async (_name, recipe, targetDuration) => {
    const encoding = findEncoding(recipe);
    const made = await cut(encoding, { packaging: "cmaf", targetDuration }, { id3: { creativeKey: KEY } });
    expect(made.tracks.map(({ name: track, kind }) => [track, kind])).toEqual([
      ["180p", "video"],
      ["90p", "video"],
      ["audio", "audio"],
    ]);
    const lengths = made.tracks.map(({ segments }) => segments.map(({ duration }) => duration));
    expect(lengths).toEqual([lengths[0], lengths[0], lengths[0]]);
    for (const [rung] of RUNGS) {
      const stored = await probe(join(encoding.folder, `${rung}.mp4`));
      const joined = await probe(joinTrack(made, rung));
      expect(joined["video"]?.hashes).toEqual(stored["video"]?.hashes);
      const shift = (joined["video"]?.times[0] ?? 0) - (stored["video"]?.times[0] ?? 0);
      for (const [index, time] of stored["video"]?.times.entries() ?? []) {
        expect(joined["video"]?.times[index]).toBeCloseTo(time + shift, 3);
      }
    }
    const sound = await probe(joinTrack(made, "audio"));
    expect(sound["audio"]).toMatchObject({ codec: "aac" });
    expect(sound["audio"]?.times[0]).toBe(0);
    // Three silent frames before the first picture, and up to one frame beyond the last.
    const length = (sound["audio"]?.times.length ?? 0) * (1024 / 48_000) - 0.064;
    expect(length).toBeGreaterThanOrEqual(encoding.duration);
    expect(length).toBeLessThan(encoding.duration + 1024 / 48_000);
  });

  test("the whole package is read by ffmpeg without a word", async () => {
    const encoding = findEncoding({ rate: "25", duration: 5, bFrames: 0 });
    const made = await cut(encoding, { packaging: "cmaf", targetDuration: 2 }, { id3: { creativeKey: KEY } });
    for (const name of ["180p", "90p", "audio"]) {
      const { stderr } = await run("ffmpeg", [
        "-nostdin",
        "-v",
        "warning",
        "-i",
        joinTrack(made, name),
        "-f",
        "null",
        "-",
      ]);
      expect(stderr).toBe("");
    }
    const events = made.tracks[0]?.segments.flatMap(({ uri }, index) => {
      const text = readFileSync(join(made.folder, "180p", uri), "latin1");
      // `msix` would promise an index (ISO/IEC 23009-1 §6.3.4.3).
      expect(text.slice(0, 28)).toBe("\0\0\0\u001cstypmsdh\0\0\0\0msdhcmfscmff");
      return EVENTS.filter((event) => text.includes(`interlude-event\0${event}`)).map((event) => `${index}:${event}`);
    });
    expect(events).toEqual(["0:start", "0:firstQuartile", "1:midpoint", "1:thirdQuartile", "2:complete"]);
  });

  test("master and media playlists: version 7, one group of sound, a map for each track", async () => {
    const encoding = findEncoding({ rate: "25", duration: 3, bFrames: 0 });
    const made = await cut(encoding, { packaging: "cmaf", targetDuration: 2 });
    const master = formatMasterPlaylist(made, encoding.frameRate, "m/v1").replaceAll(/BANDWIDTH=\d+/g, "BANDWIDTH=n");
    expect(master.split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:7",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="m/v1/audio.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=n,AVERAGE-BANDWIDTH=n,CODECS="avc1.64000c,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=25.000,AUDIO="sound"',
      "m/v1/180p.m3u8",
      '#EXT-X-STREAM-INF:BANDWIDTH=n,AVERAGE-BANDWIDTH=n,CODECS="avc1.64000c,mp4a.40.2",RESOLUTION=160x90,FRAME-RATE=25.000,AUDIO="sound"',
      "m/v1/90p.m3u8",
      "",
    ]);
    const audio = made.tracks.find(({ kind }) => kind === "audio");
    if (!audio) throw new Error("expected a track of sound");
    expect(formatMediaPlaylist(audio, made.targetDuration).split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:7",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      "#EXT-X-TARGETDURATION:2",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      '#EXT-X-MAP:URI="audio/init.mp4"',
      "#EXTINF:2.000000,",
      "audio/00000.m4s",
      "#EXTINF:1.000000,",
      "audio/00001.m4s",
      "#EXT-X-ENDLIST",
      "",
    ]);
  });
});
