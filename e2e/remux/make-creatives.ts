/**
 * Makes the files of e2e/remux/creatives.ts, each from the same pictures and the same sound: by ffmpeg, or by GStreamer, whose muxer has
 * habits of its own. What a row says decides how it is made; what only one file needs stands in a table beside.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatStripLuma, STRIP_BLOCKS, STRIP_SHARE } from "../../demo/strip.ts";
import { makeOnce } from "../make-once.ts";
import { BEEP, COLD_CREATIVES, type ColdCreative, CREATIVE_DURATION, CREATIVE_SOURCE, FLASHES } from "./creatives.ts";
import { type Patch, rotate, signalHeAac, widen } from "./patches.ts";

const run = promisify(execFile);

/** Another one makes all of them anew. */
const VERSION = "2";
const SOUND = "beeps.wav";

/** The folder of all creatives, by the names of their files; made by the first who asks, and waited for by the others. */
export async function makeColdCreatives(): Promise<string> {
  return makeOnce("remux-media", VERSION, async (folder) => {
    const rates = [...new Set(COLD_CREATIVES.map(({ frameRate }) => frameRate))];
    await makeSound(folder);
    for (const rate of rates) await makePictures(folder, rate);
    const left = COLD_CREATIVES.toSorted((a, b) => b.width - a.width);
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) await makeCreative(folder, next);
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  });
}

async function ffmpeg(args: readonly string[], cwd: string): Promise<void> {
  await run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { cwd });
}

const nameMaster = (frameRate: number): string => `pictures-${frameRate.toFixed(3)}.mkv`;

/** The pictures that all have, lossless: a field that flashes, colours that move, the strip. */
async function makePictures(folder: string, frameRate: number): Promise<void> {
  const [width, height] = [640, 360];
  const strip = height * STRIP_SHARE;
  const field = height / 3;
  const flashes = FLASHES.map((at) => `eq(n,${Math.ceil(at * frameRate)})`).join("+");
  const graph = [
    `color=c=black:s=${STRIP_BLOCKS}x1:r=${frameRate},format=yuv444p,geq=lum='${formatStripLuma(CREATIVE_SOURCE)}':cb=128:cr=128,scale=${width}:${strip}:flags=neighbor,format=yuv420p[strip]`,
    `testsrc2=s=${width}x${height - field - strip}:r=${frameRate},format=yuv420p[colours]`,
    `color=c=black:s=${width}x${field}:r=${frameRate},drawbox=c=white:t=fill:enable='${flashes}',format=yuv420p[field]`,
    "[field][colours][strip]vstack=3,setsar=1[whole]",
  ].join(";");
  const output = ["-t", String(CREATIVE_DURATION), "-c:v", "ffv1", nameMaster(frameRate)];
  await ffmpeg(["-filter_complex", graph, "-map", "[whole]", ...output], folder);
}

async function makeSound(folder: string): Promise<void> {
  const beeps = FLASHES.map((at) => `between(t,${at},${at + BEEP.duration})`).join("+");
  const wave = `0.5*sin(2*PI*${BEEP.frequency}*t)*(${beeps})`;
  const source = `aevalsrc=exprs='${wave}|${wave}':s=48000:d=${CREATIVE_DURATION}`;
  await ffmpeg(["-f", "lavfi", "-i", source, "-c:a", "pcm_s16le", SOUND], folder);
}

async function makeCreative(folder: string, creative: ColdCreative): Promise<void> {
  const make = creative.muxer === "ffmpeg" ? makeByFfmpeg : makeByGStreamer;
  await make(folder, creative).catch((cause: unknown) => {
    throw new Error(`${creative.file}: expected ${creative.muxer} to make it`, { cause });
  });
  const patch = PATCHES[creative.file];
  const path = join(folder, creative.file);
  if (patch) await writeFile(path, patch(await readFile(path)));
}

const PATCHES: Readonly<Record<string, Patch>> = {
  "08-he-aac.mp4": signalHeAac,
  "14-64-bit.mp4": widen,
  "15-rotated.mp4": rotate,
};

/** Options that only one file needs. */
interface Extra {
  /** Of the input. */
  readonly pictures?: readonly string[];
  readonly sound?: readonly string[];
  /** Of the output. */
  readonly output?: readonly string[];
}

const EXTRAS: Readonly<Record<string, Extra>> = {
  // every other picture is left out, but for the first 1.2 of each two seconds
  "06-variable-rate.mp4": { output: ["-vf", "select='lt(mod(n,50),30)+not(mod(n,2))'", "-fps_mode", "vfr"] },
  "08-he-aac.mp4": { output: ["-ar", "24000"] },
  "10-late-sound.mp4": { sound: ["-itsoffset", "0.3", "-t", "5.7"] },
  "11-late-picture.mp4": {
    pictures: ["-itsoffset", "0.2"],
    output: ["-fps_mode", "vfr", "-af", "apad=pad_dur=0.2"],
  },
  "16-4k.mp4": { output: ["-vf", "scale=3840:2160:flags=neighbor", "-preset", "ultrafast"] },
  "18-interlaced.mp4": { output: ["-flags", "+ildct+ilme"] },
  "24-sound-behind.mp4": { output: ["-af", "apad=pad_dur=0.5", "-chunk_duration", "10000000"] },
};

const PROFILES = { "Constrained Baseline": "baseline", Main: "main", High: "high" } as const;
const SOUND_CODECS = { LC: "aac", "HE-AAC": "aac", MP3: "libmp3lame" } as const;

async function makeByFfmpeg(folder: string, creative: ColdCreative): Promise<void> {
  const { file, audio, profile, frameRate } = creative;
  const { pictures = [], sound = [], output = [] } = EXTRAS[file] ?? {};
  const sounds =
    audio === undefined
      ? ["-an"]
      : ["-c:a", SOUND_CODECS[audio.codec], "-b:a", "96k", "-ar", `${audio.sampleRate}`, "-ac", `${audio.channels}`];
  const coded = ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", PROFILES[profile], "-pix_fmt", "yuv420p"];
  const inputs = [...pictures, "-i", nameMaster(frameRate), ...sound, "-i", SOUND];
  const x264 = ["-x264-params", formatX264(creative).join(":"), "-force_key_frames", formatKeys(creative)];
  await ffmpeg([...inputs, ...coded, ...x264, ...sounds, ...formatLayout(creative), ...output, file], folder);
}

const B_FRAMES = { 0: 0, 1: 2, 2: 3 } as const;

/** Of x264, by whichever program: `key=value`. */
function formatX264({ gop, frameRate, reorder, profile, isOpenGop, isInterlaced }: ColdCreative): readonly string[] {
  const distance = Math.round(gop * frameRate);
  return [
    `keyint=${distance}`,
    `min-keyint=${Math.min(distance, Math.floor(distance / 2) + 1)}`,
    "scenecut=0",
    `bframes=${B_FRAMES[reorder]}`,
    `b-pyramid=${reorder === 2 ? "normal" : "none"}`,
    "b-adapt=0",
    `open-gop=${isOpenGop ? 1 : 0}`,
    ...(profile === "High" ? ["8x8dct=1"] : []),
    ...(profile === "Constrained Baseline" ? [] : ["cabac=1"]),
    ...(isInterlaced ? ["tff=1"] : []),
    "threads=1",
  ];
}

/** By time, where pictures are left out. */
function formatKeys({ gop, isVariable }: ColdCreative): string {
  return isVariable ? `expr:gte(t,n_forced*${gop})` : "0";
}

function formatLayout({ layout }: ColdCreative): readonly string[] {
  const flags = [
    ...(layout.startsWith("moov first") ? ["faststart"] : []),
    ...(layout.startsWith("fragmented") ? ["frag_keyframe", "empty_moov"] : []),
    ...(layout === "fragmented, indexed" ? ["default_base_moof", "dash", "global_sidx"] : []),
    ...(layout === "fragmented, one track each" ? ["separate_moof"] : []),
  ];
  return flags.length === 0 ? [] : ["-movflags", flags.map((flag) => `+${flag}`).join("")];
}

interface GStreamerRecipe {
  readonly encoder?: string;
  readonly streamFormat?: "avc3";
  readonly soundEncoder?: string;
  /** With its properties. */
  readonly muxer: string;
}

const GSTREAMER: Readonly<Record<string, GStreamerRecipe>> = {
  "25-gst.mp4": { muxer: "mp4mux faststart=true" },
  "26-gst-quicktime.mov": { muxer: "qtmux" },
  "27-gst-fragmented.mp4": { muxer: "mp4mux fragment-duration=2000" },
  "28-gst-openh264.mp4": { encoder: "openh264enc gop-size=25", soundEncoder: "voaacenc", muxer: "mp4mux" },
  "29-gst-avc3.mp4": { streamFormat: "avc3", soundEncoder: "voaacenc", muxer: "mp4mux" },
  "30-gst-timescale-600.mp4": { muxer: "mp4mux trak-timescale=600 movie-timescale=600 interleave-time=2000000000" },
};

async function makeByGStreamer(folder: string, creative: ColdCreative): Promise<void> {
  const { file, audio, profile, frameRate } = creative;
  const recipe = GSTREAMER[file];
  if (!recipe) throw new Error("expected a recipe");
  const { encoder, streamFormat = "avc", soundEncoder = "avenc_aac", muxer } = recipe;
  // its properties win over the options of x264
  const keys = `key-int-max=${Math.round(creative.gop * frameRate)}`;
  const x264 = `x264enc speed-preset=veryfast bitrate=800 ${keys} option-string=${formatX264(creative).join(":")}`;
  const coded = `video/x-h264,profile=${profile.toLowerCase().replace(" ", "-")}`;
  const framed = `video/x-h264,stream-format=${streamFormat},alignment=au`;
  const pictures = `filesrc location=${nameMaster(frameRate)} ! matroskademux ! avdec_ffv1 ! videoconvert ! video/x-raw,format=I420`;
  const sound = `filesrc location=${SOUND} ! wavparse ! audioconvert ! audioresample`;
  const lines = [
    `${pictures} ! ${encoder ?? x264} ! ${coded} ! h264parse ! ${framed} ! ${muxer} name=m ! filesink location=${file}`,
    ...(audio
      ? [
          `${sound} ! audio/x-raw,rate=${audio.sampleRate},channels=${audio.channels} ! ${soundEncoder} bitrate=96000 ! aacparse ! m.`,
        ]
      : []),
  ];
  await run("gst-launch-1.0", ["-q", ...lines.join(" ").split(" ")], { cwd: folder });
}
