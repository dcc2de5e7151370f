/** How near renditions are to their source: SSIM, frame by frame, against the source scaled straight to each rendition's size. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Rung } from "../packages/server/src/crs/ladder.ts";

export interface Ladder {
  /** Best first. */
  readonly rungs: readonly Rung[];
  /** Of the rungs, in their order: playlists or files. */
  readonly renditions: readonly string[];
  /** Constant, the source's too. */
  readonly frameRate: number;
}

/** SSIM is expensive: it is measured on the first so many seconds. */
const COMPARED = 8;
/** Where a ladder begins is looked for on so many. */
const LOOKED_AT = 1;
/** Frames that a ladder may have before the source's first: where pictures begin late, ffmpeg shows the first one twice. */
const LEADS = [0, 1];
const TIMEOUT_MS = 600_000;

/** One value for each rung, in their order; 1 is equal. */
export async function measureSsim(source: string, ladder: Ladder): Promise<readonly number[]> {
  const { rungs, renditions } = ladder;
  const lowest = { ...ladder, rungs: rungs.slice(-1), renditions: renditions.slice(-1) };
  const found: { readonly lead: number; readonly value: number }[] = [];
  for (const lead of LEADS) {
    const [value = 0] = await compare(source, lowest, lead, LOOKED_AT);
    found.push({ lead, value });
  }
  const [best] = found.toSorted((a, b) => b.value - a.value);
  return compare(source, ladder, best?.lead ?? 0, COMPARED);
}

/** Frames are paired by their number, since containers round times. */
async function compare(
  source: string,
  { rungs, renditions, frameRate }: Ladder,
  lead: number,
  duration: number,
): Promise<readonly number[]> {
  const frames = Math.floor(duration * frameRate);
  const count = (from: number): string =>
    `trim=start_frame=${from}:end_frame=${from + frames},settb=1/90000,setpts=N*90000/${frameRate}`;
  const chains = rungs.flatMap(({ name, width, height }, index) => [
    `[s${index}]scale=${width}:${height}:flags=bicubic,format=yuv420p,setsar=1[r${index}]`,
    `[${index + 1}:v]${count(lead)},format=yuv420p,setsar=1[m${index}]`,
    `[m${index}][r${index}]ssim@${name}=shortest=1[o${index}]`,
  ]);
  const sources = rungs.map((_, index) => `[s${index}]`).join("");
  const graph = [`[0:v]${count(0)},split=${rungs.length}${sources}`, ...chains].join(";");
  const inputs = [source, ...renditions].flatMap((path) => ["-t", String(duration + 1), "-i", path]);
  const maps = rungs.flatMap((_, index) => ["-map", `[o${index}]`]);
  const args = ["-nostdin", "-hide_banner", ...inputs, "-filter_complex", graph, ...maps, "-f", "null", "-"];
  const { stderr } = await promisify(execFile)("ffmpeg", args, { timeout: TIMEOUT_MS, maxBuffer: 32_000_000 });
  return rungs.map(({ name }) => {
    const line = stderr.split("\n").find((one) => one.includes(`[ssim@${name} `) && one.includes("All:"));
    return Number(/All:([\d.]+)/.exec(line ?? "")?.[1]);
  });
}
