/**
 * When the field at the top of a creative flashes and when its sound beeps, read by ffmpeg: how far the two are apart says whether
 * sound and pictures belong together as they did in the source.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Seconds of the file's own clock, in order; none of what it does not have. */
export interface FlashAndBeeps {
  readonly flashes: readonly number[];
  readonly beeps: readonly number[];
}

/** Of luma: half way between black and white. */
const BRIGHT = 126;
/** dB, of half the beep's amplitude: an encoder lets some of a beep be heard before it begins. */
const LOUD = -15;
/** Seconds: what follows sooner is the same flash or beep. */
const APART = 0.5;

/**
 * Pictures as they lie in the file, not turned; edit lists are followed.
 *
 * @param path of any file that ffmpeg reads, with pictures, sound or both: segments of TS joined, or an initialisation segment with them
 * @throws whatever ffmpeg says where it cannot read it
 */
export async function readFlashAndBeeps(path: string): Promise<FlashAndBeeps> {
  const folder = await mkdtemp(join(tmpdir(), "interlude-sync-"));
  try {
    const input = ["-noautorotate", "-copyts", "-i", resolve(path), "-map", "0:v?", "-map", "0:a?"];
    // windows of a millisecond, which is one wave of the beep
    const filters = [
      "-vf",
      "crop=iw:ih/3:0:0,scale=16:16:flags=area,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=field",
      "-af",
      "pan=mono|c0=c0,aresample=48000,asetnsamples=n=48:p=0,astats=metadata=1:reset=1:measure_perchannel=RMS_level:measure_overall=none,ametadata=print:key=lavfi.astats.1.RMS_level:file=sound",
    ];
    await run("ffmpeg", ["-nostdin", "-v", "error", ...input, ...filters, "-f", "null", "-"], { cwd: folder });
    const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8").catch(() => "");
    return { flashes: findOnsets(await read("field"), BRIGHT), beeps: findOnsets(await read("sound"), LOUD) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** When the value comes above `least`, after `APART` seconds below. Lines: `… pts_time:1.04`, `key=value`. */
function findOnsets(text: string, least: number): readonly number[] {
  const onsets: number[] = [];
  let last = -Infinity;
  for (const [, time = "", value = ""] of text.matchAll(/pts_time:(\S+)\n[\w.]+=(\S+)/g)) {
    if (Number(value) < least || value === "-inf") continue;
    if (Number(time) - last > APART) onsets.push(Number(time));
    last = Number(time);
  }
  return onsets;
}
