import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import { encodeRungs, mergeEncodings, planRungs, probeSource } from "../../src/crs/encode.ts";
import type { Encoding } from "../../src/crs/encoding.ts";
import { cutTimes } from "../../src/crs/cut-times.ts";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { createFfprobe } from "../../src/crs/ffprobe.ts";
import { makeRemux, planRemux } from "../../src/crs/first-layer.ts";
import { selectFirstRung } from "../../src/crs/ladder.ts";
import { makeSound, measureSound } from "../../src/crs/sound.ts";
import type { Source } from "../../src/crs/source.ts";
import type { IdentifiedFile, SourceFormat } from "../../src/crs/source-format.ts";
import { testMedia } from "./test-media.ts";

const run = promisify(execFile);
const { signal } = new AbortController();
const config = defaultCrsConfig(tmpdir());
const tools = { runFfmpeg: createFfmpeg("ffmpeg"), runFfprobe: createFfprobe("ffprobe"), config };

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "interlude-first-layer-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FORMAT: Readonly<Record<string, SourceFormat>> = {
  mp4: "mov",
  flv: "flv",
  mkv: "matroska",
  ts: "mpegts",
  aac: "aac",
};
const identify = (name: string): IdentifiedFile => ({
  path: testMedia(name),
  format: FORMAT[name.split(".").at(-1) ?? ""] ?? "matroska",
});
const probe = (video: string, audio?: string): Promise<Source> =>
  probeSource({ video: identify(video), ...(audio !== undefined && { audio: identify(audio) }) }, tools, signal);

interface Packet {
  readonly time: number;
  readonly decodeTime: number;
  readonly isKey: boolean;
}

/** In the order in which they are decoded. */
async function readPackets(path: string): Promise<readonly Packet[]> {
  const show = ["-show_entries", "packet=pts_time,dts_time,flags", "-of", "compact=p=0:nk=1"];
  const { stdout } = await run("ffprobe", ["-v", "error", "-select_streams", "v:0", ...show, path]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [time, decodeTime, flags = ""] = line.split("|");
    return { time: Number(time), decodeTime: Number(decodeTime), isKey: flags.startsWith("K") };
  });
}

async function readReport(path: string, ...filter: readonly string[]): Promise<string> {
  const { stderr } = await run("ffmpeg", ["-nostdin", "-hide_banner", "-i", path, ...filter, "-f", "null", "-"]);
  return stderr;
}

/** When the picture turns white and when the tone begins, seconds. */
async function findClap(video: string, audio: string): Promise<{ readonly white: number; readonly tone: number }> {
  const find = ["-vf", "blackdetect=d=0.1:pix_th=0.2", "-af", "silencedetect=n=-40dB:d=0.1"];
  const report = await readReport(video, "-i", audio, "-map", "0:v", "-map", "1:a", ...find);
  const white = Number(/black_end:([\d.]+)/.exec(report)?.[1]);
  return { white, tone: Number(/silence_end: ([\d.]+)/.exec(report)?.[1]) };
}

async function remux(source: Source, name: string): Promise<{ readonly encoding: Encoding; readonly path: string }> {
  const plan = await planRemux(source, tools, signal);
  if (plan === undefined) throw new Error(`${name}: expected a remux`);
  const place = join(folder, name);
  const [encoding] = await Promise.all([makeRemux(source, plan, place), makeSound(source, place, tools, signal)]);
  return { encoding, path: join(place, "remux.mp4") };
}

describe("what most encoders make is remuxed, with its sound where its pictures are", () => {
  const FILMS: readonly { readonly what: string; readonly video: string; readonly audio?: string }[] = [
    { what: "MP4 with B-frames", video: "film.mp4" },
    { what: "MP4 with B-frames whose first picture is late for want of an edit list", video: "film-shifted.mp4" },
    { what: "fragmented MP4", video: "film-fragmented.mp4" },
    { what: "FLV with H.264", video: "film.flv" },
    { what: "Matroska with H.264", video: "film.mkv" },
    { what: "transport stream, whose clock does not begin at zero", video: "film.ts" },
    { what: "transport stream whose sound begins late", video: "film-late-sound.ts" },
    { what: "transport streams of pictures and of sound apart", video: "film-video.ts", audio: "film-audio.ts" },
  ];
  test.each(FILMS)("$what", async ({ video, audio }) => {
    const source = await probe(video, audio);
    expect(source.duration).toBeCloseTo(7, 3);
    const { encoding, path } = await remux(source, `remux-${video}`);
    expect(encoding).toMatchObject({ duration: 7, renditions: [{ codec: "avc1.64000c", width: 320, height: 180 }] });
    expect(encoding.keyTimes).toEqual([0, 2, 4, 6]);
    const packets = await readPackets(path);
    expect(packets).toHaveLength(175);
    expect(packets[0]).toMatchObject({ time: 0, isKey: true });
    expect(packets.every(({ decodeTime }, index) => decodeTime > (packets[index - 1]?.decodeTime ?? -1))).toBe(true);
    const { white, tone } = await findClap(path, join(encoding.folder, "audio.aac"));
    expect(white).toBeCloseTo(2, 3);
    expect(Math.abs(tone - 2)).toBeLessThan(0.002);
  });

  test("bare AAC beside a transport stream begins with the pictures", async () => {
    expect((await probe("film-video.ts", "film-audio.aac")).audio).toMatchObject({ index: 0, zero: 0 });
  });

  test("the ladder of a transport stream has the same zero as its remux", async () => {
    const source = await probe("film-late-sound.ts");
    const place = join(folder, "ladder-of-ts");
    const { renditions } = await encodeRungs(
      source,
      planRungs(source, tools).slice(-1),
      place,
      tools,
      signal,
      () => {},
    );
    await makeSound(source, place, tools, signal);
    const { white, tone } = await findClap(join(place, `${renditions[0]?.name}.mp4`), join(place, "audio.aac"));
    expect(white).toBeCloseTo(2, 3);
    expect(Math.abs(tone - 2)).toBeLessThan(0.002);
  });

  test("one long GOP can be cut nowhere; a variable frame rate is kept as it is", async () => {
    expect((await planRemux(await probe("long-gop.mp4"), tools, signal))?.keyTimes).toEqual([0]);
    const { encoding, path } = await remux(await probe("variable.mp4"), "variable");
    const times = (await readPackets(path)).map(({ time }) => time).toSorted((a, b) => a - b);
    expect(times.slice(0, 6).map((time) => Math.round(time * 30))).toEqual([0, 1, 2, 3, 7, 8]);
    expect(encoding.keyTimes?.map((time) => time.toFixed(2))).toEqual(["0.00", "2.87", "5.83", "8.70"]);
  });

  test("an open GOP is no place to cut", async () => {
    const source = await probe("open-gop.mp4");
    expect(source.video.packets.filter((packet) => packet.isKey).length).toBeGreaterThan(1);
    expect((await planRemux(source, tools, signal))?.keyTimes).toEqual([0]);
  });

  test("Constrained Baseline is named as it names itself", async () => {
    expect((await planRemux(await probe("baseline.mp4"), tools, signal))?.codec).toBe("avc1.42c00c");
  });

  test("23.976 fps keeps its last picture", async () => {
    const { encoding } = await remux(await probe("23976.mp4"), "23976");
    expect(encoding.duration).toBeCloseTo((312 * 1001) / 24_000, 4);
  });
});

describe("what is not, or may not be, for every player is encoded", () => {
  test.each([
    ["HEVC", "hevc.mp4"],
    ["10 bits", "ten-bit.mp4"],
    ["interlaced", "interlaced.mp4"],
    ["turned by 90°", "rotated.mp4"],
    ["pixels that are not square", "wide-pixels.mp4"],
    ["odd size, 4:4:4", "odd.mp4"],
    ["an edit list that cuts off the beginning", "edit-list.mp4"],
    ["pictures that begin a second after the sound", "film-late-picture.mp4"],
    ["a size that changes in the middle", "resized.ts"],
    ["one picture per second", "slow.mp4"],
    ["key frames more than 20 s apart", "one-gop.mp4"],
    ["more pixels than the level that it says it keeps", "level.mp4"],
    ["pictures a millisecond apart, after some that are not", "burst.mkv"],
    ["Sorenson H.263", "flash.flv"],
  ])("%s", async (_, name) => {
    expect(await planRemux(await probe(name), tools, signal)).toBeUndefined();
  });
});

describe("sound", () => {
  const loudness = async (path: string): Promise<number> => {
    const report = await readReport(path, "-af", "ebur128=framelog=verbose");
    return Number(/I:\s+(-?[\d.]+) LUFS/.exec(report.slice(report.lastIndexOf("Summary:")))?.[1]);
  };
  test("is brought to −24 LKFS, or to −23 by setting", async () => {
    const source = await probe("loud.mp4");
    for (const target of [-24, -23]) {
      const place = join(folder, `loud${target}`);
      await makeSound(source, place, { ...tools, config: { ...config, loudness: target } }, signal);
      expect(Math.abs((await loudness(join(place, "audio.aac"))) - target)).toBeLessThan(0.5);
    }
  });

  test("may be measured before anybody has looked into the file, and comes out the same", async () => {
    const source = await probe("loud.mp4");
    const { file: video } = source.video;
    const measured = await measureSound({ video }, tools, signal);
    expect(measured?.integrated).toBeGreaterThan(-20);
    const place = join(folder, "measured");
    await makeSound(source, place, tools, signal, measured);
    expect(Math.abs((await loudness(join(place, "audio.aac"))) + 24)).toBeLessThan(0.5);
    expect(await measureSound({ video: identify("silent.mp4") }, tools, signal)).toBeUndefined();
  });

  test("where there is none, it is silence as long as the pictures", async () => {
    const source = await probe("silent.mp4");
    expect(source.audio).toBeUndefined();
    const place = join(folder, "silent");
    await makeSound(source, place, tools, signal);
    const report = await readReport(join(place, "audio.aac"), "-af", "volumedetect");
    expect(/max_volume: (-[\d.]+) dB/.exec(report)?.[1]).toBe("-91.0");
    expect(/Stream.*Audio: (.*?),.*?48000 Hz, stereo/.test(report)).toBe(true);
    expect(/time=00:00:0([78])/.test(report)).toBe(true);
  });
});

test.each([
  ["61-frames.mp4", 61],
  ["62-frames.mp4", 62],
  ["23976.mp4", 312],
  ["variable.mp4", 216],
])("%s: the rungs have %i pictures, and key frames wherever an encoding may be cut", async (name, frames) => {
  const source = await probe(name);
  const place = join(folder, `keys-${name}`);
  const encoding = await encodeRungs(source, planRungs(source, tools).slice(-1), place, tools, signal, () => {});
  const packets = await readPackets(join(place, `${encoding.renditions[0]?.name}.mp4`));
  expect(packets).toHaveLength(frames);
  expect(encoding.duration).toBeCloseTo((frames * encoding.frameRate.denominator) / encoding.frameRate.numerator, 9);
  const keys = packets.filter(({ isKey }) => isKey).map(({ time }) => time.toFixed(3));
  for (const targetDuration of [6, 4, 2]) {
    const cuts = cutTimes(encoding, targetDuration).map((time) => time.toFixed(3));
    expect(keys).toEqual(expect.arrayContaining(cuts));
  }
});

test("a rung that was made first and the others made later are one ladder: as many pictures, key frames at the same times", async () => {
  const source = await probe("film.mp4");
  const rungs = planRungs(source, tools);
  const first = selectFirstRung(rungs);
  const place = join(folder, "merged");
  const others = rungs.filter((rung) => rung !== first);
  const early = await encodeRungs(source, [first], place, tools, signal, () => {});
  const late = await encodeRungs(source, others, place, tools, signal, () => {});
  const { renditions, duration } = mergeEncodings(early, late);
  expect(duration).toBe(7);
  expect(renditions.map(({ name }) => name)).toEqual(rungs.map(({ name }) => name));
  for (const { name } of renditions) {
    const packets = await readPackets(join(place, `${name}.mp4`));
    expect(packets).toHaveLength(175);
    expect(packets.filter(({ isKey }) => isKey).map(({ time }) => time)).toEqual([0, 2, 4, 6]);
  }
});
