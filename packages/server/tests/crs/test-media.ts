/** Sources made with ffmpeg, once, into `.interlude/test-media`: small and short, each with one peculiarity. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../.interlude/test-media", import.meta.url));

const picture = (size: string, rate: string, duration: number): readonly string[] => [
  "-f",
  "lavfi",
  "-i",
  `testsrc2=s=${size}:r=${rate}:d=${duration}`,
];
const tone = (duration: number, options = "sample_rate=44100"): readonly string[] => [
  "-f",
  "lavfi",
  "-i",
  `sine=440:d=${duration}:${options}`,
];
/** Black, and white from 2 s on; silent, and a tone from 2 s on: whether sound is where the picture is can be measured. */
const clap = (duration: number, delay = 0): readonly string[] => [
  "-f",
  "lavfi",
  "-i",
  `color=black:s=320x180:r=25:d=${duration},drawbox=enable='gte(t,2)':color=white:t=fill`,
  ...(delay === 0 ? [] : ["-itsoffset", String(delay)]),
  "-f",
  "lavfi",
  "-i",
  `aevalsrc=0.5*sin(880*2*PI*t)*gte(t\\,${2 - delay}):s=48000:d=${duration - delay}`,
];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
const AAC = ["-c:a", "aac", "-b:a", "96k"];
/** As most encoders make it: B-frames, closed GOPs of 2 s at 25 frames per second. */
const FILM = [
  "-c:v",
  "libx264",
  "-preset",
  "veryfast",
  "-pix_fmt",
  "yuv420p",
  "-g",
  "50",
  "-bf",
  "3",
  "-b_strategy",
  "0",
];

/** Arguments between `ffmpeg` and the file's name. */
const RECIPES: Readonly<Record<string, readonly string[]>> = {
  "plain.mp4": [...picture("640x360", "25", 9), ...tone(9), ...H264, ...AAC],
  "ordinary.mp4": [...picture("320x180", "25", 9), ...tone(9), ...H264, ...AAC],
  "short.mp4": [...picture("160x90", "25", 3), ...tone(3), ...H264, ...AAC],
  "silent.mp4": [...picture("160x90", "25", 7), ...H264],
  "portrait-source.mp4": [...picture("320x180", "25", 5), ...tone(5), ...H264, ...AAC],
  "odd.mp4": [...picture("213x121", "25", 5), ...tone(5), ...H264, "-pix_fmt", "yuv444p", ...AAC],
  "60fps.mp4": [...picture("160x90", "60", 5), ...tone(5), ...H264, ...AAC],
  "23976.mp4": [...picture("160x90", "24000/1001", 13), ...tone(13), ...H264, "-g", "500", ...AAC],
  "surround.mp4": [
    ...picture("160x90", "30000/1001", 5),
    "-f",
    "lavfi",
    "-i",
    "aevalsrc=0.1*sin(440*2*PI*t)|0.1*sin(550*2*PI*t)|0.1*sin(660*2*PI*t)|0.05|0.1*sin(770*2*PI*t)|0.1*sin(880*2*PI*t):c=5.1:d=5",
    ...H264,
    ...AAC,
  ],
  "flash.flv": [...picture("160x120", "25", 5), ...tone(5), "-c:v", "flv1", "-b:v", "600k", "-c:a", "mp3"],
  "web.webm": [
    ...picture("160x90", "25", 5),
    ...tone(5, "sample_rate=48000"),
    "-c:v",
    "libvpx",
    "-b:v",
    "400k",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-c:a",
    "libopus",
  ],
  "slow.mp4": [...picture("160x90", "1", 6), ...tone(6), ...H264, ...AAC],
  "fragmented.mp4": [
    ...picture("160x90", "25", 7),
    ...tone(7),
    ...H264,
    ...AAC,
    "-movflags",
    "frag_keyframe+empty_moov",
  ],
  "long-sound.webm": [
    ...picture("160x90", "25", 3),
    ...tone(5),
    "-c:v",
    "libvpx",
    "-b:v",
    "200k",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-c:a",
    "libopus",
  ],
  "late-sound.mp4": [...picture("160x90", "25", 5), "-itsoffset", "0.5", ...tone(4), ...H264, ...AAC],
  "wide-pixels.mp4": [...picture("180x144", "25", 4), ...tone(4), "-vf", "setsar=16/11", ...H264, ...AAC],
  "long.mp4": [...picture("32x32", "2", 301), ...H264],
  "song.m4a": [...tone(4), ...AAC],
  "song.mp3": [...tone(4), "-c:a", "mp3"],
  "loud.mp4": [
    ...picture("160x90", "25", 8),
    "-f",
    "lavfi",
    "-i",
    "aevalsrc=0.7*sin(440*2*PI*t)*(0.3+0.7*lt(mod(t\\,4)\\,2)):s=48000:d=8",
    ...H264,
    ...AAC,
  ],
  "film.mp4": [...clap(7), ...FILM, ...AAC],
  "film.mkv": [...clap(7), ...FILM, "-c:a", "libvorbis"],
  "film.flv": [...clap(7), ...FILM, ...AAC],
  "film.ts": [...clap(7), ...FILM, ...AAC],
  "film-fragmented.mp4": [...clap(7), ...FILM, ...AAC, "-movflags", "frag_keyframe+empty_moov"],
  "film-shifted.mp4": [...clap(7), ...FILM, ...AAC, "-use_editlist", "0"],
  "smaller.ts": [...picture("160x90", "25", 4), ...tone(4), ...FILM, ...AAC, "-output_ts_offset", "7.2"],
  "film-late-sound.ts": [...clap(7, 0.6), ...FILM, ...AAC],
  "film-audio.aac": [...clap(7), ...AAC, "-map", "1:a", "-f", "adts"],
  "long-gop.mp4": [...clap(9), ...FILM, "-g", "1000", "-sc_threshold", "0", ...AAC],
  "open-gop.mp4": [...picture("160x90", "25", 9), ...tone(9), ...FILM, "-x264-params", "open-gop=1:scenecut=0", ...AAC],
  "variable.mp4": [
    ...picture("320x180", "30", 9),
    ...tone(9),
    "-vf",
    "select='lt(mod(n\\,7)\\,4)'",
    "-vsync",
    "vfr",
    ...FILM,
    ...AAC,
  ],
  "one-gop.mp4": [...picture("160x90", "25", 21), ...tone(21), ...FILM, "-g", "1000", "-sc_threshold", "0", ...AAC],
  "level.mp4": [...picture("2560x1440", "10", 2), ...tone(2), ...H264, "-level", "4.2", ...AAC],
  "burst.mkv": [
    ...picture("160x90", "25", 42),
    ...tone(3),
    "-vf",
    "settb=1/1000,setpts='if(lt(N,50),N*40,2000+(N-50))'",
    "-vsync",
    "vfr",
    "-enc_time_base",
    "1/1000",
    ...H264,
    ...AAC,
  ],
  "61-frames.mp4": [...picture("160x90", "25", 2.44), ...tone(3), ...H264, ...AAC],
  "62-frames.mp4": [...picture("160x90", "25", 2.48), ...tone(3), ...H264, ...AAC],
  "hevc.mp4": [...picture("320x180", "25", 4), ...tone(4), "-c:v", "libx265", "-preset", "ultrafast", ...AAC],
  "ten-bit.mp4": [...picture("320x180", "25", 4), ...tone(4), ...FILM, "-pix_fmt", "yuv420p10le", ...AAC],
  "interlaced.mp4": [...picture("320x180", "25", 4), ...tone(4), ...FILM, "-flags", "+ilme+ildct", ...AAC],
  "baseline.mp4": [...picture("320x180", "25", 6), ...tone(6), ...FILM, "-profile:v", "baseline", "-bf", "0", ...AAC],
  "big.mp4": [...picture("640x360", "30", 30), ...tone(30), ...H264, "-g", "300", ...AAC],
};

/** After the recipes: what was made by another one is not taken for what it should be. */
const FOLDER = join(ROOT, createHash("sha256").update(JSON.stringify(RECIPES)).digest("hex").slice(0, 16));

/** The path of a source by its name, made where it is not there yet. */
export function testMedia(name: string): string {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, name);
  if (existsSync(path)) return path;
  const extension = name.slice(name.lastIndexOf("."));
  const beside = join(FOLDER, `.${process.pid}-${name}${extension}`);
  makeFile(name, beside);
  renameSync(beside, path);
  return path;
}

function makeFile(name: string, path: string): void {
  if (name === "truncated.mp4") {
    // moov first, so that the file looks whole to whoever reads only its beginning
    ffmpeg(["-i", testMedia("plain.mp4"), "-c", "copy", "-movflags", "faststart", path]);
    truncateSync(path, Math.floor(readFileSync(path).length * 0.6));
  } else if (name.startsWith("piped.")) {
    const source = testMedia(name === "piped.flv" ? "flash.flv" : "web.webm");
    const args = ["-i", source, "-c", "copy", "-f", name.slice("piped.".length), "pipe:1"];
    writeFileSync(path, execFileSync("ffmpeg", ["-nostdin", "-v", "error", ...args], { maxBuffer: 1e8 }));
  } else if (name === "truncated.webm") {
    const whole = readFileSync(testMedia("web.webm"));
    writeFileSync(path, whole.subarray(0, whole.length / 2));
  } else if (name === "headless.mp4") {
    writeFileSync(path, readFileSync(testMedia("plain.mp4")).subarray(0, 50_000));
  } else if (name === "edit-list.mp4") {
    ffmpeg(["-ss", "1.3", "-i", testMedia("film.mp4"), "-c", "copy", path]);
  } else if (name === "film-late-picture.mp4") {
    const film = testMedia("film.mp4");
    ffmpeg(["-itsoffset", "1", "-i", film, "-i", film, "-map", "0:v", "-map", "1:a", "-c", "copy", path]);
  } else if (name === "film-video.ts" || name === "film-audio.ts") {
    const map = name === "film-video.ts" ? "0:v" : "0:a";
    ffmpeg(["-copyts", "-i", testMedia("film-late-sound.ts"), "-map", map, "-c", "copy", "-muxdelay", "0", path]);
  } else if (name === "resized.ts") {
    writeFileSync(
      path,
      ["film.ts", "smaller.ts"].map((part) => readFileSync(testMedia(part))).reduce((a, b) => Buffer.concat([a, b])),
    );
  } else if (name === "rotated.mp4") {
    ffmpeg(["-i", testMedia("portrait-source.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90", path]);
  } else {
    const recipe = RECIPES[name];
    if (recipe === undefined) throw new Error(`test media: expected a known name, got ${name}`);
    ffmpeg([...recipe, path]);
  }
}

function ffmpeg(args: readonly string[]): void {
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);
}
