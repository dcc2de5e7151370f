/** What must be known of a source before anything is made of it, and whether it may be encoded at all. */
import type { SourceLimits } from "./crs-config.ts";
import { type FrameRate, framesPerSecond, selectFrameRate } from "./frame-rate.ts";
import type { ProbePacket, ProbeReport, ProbeStream } from "./probe-report.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { IdentifiedFile } from "./source-format.ts";

export interface Source {
  /** Of the video, by its packets. Seconds. */
  readonly duration: number;
  readonly video: SourceVideo;
  /** undefined: silence is made. */
  readonly audio: SourceAudio | undefined;
}

export interface SourceVideo {
  readonly file: IdentifiedFile;
  /** Among all streams of its file, as ffmpeg counts. */
  readonly index: number;
  /** The creative's zero on ffmpeg's clock, which begins with the first packet of the file. Seconds. */
  readonly zero: number;
  /** How long after zero its pictures begin: the first one is held from zero on. Seconds. */
  readonly lead: number;
  /** As seen: rotation and pixel shape applied; may be odd. */
  readonly width: number;
  readonly height: number;
  /** Of the ladder that is made from it. */
  readonly frameRate: FrameRate;
  readonly isInterlaced: boolean;
  /** Whether its pixels are square as they are stored. */
  readonly hasSquarePixels: boolean;
  /** What the file says of it, before anything is applied. */
  readonly stored: ProbeStream;
  /** In the order in which they are decoded. */
  readonly packets: readonly ProbePacket[];
}

export interface SourceAudio {
  /** Another than the video's where a source has its sound apart. */
  readonly file: IdentifiedFile;
  /** Among all streams of its file, as ffmpeg counts. */
  readonly index: number;
  /** The creative's zero on the clock of this file, seconds; below 0 the sound starts late. */
  readonly zero: number;
}

/** What was fetched of one creative: one file, or its sound in a file of its own. */
export interface SourceFiles {
  readonly video: IdentifiedFile;
  readonly audio?: IdentifiedFile;
}

/** A video that ends this much before its file says it does was not all there. Seconds. */
export const MAX_MISSING = 0.5;

/**
 * The source as it will be encoded: the first video of its file, and the first audio of the file of its own or else of the same.
 *
 * @param audioReport of `files.audio`, where there is one
 * @throws RepackageFailure `no-video`, `too-long`, `too-large`, `unsupported`, `unreadable`, `truncated`
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
  checkDuration(Math.max(stream.duration ?? 0, report.duration ?? 0), limits);
  const video = selectVideo(files.video, stream, report, limits);
  const end = findEnd(video.packets, 1 / framesPerSecond(stream.averageRate ?? video.frameRate));
  const clock = findClock(files.video, stream, report);
  const duration = end - clock - video.zero;
  if (!(duration > 0)) throw new RepackageFailure("unreadable", "creative: expected packets of video, got none");
  checkDuration(duration, limits);
  checkWhole(files.video, stream, report, end - report.startTime);
  return { duration, video, audio: selectAudio(files, report, audioReport, clock + video.zero) };
}

/** @throws RepackageFailure `too-long` */
function checkDuration(duration: number, limits: SourceLimits): void {
  if (duration <= limits.maxDuration) return;
  const message = `creative: expected at most ${limits.maxDuration} s, got ${duration.toFixed(1)} s`;
  throw new RepackageFailure("too-long", message);
}

/** When the last picture ends; −Infinity for none. A packet that does not say how long it is shown is one frame long. */
function findEnd(packets: readonly ProbePacket[], frame: number): number {
  return packets.reduce(
    (end, { pts, duration }) => (Number.isNaN(pts) ? end : Math.max(end, pts + (duration || frame))),
    Number.NEGATIVE_INFINITY,
  );
}

/**
 * A video that is shorter than its file says: either sound goes on after the last picture, or something is missing.
 *
 * @throws RepackageFailure `truncated`
 */
function checkWhole(file: IdentifiedFile, stream: ProbeStream, report: ProbeReport, videoEnd: number): void {
  // Of a transport stream and of bare AAC, ffmpeg guesses how long they are.
  if (file.format === "mpegts" || file.format === "aac") return;
  const declared = stream.duration ?? report.duration ?? 0;
  const end = stream.duration === undefined ? findEnd(report.packets, 0) - report.startTime : videoEnd;
  if (end >= declared - MAX_MISSING) return;
  const message = `creative: expected ${declared.toFixed(2)} s of video, got ${end.toFixed(2)} s`;
  throw new RepackageFailure("truncated", message);
}

/** What ffmpeg takes for zero when it reads one stream of a file: in a transport stream it looks at that stream alone. */
function findClock(file: IdentifiedFile, stream: ProbeStream, report: ProbeReport): number {
  return file.format === "mpegts" && !Number.isNaN(stream.startTime) ? stream.startTime : report.startTime;
}

/** Pictures that begin this late after the sound are begun with, and that much sound is left out; later ones are waited for. */
const MAX_LEAD = 0.25;

function findZero(packets: readonly ProbePacket[], startTime: number): Pick<SourceVideo, "zero" | "lead"> {
  const shown = packets.filter((packet) => !packet.isDiscarded && !Number.isNaN(packet.pts));
  const first = shown.reduce((earliest, { pts }) => Math.min(earliest, pts), Number.POSITIVE_INFINITY) - startTime;
  return first > 0 && first <= MAX_LEAD ? { zero: first, lead: 0 } : { zero: 0, lead: Math.max(0, first) };
}

/** Two files whose clocks differ by more were not made to be played by one clock. Seconds. */
const MAX_APART = 10;

function selectAudio(
  files: SourceFiles,
  report: ProbeReport,
  audioReport: ProbeReport | undefined,
  zero: number,
): SourceAudio | undefined {
  const file = files.audio ?? files.video;
  const from = audioReport ?? report;
  const stream = from.streams.find((one) => one.type === "audio" && one.codec !== undefined);
  if (stream === undefined) return undefined;
  const ahead = zero - findClock(file, stream, from);
  // Bare AAC has no clock: it begins with the pictures.
  const isOneClock = file.format !== "aac" && Math.abs(ahead) <= MAX_APART;
  return { file, index: stream.index, zero: isOneClock ? ahead : 0 };
}

const MIN_SIDE = 16;

function selectVideo(
  file: IdentifiedFile,
  stream: ProbeStream,
  report: ProbeReport,
  limits: SourceLimits,
): SourceVideo {
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
  const packets = report.packets.filter((packet) => packet.stream === stream.index);
  return {
    file,
    index: stream.index,
    ...findZero(packets, findClock(file, stream, report)),
    width,
    height,
    frameRate: selectFrameRate(stream.declaredRate ?? average, average),
    hasSquarePixels: stream.pixelAspect === 1,
    isInterlaced: ["tt", "bb", "tb", "bt"].includes(stream.fieldOrder),
    stored: stream,
    packets,
  };
}

/** Wide pixels widen, tall pixels heighten: no dimension shrinks, none is invented beyond the pixel's shape. */
function seenSize(stream: ProbeStream): { readonly width: number; readonly height: number } {
  const width = Math.round(stream.width * Math.max(1, stream.pixelAspect));
  const height = Math.round(stream.height / Math.min(1, stream.pixelAspect));
  const isTurned = Math.abs(Math.round(stream.rotation / 90)) % 2 === 1;
  return isTurned ? { width: height, height: width } : { width, height };
}
