/** Disks have an end. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import { isDiskFull } from "../../src/crs/disk-full.ts";
import { createDiskSpace, makeRoom, sweepWork } from "../../src/crs/disk.ts";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { findProgram, writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";
import { startCrs, startMediaServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "interlude-disk-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Encodings of 1,000 bytes each, used so many minutes ago; a source may have 1,000 bytes, so a turn needs 3,000. */
function stored(ages: readonly number[], maxDiskBytes: number) {
  const config = { ...defaultCrsConfig(makeFolder()), maxDiskBytes };
  const paths = ages.map((minutes) => {
    const path = join(config.encodingDir, "1", `used-${minutes}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "360.mp4"), Buffer.alloc(1000));
    const usedAt = new Date(Date.now() - minutes * 60_000);
    utimesSync(path, usedAt, usedAt);
    return path;
  });
  const left = (): readonly number[] => ages.filter((_, index) => existsSync(paths[index] ?? ""));
  return { config: { ...config, limits: { ...config.limits, maxBytes: 1000 } }, left };
}

describe("room for one more turn", () => {
  test("is there: every stored encoding stays", async () => {
    const { config, left } = stored([60, 180, 120], 6000);
    await makeRoom(config);
    expect(left()).toEqual([60, 180, 120]);
  });

  test("is made by removing the encodings that were not used for longest", async () => {
    const { config, left } = stored([60, 180, 120], 4000);
    await makeRoom(config);
    expect(left()).toEqual([60]);
  });

  test("is not made of encodings that may be in use, nor of work in progress", async () => {
    const { config, left } = stored([1, 60], 4500);
    mkdirSync(config.workDir, { recursive: true });
    writeFileSync(join(config.workDir, "source"), Buffer.alloc(1000));
    await expect(makeRoom(config)).rejects.toMatchObject({ reason: "disk-full" });
    expect(left()).toEqual([1]);
  });

  test("is beside all that turns in hand may still take, and waits for their end", async () => {
    const { config } = stored([], 5999);
    mkdirSync(join(config.workDir, "first"), { recursive: true });
    writeFileSync(join(config.workDir, "first/source"), Buffer.alloc(1000));
    const { reserve } = createDiskSpace(config);
    const { signal } = new AbortController();
    const first = await reserve("first", signal);
    const order: string[] = [];
    const second = reserve("second", signal).then(() => order.push("second begins"));
    await expect(makeRoom(config, ["first"])).rejects.toMatchObject({ reason: "disk-full" });
    await makeRoom({ ...config, maxDiskBytes: 6000 }, ["first"]);
    order.push("first ends");
    first.release();
    await second;
    expect(order).toEqual(["first ends", "second begins"]);
  });

  test("is not waited for any longer when the process ends", async () => {
    const { config } = stored([], 3000);
    const { reserve } = createDiskSpace(config);
    const end = new AbortController();
    const first = await reserve("first", end.signal);
    const second = reserve("second", end.signal);
    end.abort(new Error("the end"));
    first.release();
    await expect(second).rejects.toThrow("the end");
  });
});

test("what a killed process left in the folder of work goes, what a living one uses stays", async () => {
  const crs = await startCrs({ allow: [], config: { concurrency: 0 } });
  onTestFinished(() => crs.close());
  await crs.database.query(
    `insert into creative (zone, key, creative_url, state, lease, created_at)
     values ('1', 'slow', 'http://ads.example/slow', 'transcoding', 2, 'epoch'),
       ('1', 'done', 'http://ads.example/done', 'ready', 1, 'epoch')`,
  );
  const makeOld = (name: string, minutes: number): void => {
    const path = join(crs.config.workDir, name);
    mkdirSync(path, { recursive: true });
    const usedAt = new Date(Date.now() - minutes * 60_000);
    utimesSync(path, usedAt, usedAt);
  };
  makeOld("bin", 90);
  makeOld("slow-0-1", 15);
  makeOld("slow-0-2", 15);
  makeOld("done-0-1", 5);
  makeOld("forgotten-0-1", 15);
  const list = (): readonly string[] => readdirSync(crs.config.workDir).toSorted();
  await crs.crs.lookAfter();
  expect(list()).toEqual(["bin", "done-0-1", "slow-0-2"]);

  makeOld("slow-0-2", 61);
  makeOld("done-0-1", 15);
  await sweepWork(crs.config.workDir, ["done-0-1"], new Set(["slow-0-2"]));
  expect(list()).toEqual(["bin", "done-0-1"]);
  await sweepWork(crs.config.workDir, [], new Set());
  expect(list()).toEqual(["bin", "done-0-1"]);
});

test("a creative for which there is no room waits, and nothing of it is fetched", async () => {
  const media = await startMediaServer(testMedia);
  const crs = await startCrs({ allow: [media], config: { maxDiskBytes: 1e9 } });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  const status = await crs.repackage(new URL("full/short.mp4", media.base));
  expect(status).toMatchObject({ state: "failed", reason: "disk-full", retryAt: expect.any(String) });
  expect(media.requests).toEqual([]);
});

describe("a disk that is full", () => {
  const wrap = (program: string, bounds?: { cpuSeconds: number; fileBytes: number }): string => {
    const setpriv = findProgram("setpriv", "/usr/bin:/bin");
    return writeWrapper({ directory: makeFolder(), program, parent: process.pid, setpriv, ...(bounds && { bounds }) });
  };

  test("is known by Node's error and by what ffmpeg says", async () => {
    const error = await writeFile("/dev/full", "x").catch((thrown: unknown) => thrown);
    expect(isDiskFull(error)).toBe(true);
    expect(isDiskFull(new Error("wrapped", { cause: error }))).toBe(true);
    expect(isDiskFull(new Error("ENOENT"))).toBe(false);
    const command = {
      inputs: [{ path: testMedia("plain.mp4"), options: ["-v", "error"] }],
      outputs: [{ path: "/dev/full", options: ["-c", "copy", "-f", "mpegts"] }],
    };
    const run = createFfmpeg(wrap("ffmpeg"))(command, { timeoutMs: 60_000, signal: new AbortController().signal });
    await expect(run).rejects.toMatchObject({ reason: "disk-full" });
  });

  test("makes a creative wait, and costs it no permanent failure", async ({ skip }) => {
    const folder = makeFolder();
    const size = "size=200k";
    if (spawnSync("mount", ["-t", "tmpfs", "-o", size, "none", folder]).status !== 0) {
      return skip("no file system can be mounted here: root is needed");
    }
    onTestFinished(() => void spawnSync("umount", [folder]));
    const media = await startMediaServer(testMedia);
    const crs = await startCrs({ allow: [media], config: { workDir: join(folder, "work") } });
    const status = await crs.repackage(new URL("full/plain.mp4", media.base));
    await crs.close();
    await media.close();
    expect(status).toMatchObject({ state: "failed", reason: "disk-full" });
  });

  test("ffmpeg comes after requests in the use of processors, and has an end in time and size of files", () => {
    const program = wrap("sh", { cpuSeconds: 77, fileBytes: 512_000 });
    const said = execFileSync(program, ["-c", "nice; ulimit -t; ulimit -f"], { encoding: "utf8" });
    expect(said.trim().split("\n")).toEqual(["10", "77", "1000"]);
  });
});
