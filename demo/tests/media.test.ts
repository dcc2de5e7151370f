import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatPosterGraph, FRAME_RATE } from "../film.ts";
import { makeMedia } from "../media.ts";
import { formatMaster, listRecipes, POSTERS, type Recipe } from "../recipes.ts";
import { readStrip, STRIP_BLOCKS, STRIP_SHARE, type StripReading } from "../strip.ts";
import { listCommands } from "./processes.ts";

const ffmpegPath = process.env["FFMPEG_PATH"] ?? "ffmpeg";
let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "interlude-media-"))));
afterAll(async () => rm(directory, { recursive: true, force: true }));

function options(folder: string, signal: AbortSignal = new AbortController().signal) {
  return { directory: join(directory, folder), ffmpegPath, signal, onProgress: () => undefined };
}

/** A recipe that takes a moment: some seconds of colour bars. */
function bars(path: string, duration: number): Recipe {
  const args = ["-f", "lavfi", "-i", `testsrc=duration=${duration}:size=320x180:rate=25`, "-f", "mpegts"];
  return { path, title: path, duration, weight: 1, encode: (out) => [...args, out] };
}

/** The strips of a file's frames, at its own size. */
function readStrips(path: string, width: number, height: number): readonly (StripReading | undefined)[] {
  const strip = Math.round(height * STRIP_SHARE);
  const filter = `crop=${width}:${strip}:0:${height - strip},scale=${STRIP_BLOCKS}:1:flags=neighbor,format=gray`;
  const args = ["-loglevel", "error", "-i", path, "-map", "0:v", "-vf", filter, "-f", "rawvideo", "-"];
  const { stdout } = spawnSync(ffmpegPath, args, { maxBuffer: 1e8 });
  return Array.from({ length: stdout.length / STRIP_BLOCKS }, (_, frame) =>
    readStrip([...stdout.subarray(frame * STRIP_BLOCKS, (frame + 1) * STRIP_BLOCKS)]),
  );
}

describe("the strip", () => {
  test("tells source and frame of every frame after x264, at 720p and scaled to 360p", () => {
    const graph = formatPosterGraph(13, 2, POSTERS.mp4, undefined);
    const file = (height: number): string => join(directory, `${height}.ts`);
    const x264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23"];
    const output = (label: string, height: number): string[] => ["-map", label, ...x264, file(height)];
    const split = `${graph};[a]anullsink;[v]split[v720][s];[s]scale=640:360[v360]`;
    const args = ["-y", "-loglevel", "error", "-filter_complex", split];
    const made = spawnSync(ffmpegPath, [...args, ...output("[v720]", 720), ...output("[v360]", 360)]);
    expect(made.stderr.toString()).toBe("");
    const expected = Array.from({ length: 2 * FRAME_RATE }, (_, frame) => ({ source: 13, frame }));
    expect(readStrips(file(720), 1280, 720)).toEqual(expected);
    expect(readStrips(file(360), 640, 360)).toEqual(expected);
  });

  test("a picture without a strip, or with one flipped bit, reads as none", () => {
    const strip = [255, 0, 0, 0, 0, 255, ...Array.from({ length: 15 }, () => 0), 255, 0, 255];
    expect(readStrip(strip)).toEqual({ source: 1, frame: 1 });
    expect(readStrip(strip.with(10, 255))).toBeUndefined();
    expect(readStrip(Array.from({ length: STRIP_BLOCKS }, () => 120))).toBeUndefined();
    expect(readStrip([])).toBeUndefined();
  });
});

describe("makeMedia", () => {
  test("makes what is missing once, and nothing the second time", async () => {
    const recipes = [bars("a.ts", 1), bars("folder/b.ts", 1)];
    await makeMedia(options("once"), recipes);
    const first = await stat(join(directory, "once/folder/b.ts"));
    const titles: string[] = [];
    await makeMedia({ ...options("once"), onProgress: (_, title) => titles.push(title) }, recipes);
    expect(titles).toEqual([]);
    expect((await stat(join(directory, "once/folder/b.ts"))).mtimeMs).toBe(first.mtimeMs);
    await rm(join(directory, "once/a.ts"));
    await makeMedia({ ...options("once"), onProgress: (_, title) => titles.push(title) }, recipes);
    expect(new Set(titles)).toEqual(new Set(["a.ts"]));
  });

  test("a changed recipe is made again", async () => {
    await makeMedia(options("changed"), [bars("a.ts", 1)]);
    const before = (await stat(join(directory, "changed/a.ts"))).size;
    await makeMedia(options("changed"), [bars("a.ts", 2)]);
    expect((await stat(join(directory, "changed/a.ts"))).size).toBeGreaterThan(before);
  });

  test("several servers that start on one folder make each file once", async () => {
    const make = async (): Promise<readonly string[]> => {
      const titles: string[] = [];
      const onProgress = (_: number, title: string): void => void titles.push(title);
      await makeMedia({ ...options("shared"), onProgress }, [bars("a.ts", 2), bars("b.ts", 2)]);
      return titles;
    };
    const seen = await Promise.all([make(), make(), make()]);
    expect(seen.filter((titles) => titles.length > 0)).toHaveLength(1);
    expect((await readdir(join(directory, "shared"))).toSorted()).toEqual([".lock", ".made.json", "a.ts", "b.ts"]);
  });

  test("a server waits for another process that makes the media, and not for one that was killed", async () => {
    const path = join(directory, "held/.lock");
    await makeMedia(options("held"), [bars("a.ts", 1)]);
    const hold = `const { DatabaseSync } = require("node:sqlite"); const lock = new DatabaseSync(process.argv[1]);
      lock.exec("PRAGMA journal_mode=OFF"); lock.exec("BEGIN EXCLUSIVE"); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["-e", hold, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    const whileHeld = makeMedia(options("held", AbortSignal.timeout(300)), [bars("b.ts", 1)]);
    await expect(whileHeld).rejects.toThrow(/abort/i);
    holder.kill("SIGKILL");
    await makeMedia(options("held"), [bars("b.ts", 1)]);
    expect(await readdir(join(directory, "held"))).toContain("b.ts");
  });

  test("an abort ends ffmpeg and leaves no half file", async () => {
    const controller = new AbortController();
    const slow = makeMedia(
      { ...options("aborted", controller.signal), onProgress: (share) => share > 0 && controller.abort() },
      [bars("a.ts", 100_000)],
    );
    await expect(slow).rejects.toThrow(/abort/i);
    expect(await readdir(join(directory, "aborted"))).toEqual([".lock"]);
    expect(listCommands().filter((command) => command.includes(join(directory, "aborted")))).toEqual([]);
  });

  test("an ffmpeg that fails is told with what it said", async () => {
    const wrong: Recipe = { ...bars("a.ts", 1), encode: (out) => ["-i", "/nowhere.mp4", out] };
    await expect(makeMedia(options("failed"), [wrong])).rejects.toThrow(/exit code 0, got 1: .*nowhere\.mp4/);
    await expect(makeMedia({ ...options("failed"), ffmpegPath: "/nowhere/ffmpeg" }, [bars("a.ts", 1)])).rejects.toThrow(
      "/nowhere/ffmpeg",
    );
  });

  test("the broken creatives are a text file and an MP4 that ends before its index", async () => {
    const broken = listRecipes(undefined).filter(({ path, write }) => write && path.startsWith("creatives/"));
    const source = { path: "creatives/mp4-2.mp4", title: "", duration: 0, weight: 0 };
    const whole = new TextEncoder().encode("ftyp mdat moov");
    await makeMedia(options("broken"), [{ ...source, write: { bytes: () => whole } }, ...broken]);
    expect(await readFile(join(directory, "broken/creatives/broken.mp4"), "utf8")).toContain("text file");
    expect(await readFile(join(directory, "broken/creatives/truncated.mp4"), "utf8")).toBe("ftyp mda");
  });
});

test("a master playlist states the peak of a segment as BANDWIDTH, lowest rung first", () => {
  const [recipe] = listRecipes(undefined);
  const text = formatMaster(
    (recipe?.rungs ?? []).map((rung) => ({
      ...rung,
      segments: [
        { bytes: 1000, duration: 4 },
        { bytes: 3000, duration: 4 },
      ],
    })),
  );
  expect(text.split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:3",
    expect.stringMatching(/^#EXT-X-STREAM-INF:BANDWIDTH=6000,AVERAGE-BANDWIDTH=4000,RESOLUTION=640x360,/),
    "360/media.m3u8",
    expect.stringContaining("RESOLUTION=1280x720"),
    "720/media.m3u8",
    "",
  ]);
});
