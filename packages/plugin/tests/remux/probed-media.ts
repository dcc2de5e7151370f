/**
 * Media made by ffmpeg, and the orders to repackage it as ffprobe sees it: no reader of ours has a part in them.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AacConfig, AvcConfig } from "../../src/remux/movie.ts";
import type { MadeSegment, PictureJob, SegmentJob, SoundJob } from "../../src/remux/segment-job.ts";
import { makeSegment } from "../../src/remux/make-segment.ts";

/** @returns what it printed, errors among it: nothing where all is well and nothing was asked for */
export function runFfmpeg(...args: readonly string[]): string {
  return run(process.env["FFMPEG_PATH"] ?? "ffmpeg", ["-v", "warning", "-y", ...args]);
}

export function runFfprobe(...args: readonly string[]): string {
  return run(process.env["FFPROBE_PATH"] ?? "ffprobe", ["-v", "error", ...args]);
}

function run(program: string, args: readonly string[]): string {
  return execFileSync("/bin/sh", ["-c", 'exec "$0" "$@" 2>&1', program, ...args], { encoding: "utf8" });
}

/** A test picture and a tone, 320x180. @param args encoders, and what else the file shall be like */
export function makeMedia(folder: string, name: string, args: readonly string[], seconds = 4): string {
  const path = join(folder, name);
  const picture = `testsrc2=s=320x180:r=25:d=${seconds}`;
  const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", `sine=440:d=${seconds}:r=48000`];
  runFfmpeg(...inputs, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", ...args, path);
  return path;
}

/** A packet of a file, times in ticks of its stream. */
export interface Packet {
  readonly stream: number;
  readonly time: number;
  readonly decodeTime: number;
  readonly duration: number;
  readonly size: number;
  readonly offset: number;
  readonly isKey: boolean;
}

export interface ProbedMedia {
  readonly bytes: Buffer;
  readonly video: ProbedTrack & { readonly avc: AvcConfig; readonly width: number; readonly height: number };
  readonly audio: ProbedTrack & { readonly aac: AacConfig };
}

export interface ProbedTrack {
  readonly timescale: number;
  /** Of stsd. */
  readonly description: Buffer;
  readonly packets: readonly Packet[];
}

/** In the order of the file's packets. */
export function probePackets(path: string, ...args: readonly string[]): readonly Packet[] {
  const fields = "packet=stream_index,pts,dts,duration,size,pos,flags";
  const text = runFfprobe(...args, "-show_entries", fields, "-of", "csv=p=0", path);
  return text.split("\n").flatMap((line) => {
    const [stream, time, decodeTime, duration, size, offset, flags] = line.split(",");
    if (!flags) return [];
    const row = [stream, time, decodeTime, duration, size, offset].map(Number);
    const [s = 0, t = 0, d = 0, u = 0, z = 0, o = 0] = row;
    return [{ stream: s, time: t, decodeTime: d, duration: u, size: z, offset: o, isKey: flags.startsWith("K") }];
  });
}

const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000];

/** @param path an MP4 file, its pictures first */
export function probeMedia(path: string): ProbedMedia {
  const bytes = readFileSync(path);
  const packets = probePackets(path);
  const fields = "stream=width,height,time_base,sample_rate,channels";
  const facts = runFfprobe("-show_entries", fields, "-of", "csv=p=0", path);
  const [pictures = "", sound = ""] = facts.split("\n");
  const [width = 0, height = 0] = pictures.split(",").map(Number);
  const [sampleRate = 0, channels = 0] = sound.split(",").map(Number);
  const track = (stream: number, told: string): ProbedTrack => ({
    timescale: Number(told.split("/")[1]),
    description: readDescription(bytes, stream),
    packets: packets.filter((packet) => packet.stream === stream),
  });
  const sampleRateIndex = SAMPLE_RATES.indexOf(sampleRate);
  const aac = { objectType: 2, sampleRateIndex, sampleRate, channels, outputRate: sampleRate };
  return {
    bytes,
    video: { ...track(0, pictures), width, height, avc: readAvc(bytes) },
    audio: { ...track(1, sound), aac },
  };
}

function readDescription(bytes: Buffer, stream: number): Buffer {
  let at = -1;
  for (let found = 0; found <= stream; found++) at = bytes.indexOf("stsd", at + 1, "latin1");
  const start = at + 12;
  return bytes.subarray(start, start + bytes.readUInt32BE(start));
}

function readAvc(bytes: Buffer): AvcConfig {
  let at = bytes.indexOf("avcC", 0, "latin1") + 9;
  const readSets = (): readonly Buffer[] => {
    const count = bytes.readUInt8(at) & 31;
    at += 1;
    return Array.from({ length: count }, () => {
      const start = at + 2;
      at = start + bytes.readUInt16BE(at);
      return bytes.subarray(start, at);
    });
  };
  return { lengthSize: 4, sps: readSets(), pps: readSets() };
}

/** What a planner would order, and the bytes that go with it. */
export interface Order {
  readonly job: SegmentJob;
  readonly bytes: Uint8Array;
}

/** The first picture's time in a stream: no decoding time is below 0. Ticks of 90 kHz. */
export const CLOCK = 900_000;
/** AAC-LC in stereo. */
const SILENCE = Uint8Array.of(0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80);

/** One segment per key frame. */
export function orderSegments(media: ProbedMedia, packaging: SegmentJob["packaging"]): readonly Order[] {
  const { video, audio } = media;
  const [first] = video.packets;
  const begin = (first?.time ?? 0) / video.timescale;
  const groups = groupByKey(video.packets);
  const starts = groups.map((group) => Math.min(...group.map(({ time }) => time)) / video.timescale);
  const frames = audio.packets.filter(({ time, duration }) => (time + duration) / audio.timescale > begin);
  return groups.map((group, index) => {
    const halfFrame = 512 / audio.aac.sampleRate;
    const from = index === 0 ? 0 : (starts[index] ?? 0) - halfFrame;
    const until = (starts[index + 1] ?? Infinity) - halfFrame;
    const sound = frames.filter(({ time }) => time / audio.timescale >= from && time / audio.timescale < until);
    const start = Math.min(...[...group, ...sound].map(({ offset }) => offset));
    const end = Math.max(...[...group, ...sound].map(({ offset, size }) => offset + size));
    const of = (packets: readonly Packet[], timescale: number): Columns =>
      orderTrack(packets, { start, begin, timescale, isStream: packaging === "hls" });
    const pictures = { ...of(group, video.timescale), configs: [video.avc] };
    const heard = { ...of(sound, audio.timescale), aac: audio.aac, silence: SILENCE };
    return {
      job: { packaging, index, video: pictures, audio: heard },
      bytes: Uint8Array.from(media.bytes.subarray(start, end)),
    };
  });
}

type Columns = Omit<PictureJob & SoundJob, "configs" | "aac" | "silence">;

interface Scale {
  readonly start: number;
  /** Seconds. */
  readonly begin: number;
  readonly timescale: number;
  readonly isStream: boolean;
}

function orderTrack(packets: readonly Packet[], { start, begin, timescale, isStream }: Scale): Columns {
  const scale = (ticks: number): number =>
    isStream
      ? CLOCK + Math.round((ticks / timescale - begin) * 90_000)
      : Math.round(ticks - begin * timescale + timescale);
  return {
    timescale: isStream ? 90_000 : timescale,
    offsets: Float64Array.from(packets, ({ offset }) => offset - start),
    sizes: Uint32Array.from(packets, ({ size }) => size),
    decodeTimes: Float64Array.from(packets, ({ decodeTime }) => scale(decodeTime)),
    times: Float64Array.from(packets, ({ time }) => scale(time)),
    durations: Uint32Array.from(packets, ({ duration }) => duration),
    isKey: Uint8Array.from(packets, ({ isKey }) => (isKey ? 1 : 0)),
    entries: new Uint8Array(packets.length),
  };
}

function groupByKey(packets: readonly Packet[]): readonly (readonly Packet[])[] {
  const groups: Packet[][] = [];
  for (const packet of packets) {
    if (packet.isKey) groups.push([]);
    groups.at(-1)?.push(packet);
  }
  return groups;
}

/** All at once. */
export function make({ job, bytes }: Order): MadeSegment {
  const made = makeSegment(job, bytes);
  for (;;) {
    const step = made.next();
    if (step.done) return step.value;
  }
}
