/** How near renditions are to their source: SSIM, frame by frame, against the source scaled straight to each rendition's size. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Rung } from "../packages/server/src/crs/ladder.ts";

/** SSIM is expensive: it is measured on the first so many seconds. */
const COMPARED = 8;
const TIMEOUT_MS = 600_000;

/**
 * One value for each rung, in their order; 1 is equal.
 *
 * Frames are paired by their number, since containers round times: all have the source's constant frame rate.
 *
 * @param renditions of the rungs, in their order: playlists or files
 */
export async function measureSsim(
  source: string,
  rungs: readonly Rung[],
  renditions: readonly string[],
  frameRate: number,
): Promise<readonly number[]> {
  const byNumber = `settb=1/90000,setpts=N*90000/${frameRate},trim=end_frame=${Math.floor(COMPARED * frameRate)}`;
  const chains = rungs.flatMap(({ name, width, height }, index) => [
    `[s${index}]scale=${width}:${height}:flags=bicubic,format=yuv420p,setsar=1[r${index}]`,
    `[${index + 1}:v]${byNumber},format=yuv420p,setsar=1[m${index}]`,
    `[m${index}][r${index}]ssim@${name}=shortest=1[o${index}]`,
  ]);
  const sources = rungs.map((_, index) => `[s${index}]`).join("");
  const graph = [`[0:v]${byNumber},split=${rungs.length}${sources}`, ...chains].join(";");
  const inputs = [source, ...renditions].flatMap((path) => ["-t", String(COMPARED + 1), "-i", path]);
  const maps = rungs.flatMap((_, index) => ["-map", `[o${index}]`]);
  const args = ["-nostdin", "-hide_banner", ...inputs, "-filter_complex", graph, ...maps, "-f", "null", "-"];
  const { stderr } = await promisify(execFile)("ffmpeg", args, { timeout: TIMEOUT_MS, maxBuffer: 32_000_000 });
  return rungs.map(({ name }) => {
    const line = stderr.split("\n").find((one) => one.includes(`[ssim@${name} `) && one.includes("All:"));
    return Number(/All:([\d.]+)/.exec(line ?? "")?.[1]);
  });
}
