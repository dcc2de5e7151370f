/** What ffprobe says of a file, as typed values. Members that are missing or of another type count as not there. */
import { type FrameRate, parseFrameRate } from "./frame-rate.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** The part of `ffprobe -show_format -show_streams -show_packets -of json` that is read. */
export interface ProbeReport {
  readonly streams: readonly ProbeStream[];
  /** Of all streams, in the order of the file. */
  readonly packets: readonly ProbePacket[];
  /** Seconds, as the file says. */
  readonly duration: number | undefined;
  /** Of the stream that begins first. Seconds. */
  readonly startTime: number;
}

export interface ProbeStream {
  readonly index: number;
  readonly type: string;
  readonly codec: string | undefined;
  readonly profile: string | undefined;
  /** Of H.264: 40 is level 4.0; 0 where it is unknown. */
  readonly level: number;
  readonly pixelFormat: string | undefined;
  readonly width: number;
  readonly height: number;
  /** Width over height of one pixel. */
  readonly pixelAspect: number;
  /** Degrees, a multiple of 90 or not. */
  readonly rotation: number;
  readonly declaredRate: FrameRate | undefined;
  readonly averageRate: FrameRate | undefined;
  /** Seconds; NaN: unknown. */
  readonly startTime: number;
  /** Seconds; many containers tell it of the whole file only. */
  readonly duration: number | undefined;
  readonly isPicture: boolean;
  readonly fieldOrder: string;
}

export interface ProbePacket {
  readonly stream: number;
  /** When it is shown, and when it is decoded. Seconds; NaN: unknown. */
  readonly pts: number;
  readonly dts: number;
  /** Seconds; 0: unknown. */
  readonly duration: number;
  readonly bytes: number;
  readonly isKey: boolean;
  /** Decoded, but not shown: an edit list cuts it off. */
  readonly isDiscarded: boolean;
}

/** Reads the JSON that `probeArgs` asks for. */
export function parseProbe(json: unknown): ProbeReport {
  const format = member(json, "format");
  return {
    streams: list(member(json, "streams")).map((stream, index) => parseStream(stream, index)),
    packets: list(member(json, "packets")).map(parsePacket),
    duration: positive(member(format, "duration")),
    startTime: seconds(member(format, "start_time")) || 0,
  };
}

function parseStream(stream: unknown, place: number): ProbeStream {
  const tags = list(member(stream, "side_data_list")).map((data) => Number(member(data, "rotation") ?? 0));
  const [across = 1, down = 1] = String(member(stream, "sample_aspect_ratio") ?? "1:1")
    .split(":")
    .map(Number);
  return {
    index: positive(member(stream, "index")) ?? place,
    type: String(member(stream, "codec_type")),
    codec: text(member(stream, "codec_name")),
    profile: text(member(stream, "profile")),
    level: positive(member(stream, "level")) ?? 0,
    pixelFormat: text(member(stream, "pix_fmt")),
    width: positive(member(stream, "width")) ?? 0,
    height: positive(member(stream, "height")) ?? 0,
    pixelAspect: positive(across / down) ?? 1,
    rotation: tags.find((degrees) => Number.isFinite(degrees) && degrees !== 0) ?? 0,
    declaredRate: parseFrameRate(text(member(stream, "r_frame_rate"))),
    averageRate: parseFrameRate(text(member(stream, "avg_frame_rate"))),
    startTime: seconds(member(stream, "start_time")),
    duration: positive(member(stream, "duration")),
    isPicture: member(member(stream, "disposition"), "attached_pic") === 1,
    fieldOrder: text(member(stream, "field_order")) ?? "unknown",
  };
}

function parsePacket(packet: unknown): ProbePacket {
  const flags = text(member(packet, "flags")) ?? "";
  return {
    stream: Number(member(packet, "stream_index")),
    pts: seconds(member(packet, "pts_time")),
    dts: seconds(member(packet, "dts_time")),
    duration: positive(member(packet, "duration_time")) ?? 0,
    bytes: positive(member(packet, "size")) ?? 0,
    isKey: flags.startsWith("K"),
    isDiscarded: flags.includes("D"),
  };
}

/** A rendition that is stored: its size, its number of frames and its name by RFC 6381. */
export interface MadeRendition {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly codec: string;
}

/** profile_idc and constraint flags of what x264 makes. */
const PROFILE: Readonly<Record<string, string>> = {
  High: "6400",
  Main: "4d40",
  Baseline: "42c0",
  "Constrained Baseline": "42c0",
};

/**
 * Reads ffprobe's report on a rendition.
 *
 * @throws RepackageFailure `unreadable` when it holds no H.264 frame
 */
export function parseRendition(json: unknown): MadeRendition {
  const [stream] = list(member(json, "streams"));
  const frames = positive(member(stream, "nb_frames"));
  const profile = PROFILE[String(member(stream, "profile"))];
  const level = positive(member(stream, "level"));
  if (frames === undefined || profile === undefined || level === undefined) {
    throw new RepackageFailure("unreadable", "creative: expected frames of video, got none that could be decoded");
  }
  return {
    width: positive(member(stream, "width")) ?? 0,
    height: positive(member(stream, "height")) ?? 0,
    frames,
    codec: `avc1.${profile}${level.toString(16).padStart(2, "0")}`,
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function seconds(value: unknown): number {
  return typeof value === "string" ? Number.parseFloat(value) : Number.NaN;
}

function positive(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}
