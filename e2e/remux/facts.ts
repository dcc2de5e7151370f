/** What ffprobe and the boxes say of a creative, in the words of the table: what a test holds against its row. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { findTracks, readBox } from "./boxes.ts";
import { readLayout } from "./layout.ts";

const run = promisify(execFile);

export interface CreativeFacts {
  readonly layout: string;
  readonly profile: string;
  readonly reorder: number;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly isInterlaced: boolean;
  readonly audio: { readonly codec: string; readonly sampleRate: number; readonly channels: number } | undefined;
  /** Seconds of each picture, in order of presentation. */
  readonly times: readonly number[];
  /** Of those where decoding may begin. */
  readonly keyTimes: readonly number[];
  /** Whether pictures that follow a key frame in the file come before it. */
  readonly hasLeadingPictures: boolean;
  /** Seconds from the first picture to the end of the last, and to the end of the sound; 0 without. */
  readonly duration: number;
  readonly soundEnd: number;
}

interface Packet {
  readonly kind: string;
  readonly time: number;
  /** 0 where the file does not say it. */
  readonly duration: number;
  readonly isKey: boolean;
}

export async function readFacts(path: string): Promise<CreativeFacts> {
  const show = ["-show_entries", STREAM, "-show_entries", "packet=codec_type,pts_time,duration_time,flags"];
  const { stdout } = await run("ffprobe", ["-v", "error", ...show, "-of", "default=nw=0", path], {
    maxBuffer: 2 ** 26,
  });
  const sections = parseSections(stdout);
  const streams = sections.filter(({ section }) => section === "STREAM");
  const packets = sections.flatMap(parsePacket);
  const pictures = packets.filter(({ kind }) => kind === "video");
  const sounds = packets.filter(({ kind }) => kind === "audio");
  const picture = streams.find(({ codec_type }) => codec_type === "video");
  const sound = streams.find(({ codec_type }) => codec_type === "audio");
  const times = pictures.map(({ time }) => time).toSorted((a, b) => a - b);
  const begin = times[0] ?? NaN;
  const ends = (of: readonly Packet[]): number => Math.max(...of.map(({ time, duration }) => time + duration)) - begin;
  const file = await readFile(path);
  return {
    layout: readLayout(file),
    profile: picture?.["profile"] ?? "",
    reorder: Number(picture?.["has_b_frames"]),
    width: Number(picture?.["width"]),
    height: Number(picture?.["height"]),
    frameRate: parseRatio(picture?.["r_frame_rate"]),
    isInterlaced: picture?.["field_order"] !== "progressive",
    audio: sound && {
      codec: sound["codec_name"] === "mp3" ? "MP3" : readObjectType(file),
      sampleRate: Number(sound["sample_rate"]),
      channels: Number(sound["channels"]),
    },
    times: times.map((time) => time - begin),
    keyTimes: pictures.filter(({ isKey }) => isKey).map(({ time }) => time - begin),
    hasLeadingPictures: leadsAKeyFrame(pictures),
    duration: ends(pictures),
    soundEnd: sounds.length === 0 ? 0 : ends(sounds),
  };
}

/** As the file signals it: ffprobe tells what it has decoded. @see ISO/IEC 14496-1 §7.2.6, 14496-3 §1.6.2.1 */
function readObjectType(file: Buffer): string {
  const [track] = findTracks(file, "soun");
  const row = track && readBox(track, "mdia/minf/stbl/stsd");
  if (!row) throw new Error("expected a track of sound");
  // in the QuickTime format it lies deeper
  const [, config] = listDescriptors(row.subarray(row.indexOf("esds") + 8));
  const [specific] = listDescriptors(config?.subarray(13) ?? row);
  const objectType = (specific?.[0] ?? 0) >> 3;
  return { 2: "LC", 5: "HE-AAC" }[objectType] ?? `object type ${objectType}`;
}

/** The elementary stream's own, or the decoder's configuration within it. */
function listDescriptors(bytes: Buffer): readonly Buffer[] {
  let at = 1;
  let size = 0;
  for (let isMore = true; isMore; at += 1) {
    const byte = bytes[at] ?? 0;
    size = size * 128 + (byte & 127);
    isMore = byte > 127;
  }
  const body = bytes.subarray(at, at + size);
  return bytes[0] === 3 ? [body, ...listDescriptors(body.subarray(3))] : [body];
}

const STREAM =
  "stream=codec_type,codec_name,profile,has_b_frames,width,height,r_frame_rate,field_order,sample_rate,channels";

type Section = Readonly<Record<string, string>>;

/** `[STREAM]`, lines of key=value, `[/STREAM]`. */
function parseSections(text: string): readonly Section[] {
  return [...text.matchAll(/\[(STREAM|PACKET)\]\n([^[]*)/g)].map(([, section = "", body = ""]) => {
    const pairs = body.split("\n").map((line) => line.split("="));
    return { section, ...Object.fromEntries(pairs.map(([key = "", value = ""]) => [key, value])) };
  });
}

function parsePacket({ section, codec_type = "", pts_time, duration_time, flags = "" }: Section): readonly Packet[] {
  if (section !== "PACKET") return [];
  return [
    { kind: codec_type, time: Number(pts_time), duration: Number(duration_time) || 0, isKey: flags.includes("K") },
  ];
}

function parseRatio(text = ""): number {
  const [above = NaN, below = NaN] = text.split("/").map(Number);
  return above / below;
}

function leadsAKeyFrame(pictures: readonly Packet[]): boolean {
  let key = -Infinity;
  return pictures.some(({ time, isKey }) => {
    if (isKey) key = time;
    return time < key;
  });
}
