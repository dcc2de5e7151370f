/**
 * A cold 30 s 1080p H.264/AAC MP4 (grain, 8 Mbit/s, GOPs of 2 s and of 10 s) → a ready ladder on two CDNs, through the whole
 * service (database, queue, guarded download from loopback, probe, encode, cut, verify, publish), against the one command of
 * one-command.ts, both in this run. Then the quality of each rung of both, as SSIM to the source scaled to the rung.
 *
 * Budgets (DESIGN §11): at most 1.15 times the wall time, each rung within 0.005 SSIM.
 * Run alone: `npx node -C interlude-source bench/ladder.ts`.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { startCrs, startMediaServer } from "../packages/server/tests/crs/test-crs.ts";
import { runOneCommand, RUNG_NAMES } from "./one-command.ts";
import { formatTable, type Row } from "./table.ts";

const run = promisify(execFile);

const FOLDER = resolve(import.meta.dirname, "../.interlude/bench-media");
const DURATION = 30;
const FPS = 30;
/** SSIM is expensive: it is measured on the first so many seconds. */
const COMPARED = 8;
const MAX_RATIO = 1.15;
const MAX_SSIM_LOSS = 0.005;

/** Wall seconds, and processor seconds of this process and what it started. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

/** Rows for the table: time for each GOP length, then the rung that compares worst. Takes minutes. */
export async function benchLadder(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const gop of [2, 10]) {
    const source = await makeSource(gop);
    const work = join(FOLDER, `work-${gop}`);
    rmSync(work, { recursive: true, force: true });
    const theirs = await measure(() => runOneCommand(source, join(work, "one")));
    const { cost: ours, playlists } = await repackage(source, join(work, "crs"));
    rows.push(timeRow(gop, ours, theirs));
    if (gop === 2) rows.push(await compareQuality(source, playlists, join(work, "one")));
    rmSync(work, { recursive: true, force: true });
  }
  return rows;
}

function timeRow(gop: number, ours: Cost, theirs: Cost): Row {
  return {
    name: `cold 30 s 1080p MP4, GOP ${gop} s → ready ladder`,
    ours: `${ours.wall.toFixed(1)} s`,
    theirs: `${theirs.wall.toFixed(1)} s`,
    ratio: (ours.wall / theirs.wall).toFixed(2),
    budget: `≤ ${MAX_RATIO}`,
    note: `against the one command; processor time ${ours.cpu.toFixed(1)} s to ${theirs.cpu.toFixed(1)} s`,
  };
}

async function repackage(source: string, folder: string): Promise<{ cost: Cost; playlists: readonly string[] }> {
  const media = await startMediaServer(() => source);
  mkdirSync(folder, { recursive: true });
  const crs = await startCrs({ folder, allow: [media] });
  try {
    let path = "";
    const cost = await measure(async () => {
      const status = await crs.repackage(new URL("creative.mp4", media.base));
      if (status.state !== "ready") throw new Error(`bench: expected a ladder, got ${JSON.stringify(status)}`);
      path = status.packages[0]?.path ?? "";
    });
    const master = join(folder, "cdn/a", path);
    const uris = readFileSync(master, "utf8")
      .split("\n")
      .filter((line) => line.endsWith(".m3u8"));
    return { cost, playlists: uris.map((uri) => join(dirname(master), uri)) };
  } finally {
    await crs.close();
    await media.close();
  }
}

/** The rung on which ours is worst against theirs. */
async function compareQuality(source: string, playlists: readonly string[], folder: string): Promise<Row> {
  const rungs: { readonly name: string; readonly ours: number; readonly theirs: number }[] = [];
  for (const [index, name] of RUNG_NAMES.entries()) {
    const ours = await measureSsim(playlists[index] ?? "", source);
    const theirs = await measureSsim(join(folder, name, "index.m3u8"), source);
    rungs.push({ name, ours, theirs });
  }
  const [worst] = rungs.toSorted((a, b) => a.ours - a.theirs - (b.ours - b.theirs));
  return {
    name: `SSIM to the source, worst of ${rungs.length} rungs (${worst?.name})`,
    ours: (worst?.ours ?? 0).toFixed(4),
    theirs: (worst?.theirs ?? 0).toFixed(4),
    ratio: `${((worst?.ours ?? 0) - (worst?.theirs ?? 0)).toFixed(4)}`,
    budget: `≥ −${MAX_SSIM_LOSS}`,
    note: "difference instead of ratio",
  };
}

async function measureSsim(playlist: string, source: string): Promise<number> {
  const graph = "[1:v][0:v]scale2ref=flags=bicubic[reference][made];[made][reference]ssim";
  const length = ["-t", String(COMPARED)];
  const inputs = [...length, "-i", playlist, ...length, "-i", source];
  const args = ["-nostdin", "-hide_banner", ...inputs, "-filter_complex", graph, "-an", "-f", "null", "-"];
  const { stderr } = await run("ffmpeg", args);
  return Number(/SSIM .*All:([\d.]+)/.exec(stderr)?.[1]);
}

async function measure(work: () => Promise<void>): Promise<Cost> {
  const [wall, cpu] = [performance.now(), cpuSeconds()];
  await work();
  return { wall: (performance.now() - wall) / 1000, cpu: cpuSeconds() - cpu };
}

/** Of this process and of its children that have ended; proc(5): cutime and cstime, in hundredths of a second. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Made once; moving shapes under grain, 8 Mbit/s. */
async function makeSource(gop: number): Promise<string> {
  const path = join(FOLDER, `source-gop${gop}.mp4`);
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  const picture = `testsrc2=s=1920x1080:r=${FPS}:d=${DURATION},noise=alls=7:allf=t`;
  const sound = `aevalsrc=0.3*sin(440*2*PI*t)*(0.6+0.4*sin(2*PI*t/3))|0.25*sin(523*2*PI*t):s=48000:d=${DURATION}`;
  const video = `-c:v libx264 -preset veryfast -b:v 8M -maxrate 10M -bufsize 16M -g ${gop * FPS} -sc_threshold 0 -pix_fmt yuv420p`;
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
  const beside = path.replace(".mp4", `.${process.pid}.mp4`);
  const audio = "-c:a aac -b:a 160k";
  await run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...inputs, ...video.split(" "), ...audio.split(" "), beside]);
  renameSync(beside, path);
  return path;
}

if (import.meta.main) console.log(formatTable(await benchLadder()));
