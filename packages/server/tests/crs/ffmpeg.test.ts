import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { findProgram, writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "interlude-ffmpeg-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const setpriv = findProgram("setpriv", process.env["PATH"] ?? "");
/** Runs for ever and says how far it is. */
const ENDLESS = {
  inputs: [
    { options: ["-v", "error", "-progress", "pipe:2", "-stats_period", "0.1", "-re", "-f", "lavfi"], path: "anullsrc" },
  ],
  outputs: [{ options: ["-f", "null"], path: "-" }],
};

const wrapper = (): string => writeWrapper({ directory: folder, program: "ffmpeg", parent: process.pid, setpriv });

/** Waits for what the kernel does by itself; a test's own time-out is the limit. */
async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await sleep(20);
}

function isAlive(pid: number): boolean {
  // A killed process whose new parent has not read its status yet is still listed, as a zombie.
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}

describe("createFfmpeg", () => {
  test("a run that is aborted is killed, and fails with the reason that was given", async () => {
    const controller = new AbortController();
    const reason = new Error("forgotten");
    const run = createFfmpeg(wrapper())(ENDLESS, {
      timeoutMs: 60_000,
      signal: controller.signal,
      onTime: () => controller.abort(reason),
    });
    await expect(run).rejects.toBe(reason);
  });

  test("a run that takes too long is killed and named", async () => {
    const run = createFfmpeg(wrapper())(ENDLESS, { timeoutMs: 300, signal: new AbortController().signal });
    await expect(run).rejects.toMatchObject({ reason: "transcode-timeout" });
  });

  test("a run that fails tells what ffmpeg said", async () => {
    const command = { ...ENDLESS, inputs: [{ options: ["-f", "mov"], path: join(folder, "missing.mp4") }] };
    const run = createFfmpeg(wrapper())(command, { timeoutMs: 60_000, signal: new AbortController().signal });
    await expect(run).rejects.toThrow(/missing\.mp4: No such file/);
  });

  test("ffmpeg sees none of the server's environment", async () => {
    const program = writeWrapper({ directory: folder, program: "env", parent: process.pid, setpriv });
    const child = spawn(program, { env: { ...process.env, SECRET_TOKEN: "x" }, stdio: ["ignore", "pipe", "ignore"] });
    const text = await readAll(child);
    expect(text).toContain("PATH=");
    expect(text).not.toContain("SECRET_TOKEN");
  });
});

async function readAll(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.once("close", resolve));
  return text;
}

/** A process that starts an endless ffmpeg, tells its pid, and is then killed. */
async function killParent(useSetpriv: boolean): Promise<number> {
  const script = fileURLToPath(new URL("./run-ffmpeg.ts", import.meta.url));
  const args = ["-C", "interlude-source", script, folder, useSetpriv ? (setpriv ?? "") : ""];
  const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const pid = await new Promise<number>((resolve) => {
    parent.stdout?.on("data", (chunk: Buffer) => resolve(Number(chunk.toString().trim())));
  });
  expect(isAlive(pid)).toBe(true);
  const ended = new Promise((resolve) => parent.once("exit", resolve));
  parent.kill("SIGKILL");
  await ended;
  return pid;
}

describe("when its server is killed with SIGKILL", () => {
  test.runIf(setpriv !== undefined)("ffmpeg dies with it", async () => {
    const pid = await killParent(true);
    await until(() => !isAlive(pid));
    expect(isAlive(pid)).toBe(false);
  });

  test("ffmpeg dies soon after where there is no setpriv", async () => {
    const pid = await killParent(false);
    await until(() => !isAlive(pid));
    expect(isAlive(pid)).toBe(false);
  });
});
