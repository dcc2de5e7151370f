/** Small MP4 files made by ffmpeg, and what ffprobe reads in them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBoxHeader } from "../../src/remux/mp4-boxes.ts";
import { parseFragments } from "../../src/remux/mp4-fragments.ts";
import { isFragmented, parseMovie } from "../../src/remux/mp4-movie.ts";
import type { Movie, SampleTable } from "../../src/remux/movie.ts";

const X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-sc_threshold", "0"];
const B_FRAMES = [...X264, "-bf", "2", "-b_strategy", "0"];

/** Options of ffmpeg: two seconds and a bit of pictures. */
const PICTURES = {
  bFrames: B_FRAMES,
  noBFrames: [...X264, "-bf", "0", "-profile:v", "baseline"],
  intra: [...X264, "-g", "1"],
  openGop: [...X264, "-preset", "veryfast", "-g", "20", "-x264-params", "open-gop=1:bframes=3"],
  anyDuration: [...B_FRAMES, "-vf", "select='mod(n*n,7)'", "-fps_mode", "vfr"],
  ntsc: [...B_FRAMES, "-r", "30000/1001"],
} as const;

/** Sample rate and number of channels. */
const SOUNDS = {
  stereo: ["48000", "2"],
  cd: ["44100", "2"],
  mono: ["22050", "1"],
  surround: ["48000", "6"],
} as const;

export type Pictures = keyof typeof PICTURES;
export type Sound = keyof typeof SOUNDS;

export interface Layout {
  readonly pictures?: Pictures | undefined;
  readonly sound?: Sound | undefined;
  /** What ffmpeg is told of the file. */
  readonly options?: readonly string[];
  /** Seconds that the pictures or the sound begin later. */
  readonly pictureDelay?: number;
  readonly soundDelay?: number;
}

/** A temporary folder of media: each source is coded once, each file made of copies of them. */
export interface MediaFolder {
  /** @returns the path of the file, which is made once by its name */
  readonly make: (name: string, layout: Layout) => string;
  /** @param range options of ffmpeg: a part of the file, coded as it is */
  readonly cut: (name: string, source: string, range: readonly string[]) => string;
  readonly remove: () => void;
}

export function createMediaFolder(): MediaFolder {
  const folder = mkdtempSync(join(tmpdir(), "interlude-mp4-"));
  const findSource = (name: Pictures | Sound): string => {
    const path = join(folder, `source-${name}.mkv`);
    if (!existsSync(path)) runFfmpeg([...describeSource(name), path]);
    return path;
  };
  const input = (name: Pictures | Sound | undefined, delay = 0): readonly string[] =>
    name ? ["-itsoffset", String(delay), "-i", findSource(name)] : [];
  return {
    make: (name, { pictures, sound, options = [], pictureDelay, soundDelay }) => {
      const path = join(folder, name);
      if (existsSync(path)) return path;
      runFfmpeg([...input(pictures, pictureDelay), ...input(sound, soundDelay), "-c", "copy", ...options, path]);
      return path;
    },
    cut: (name, source, range) => {
      const path = join(folder, name);
      runFfmpeg([...range, "-i", source, "-c", "copy", path]);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function describeSource(name: Pictures | Sound): readonly string[] {
  if (isPictures(name)) return ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2.4", ...PICTURES[name]];
  const [rate, channels] = SOUNDS[name];
  return ["-f", "lavfi", "-i", `sine=440:d=2.4:sample_rate=${rate}`, "-ac", channels, "-c:a", "aac", "-b:a", "64k"];
}

function isPictures(name: Pictures | Sound): name is Pictures {
  return name in PICTURES;
}

function runFfmpeg(args: readonly string[]): void {
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);
}

export interface TopBox {
  readonly type: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export function readTopBoxes(path: string): readonly TopBox[] {
  const file = new Uint8Array(readFileSync(path));
  const boxes: TopBox[] = [];
  for (let offset = 0; ;) {
    const header = readBoxHeader(file, offset);
    if (!header) return boxes;
    const end = Math.min(file.length, offset + header.size);
    boxes.push({ type: header.type, offset, bytes: file.slice(offset, end) });
    offset = end;
  }
}

export function readMoov(path: string): Uint8Array {
  const moov = readTopBoxes(path).find(({ type }) => type === "moov");
  if (!moov) throw new Error(`${path}: no moov`);
  return moov.bytes;
}

export function parseFile(path: string): Movie {
  const moov = readMoov(path);
  if (!isFragmented(moov)) return parseMovie(moov);
  const moofs = readTopBoxes(path).filter(({ type }) => type === "moof");
  return parseFragments(
    moov,
    moofs.map(({ offset, bytes }) => ({ offset, moof: bytes })),
  );
}

export interface Packet {
  readonly offset: number;
  readonly size: number;
  /** Ticks of the track. */
  readonly time: number;
  /** Since the first packet. */
  readonly decodeTime: number;
  readonly isKey: boolean;
}

interface ProbedPacket {
  readonly codec_type: string;
  readonly pos: string;
  readonly size: string;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
}

/** In decoding order; the times are those of the presentation. */
export function probePackets(path: string): Readonly<Record<"video" | "audio", readonly Packet[]>> {
  const shown = ["-show_entries", "packet=codec_type,pos,size,pts,dts,flags", "-of", "json"];
  const text = execFileSync("ffprobe", ["-v", "error", ...shown, path], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const { packets }: { packets: readonly ProbedPacket[] } = JSON.parse(text);
  const select = (type: string): readonly Packet[] => {
    const own = packets.filter((packet) => packet.codec_type === type);
    return own.map(({ pos, size, pts, dts, flags }) => ({
      offset: Number(pos),
      size: Number(size),
      time: pts,
      decodeTime: dts - (own[0]?.dts ?? 0),
      isKey: flags.startsWith("K"),
    }));
  };
  return { video: select("video"), audio: select("audio") };
}

export function listPackets(samples: SampleTable | undefined): readonly Packet[] {
  return Array.from({ length: samples?.count ?? 0 }, (_, index) => ({
    offset: samples?.offsets[index] ?? -1,
    size: samples?.sizes[index] ?? -1,
    time: samples?.times[index] ?? -1,
    decodeTime: (samples?.decodeTimes[index] ?? -1) - (samples?.decodeTimes[0] ?? 0),
    isKey: samples?.isKey[index] === 1,
  }));
}
