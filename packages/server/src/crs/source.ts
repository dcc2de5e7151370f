/** What must be known of a source before it is encoded, and whether it may be encoded at all. */
import type { SourceLimits } from "./crs-config.ts";
import { type FrameRate, framesPerSecond, parseFrameRate, selectFrameRate } from "./frame-rate.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { IdentifiedFile } from "./source-format.ts";

export interface Source {
  /** Seconds, as the file declares it or its packets show it. */
  readonly duration: number;
  /** False: `duration` is that of the whole file, in which sound may go on after the last picture. */
  readonly isDurationOfVideo: boolean;
  readonly video: SourceVideo;
  /** undefined: silence is made. */
  readonly audio: SourceAudio | undefined;
}

export interface SourceVideo {
  readonly file: IdentifiedFile;
  /** Among all streams of its file, as ffmpeg counts. */
  readonly index: number;
  /** As seen: rotation and pixel shape applied; may be odd. */
  readonly width: number;
  readonly height: number;
  /** Of the ladder that is made from it. */
  readonly frameRate: FrameRate;
  readonly isInterlaced: boolean;
  /** Whether its pixels are square as they are stored. */
  readonly hasSquarePixels: boolean;
}

export interface SourceAudio {
  /** Another than the video's where a source has its sound apart. */
  readonly file: IdentifiedFile;
  /** Among all streams of its file, as ffmpeg counts. */
  readonly index: number;
}

/** The part of `ffprobe -show_format -show_streams -of json` that is read. */
export interface ProbeReport {
  readonly streams: readonly ProbeStream[];
  readonly duration: number | undefined;
}

export interface ProbeStream {
  readonly index: number;
  readonly type: string;
  readonly codec: string | undefined;
  readonly width: number;
  readonly height: number;
  /** Width over height of one pixel. */
  readonly pixelAspect: number;
  /** Degrees, a multiple of 90 or not. */
  readonly rotation: number;
  readonly declaredRate: FrameRate | undefined;
  readonly averageRate: FrameRate | undefined;
  /** Seconds; many containers tell it of the whole file only. */
  readonly duration: number | undefined;
  readonly isPicture: boolean;
  readonly fieldOrder: string;
}

/** Reads ffprobe's JSON; members that are missing or of another type count as not there. */
export function parseProbe(json: unknown): ProbeReport {
  const streams = list(member(json, "streams")).map((stream, index) => parseStream(stream, index));
  return { streams, duration: positive(member(member(json, "format"), "duration")) };
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
    width: positive(member(stream, "width")) ?? 0,
    height: positive(member(stream, "height")) ?? 0,
    pixelAspect: positive(across / down) ?? 1,
    rotation: tags.find((degrees) => Number.isFinite(degrees) && degrees !== 0) ?? 0,
    declaredRate: parseFrameRate(text(member(stream, "r_frame_rate"))),
    averageRate: parseFrameRate(text(member(stream, "avg_frame_rate"))),
    duration: positive(member(stream, "duration")),
    isPicture: member(member(stream, "disposition"), "attached_pic") === 1,
    fieldOrder: text(member(stream, "field_order")) ?? "unknown",
  };
}

/** What was fetched of one creative: one file, or its sound in a file of its own. */
export interface SourceFiles {
  readonly video: IdentifiedFile;
  readonly audio?: IdentifiedFile;
}

/**
 * The source as it will be encoded: the first video of its file, and the first audio of the file of its own or else of the same.
 *
 * @param audioReport of `files.audio`, where there is one
 * @throws RepackageFailure `no-video`, `too-long`, `too-large`, `unsupported`
 */
export function selectSource(
  files: SourceFiles,
  report: ProbeReport,
  audioReport: ProbeReport | undefined,
  limits: SourceLimits,
): Source {
  const stream = report.streams.find((one) => one.type === "video" && !one.isPicture);
  if (stream === undefined) {
    const kinds = report.streams.map((one) => one.type).join(", ") || "nothing";
    throw new RepackageFailure("no-video", `creative: expected a video stream, got ${kinds}`);
  }
  const duration = stream.duration ?? report.duration;
  if (duration === undefined) throw new RepackageFailure("unreadable", "creative: expected a duration, got none");
  checkDuration(Math.max(duration, report.duration ?? 0), limits);
  return {
    duration,
    isDurationOfVideo: stream.duration !== undefined,
    video: selectVideo(files.video, stream, limits),
    audio: selectAudio(files.audio ?? files.video, audioReport ?? report),
  };
}

function selectAudio(file: IdentifiedFile, report: ProbeReport): SourceAudio | undefined {
  const stream = report.streams.find((one) => one.type === "audio" && one.codec !== undefined);
  return stream && { file, index: stream.index };
}

/** @throws RepackageFailure `too-long` */
export function checkDuration(duration: number, limits: SourceLimits): void {
  if (duration <= limits.maxDuration) return;
  const message = `creative: expected at most ${limits.maxDuration} s, got ${duration.toFixed(1)} s`;
  throw new RepackageFailure("too-long", message);
}

const MIN_SIDE = 16;

function selectVideo(file: IdentifiedFile, stream: ProbeStream, limits: SourceLimits): SourceVideo {
  const { width, height } = seenSize(stream);
  if (stream.codec === undefined || Math.min(width, height) < MIN_SIDE) {
    const came = `${stream.codec ?? "unknown codec"}, ${width}x${height}`;
    throw new RepackageFailure("unsupported", `creative: expected a video of ${MIN_SIDE} pixels or more, got ${came}`);
  }
  if (stream.width * stream.height > limits.maxPixels || width * height > limits.maxPixels) {
    const message = `creative: expected at most ${limits.maxPixels} pixels, got ${width}x${height}`;
    throw new RepackageFailure("too-large", message);
  }
  const average = stream.averageRate ?? stream.declaredRate;
  if (average === undefined || framesPerSecond(average) > limits.maxFrameRate) {
    const came = average ? framesPerSecond(average).toFixed(1) : "no frame rate";
    throw new RepackageFailure("unsupported", `creative: expected at most ${limits.maxFrameRate} fps, got ${came}`);
  }
  return {
    file,
    index: stream.index,
    width,
    height,
    frameRate: selectFrameRate(stream.declaredRate ?? average, average),
    hasSquarePixels: stream.pixelAspect === 1,
    isInterlaced: ["tt", "bb", "tb", "bt"].includes(stream.fieldOrder),
  };
}

/** Wide pixels widen, tall pixels heighten: no dimension shrinks, none is invented beyond the pixel's shape. */
function seenSize(stream: ProbeStream): { readonly width: number; readonly height: number } {
  const width = Math.round(stream.width * Math.max(1, stream.pixelAspect));
  const height = Math.round(stream.height / Math.min(1, stream.pixelAspect));
  const isTurned = Math.abs(Math.round(stream.rotation / 90)) % 2 === 1;
  return isTurned ? { width: height, height: width } : { width, height };
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

function positive(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

/** A rendition that we encoded: its size, its number of frames and its name by RFC 6381. */
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
