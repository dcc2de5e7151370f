/**
 * The media of the plugin's specs, made once by a stock ffmpeg: one film in every kind of content that is on the web, and ads as the
 * service cuts them. Every picture carries the strip (demo/strip.ts): source and frame, from 0.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatStripLuma, STRIP_BLOCKS, STRIP_SHARE } from "../../demo/strip.ts";
import { makeOnce } from "../make-once.ts";
import { ADS, CHANNEL_DURATION, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE, RUNGS, SEGMENT, TONE } from "./catalog.ts";
import { packageAd, packageFilm } from "./packages.ts";

const run = promisify(execFile);

/** Another one makes all media anew. */
const VERSION = "2";

/** The folder of all media; made by the first who asks, and waited for by the others. */
export async function makePluginMedia(): Promise<string> {
  return makeOnce("plugin-media", VERSION, makeAll);
}

async function makeAll(work: string): Promise<void> {
  // a stock x264 for the film: its B-frames, and its picture that begins behind the sound
  for (const [name, duration] of [
    ["film", FILM_DURATION],
    ["channel", CHANNEL_DURATION],
  ] as const) {
    const folder = join(work, "sources", name);
    await encodePictures(folder, CONTENT_SOURCE, duration, ["-bf", "2"]);
    for (const [language, tone] of Object.entries({ en: TONE.film, fr: TONE.french })) {
      await ffmpeg([...formatTone(tone, duration), "-c:a", "aac", "-b:a", "64k", `${language}.m4a`], folder);
    }
  }
  await packageFilm(work, ffmpeg);
  for (const [name, { source, duration }] of Object.entries(ADS)) {
    const ad = join(work, "ads", name);
    await encodePictures(ad, source, duration, ["-bf", "0"]);
    // what the encoder puts before the first sample would begin before the picture
    const aligned = ["-af", "atrim=start_sample=1024", "-c:a", "aac", "-b:a", "64k", "-f", "adts", "sound.aac"];
    await ffmpeg([...formatTone(TONE.ad, duration), ...aligned], ad);
    await packageAd(ad, ffmpeg);
  }
}

async function ffmpeg(args: readonly string[], cwd: string): Promise<void> {
  await mkdir(cwd, { recursive: true });
  await run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { cwd });
}

const KBPS = { "180": 200, "360": 500 } as const;
const WIDTH = 640;
const HEIGHT = 360;

/** `180.mp4` and `360.mp4`, without sound: closed groups of pictures of one segment. */
async function encodePictures(
  folder: string,
  source: number,
  duration: number,
  flags: readonly string[],
): Promise<void> {
  const high = HEIGHT * STRIP_SHARE;
  const bits = `geq=lum='${formatStripLuma(source)}':cb=128:cr=128`;
  const graph = [
    `color=c=black:s=${STRIP_BLOCKS}x1:r=${FRAME_RATE},format=yuv444p,${bits},scale=${WIDTH}:${high}:flags=neighbor,format=yuv420p[strip]`,
    `testsrc2=s=${WIDTH}x${HEIGHT - high}:r=${FRAME_RATE},hue=h=${source * 50},format=yuv420p[upper]`,
    "[upper][strip]vstack,setsar=1,split[v360][full];[full]scale=320:180[v180]",
  ].join(";");
  const gop = String(SEGMENT * FRAME_RATE);
  const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"];
  const closed = ["-sc_threshold", "0", "-g", gop, "-keyint_min", gop, "-flags", "+cgop", ...flags];
  const rungs = RUNGS.flatMap((rung) => {
    const rate = ["-b:v", `${KBPS[rung]}k`, "-maxrate", `${KBPS[rung]}k`, "-bufsize", `${KBPS[rung]}k`];
    return ["-map", `[v${rung}]`, "-t", String(duration), ...codec, ...closed, ...rate, `${rung}.mp4`];
  });
  await ffmpeg(["-filter_complex", graph, ...rungs], folder);
}

function formatTone(frequency: number, duration: number): readonly string[] {
  const wave = `0.2*sin(2*PI*${frequency}*t)`;
  return ["-f", "lavfi", "-i", `aevalsrc=exprs='${wave}|${wave}':s=48000:d=${duration + 1}`, "-t", String(duration)];
}
