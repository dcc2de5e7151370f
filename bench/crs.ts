/**
 * The repackaging service against *the one command* (one-command.ts), both in this run, for what creatives come as: time until
 * something can be played, time until the ladder is on all CDNs, processor time, memory, and the quality of each rung of both.
 * Then what a second packaging of a ready creative costs, and how long jobs wait in an idle queue.
 *
 * Budgets: DESIGN §11. Run alone: `npm run bench -- crs [--quick] [--only <part of a source's name, or "queue">]`.
 */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { defaultCrsConfig } from "../packages/server/src/crs/crs-config.ts";
import { planRungs, probeSource } from "../packages/server/src/crs/encode.ts";
import { createFfmpeg } from "../packages/server/src/crs/ffmpeg.ts";
import { encodeVideoCommand } from "../packages/server/src/crs/ffmpeg-args.ts";
import { createFfprobe } from "../packages/server/src/crs/ffprobe.ts";
import { planRemux } from "../packages/server/src/crs/first-layer.ts";
import { framesPerSecond } from "../packages/server/src/crs/frame-rate.ts";
import type { Rung } from "../packages/server/src/crs/ladder.ts";
import { runCold } from "./crs-cold.ts";
import { measureCost } from "./crs-cost.ts";
import { benchQueue } from "./crs-queue.ts";
import { failureRow, type Measured, rowsOf } from "./crs-rows.ts";
import { type BenchSource, FOLDER, makeSource, SOURCES } from "./crs-sources.ts";
import { measureSsim } from "./crs-ssim.ts";
import { encoderOptions, runOneCommand } from "./one-command.ts";
import type { Row } from "./table.ts";

export interface CrsBenchOptions {
  /** Three sources instead of all. */
  readonly quick: boolean;
  /** Only what has this in its name. */
  readonly only: string;
}

/** Takes about 25 minutes on two cores, once the sources are made. */
export async function benchCrs({ quick, only }: CrsBenchOptions): Promise<readonly Row[]> {
  const sources = SOURCES.filter((one) => one.name.includes(only) && (!quick || one.isQuick));
  const parts = sources.map((source) => ({ name: source.name, run: () => benchSource(source) }));
  if ("queue".includes(only)) parts.push({ name: "queue", run: () => benchQueue() });
  const rows: Row[] = [];
  for (const { name, run } of parts) {
    tell(name);
    try {
      rows.push(...(await run()));
    } catch (error) {
      rows.push(failureRow(name, error));
    }
  }
  return rows;
}

async function benchSource(source: BenchSource): Promise<readonly Row[]> {
  const path = await makeSource(source);
  const work = join(FOLDER, `work-${source.file}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const plan = await planSource(path, source, work);
    const { rungs, frameRate } = plan;
    const [oneFolder, crsFolder] = [join(work, "one"), join(work, "crs")];
    const { cost: theirs } = await measureCost(() => runOneCommand({ source: path, rungs, frameRate }, oneFolder));
    tell(`  the one command: ${theirs.wall.toFixed(1)} s`);
    const ours = await runCold(path, rungs, crsFolder);
    tell(`  the service: ${ours.firsts.map((time) => time.toFixed(2)).join(", ")} s, ${ours.ladder.toFixed(1)} s`);
    const made = rungs.map(({ name }) => join(oneFolder, name, "index.m3u8"));
    const oneSsim = await measureSsim(path, { rungs, renditions: made, frameRate });
    const ourSsim = await measureSsim(path, { rungs, renditions: ours.playlists, frameRate });
    const ssim = rungs.map(({ name }, index) => ({
      name,
      ours: ourSsim[index] ?? Number.NaN,
      theirs: oneSsim[index] ?? Number.NaN,
    }));
    const measured: Measured = { source, ...plan, theirs, ours, ssim };
    return rowsOf(measured);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Plan {
  readonly rungs: readonly Rung[];
  readonly frameRate: number;
  /** Whether the first layer is the source's own pictures. */
  readonly isRemuxed: boolean;
  /** Options of the service's encoders that are not the one command's, and the other way about; empty: the same. */
  readonly otherOptions: readonly string[];
}

/** What the service will make of a source, by its own functions. */
async function planSource(source: string, { format }: BenchSource, folder: string): Promise<Plan> {
  // What is found out about a file is written beside it.
  const path = join(folder, "source");
  symlinkSync(source, path);
  const config = defaultCrsConfig(folder);
  const tools = { runFfmpeg: createFfmpeg("ffmpeg"), runFfprobe: createFfprobe("ffprobe"), config };
  const { signal } = new AbortController();
  const probed = await probeSource({ video: { path, format } }, tools, signal);
  const rungs = planRungs(probed, tools);
  const frameRate = framesPerSecond(probed.video.frameRate);
  const { outputs } = encodeVideoCommand(probed, rungs, folder, config.limits);
  const otherOptions = rungs.flatMap((rung, index) => {
    const ours = pairs(outputs[index]?.options ?? []);
    const theirs = pairs(encoderOptions(rung, frameRate));
    return [...ours.filter((one) => !theirs.includes(one)), ...theirs.filter((one) => !ours.includes(one))];
  });
  const remux = await planRemux(probed, tools, signal);
  return { rungs, frameRate, isRemuxed: remux !== undefined, otherOptions: [...new Set(otherOptions)] };
}

/** Where an output comes from, how long it is and how it is packed is each side's own. */
const OWN_OPTIONS = new Set(["-filter_complex", "-map", "-f", "-frames:v", "-force_key_frames"]);

/** `-crf 21`, … */
function pairs(options: readonly string[]): readonly string[] {
  return options.flatMap((option, index) =>
    index % 2 === 0 && !OWN_OPTIONS.has(option) ? [`${option} ${options[index + 1]}`] : [],
  );
}

function tell(text: string): void {
  process.stderr.write(`bench: crs: ${text}\n`);
}
