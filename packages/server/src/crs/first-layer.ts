/**
 * The first layer: what of a creative can be played before its ladder is there. Where the source allows it, its pictures are
 * kept as they are (remux) and only its sound is made anew. Whatever is doubtful is not kept.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { segmentDurations } from "./cut-times.ts";
import type { Encoding } from "./encoding.ts";
import { AUDIO_KBPS } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";
import type { MediaTools } from "./media-tools.ts";
import { readSampleTable } from "./mp4-samples.ts";
import type { ProbePacket } from "./probe-report.ts";
import { remuxCommand } from "./remux-args.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { Source, SourceVideo } from "./source.ts";

export interface RemuxPlan {
  /** RFC 6381, as the source's own parameters say. */
  readonly codec: string;
  /** Seconds from the first picture on, 0 first: IDR pictures after which no earlier one is shown. */
  readonly keyTimes: readonly number[];
  /** The pictures as they will be kept, beside the source's file until `makeRemux` takes them. */
  readonly copy: string;
}

/** Of the rendition, and of its file: another than that of any rung, which may be made into the same folder. */
const NAME = "remux";

const TIMEOUT_MS = 60_000;

/** The profiles that every player takes, as ffprobe spells them. */
const PROFILES: readonly (string | undefined)[] = ["Constrained Baseline", "Main", "High"];
const MAX_LEVEL = 42;
/** What level 4.2 allows, whatever level a stream says that it keeps. @see ITU-T H.264 table A-1 */
const MAX_MACROBLOCKS = 8704;
const MAX_MACROBLOCKS_PER_SECOND = 522_240;
/** A segment is at least this long where key frames are that far apart, and is looked at as a whole. Seconds. */
const MAX_GOP = 20;
/** A link that carries more is rare, and the ladder comes soon: pictures above it are encoded. kbit/s, on average. */
const MAX_KBPS = 25_000;
/** Two clocks that differ by less are the same: containers round to milliseconds. Seconds. */
const SAME_TIME = 2e-3;

/**
 * How the pictures of a source are kept; undefined: they cannot be, or nobody can be sure that every player takes them.
 *
 * @throws RepackageFailure `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function planRemux(
  source: Source,
  tools: MediaTools,
  signal: AbortSignal,
): Promise<RemuxPlan | undefined> {
  const { video } = source;
  if (!isKept(source) || !isOrderly(video)) return undefined;
  const { path } = video.file;
  const paths = { copy: `${path}.remux`, refreshes: `${path}.idr`, parameterSets: `${path}.sps` };
  await tools.runFfmpeg(remuxCommand(video, paths, tools.config.limits), { timeoutMs: TIMEOUT_MS, signal });
  const codec = readCodec(await readFile(paths.parameterSets));
  const start = video.packets[0]?.pts ?? 0;
  const refreshes = parsePacketTimes(await readFile(paths.refreshes, "utf8")).map((time) => time - video.zero);
  const keyTimes = selectCommon(
    findClosedKeys(video.packets).map((time) => time - start),
    refreshes,
  );
  const isCuttable = keyTimes[0] === 0 && segmentDurations(keyTimes, source.duration).every((gap) => gap <= MAX_GOP);
  return codec !== undefined && isCuttable ? { codec, keyTimes, copy: paths.copy } : undefined;
}

/** Of times that rise, those that are among the others, which rise as well. */
function selectCommon(times: readonly number[], others: readonly number[]): readonly number[] {
  let at = 0;
  return times.filter((time) => {
    while ((others[at] ?? Number.POSITIVE_INFINITY) < time - SAME_TIME) at++;
    return Math.abs((others[at] ?? Number.POSITIVE_INFINITY) - time) < SAME_TIME;
  });
}

/** By what the file says of its video. */
function isKept({ video, duration }: Source): boolean {
  const { stored, packets } = video;
  const fps = Math.max(framesPerSecond(stored.averageRate ?? video.frameRate), packets.length / duration);
  const macroblocks = Math.ceil(stored.width / 16) * Math.ceil(stored.height / 16);
  const kbps = (packets.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / duration / 1000;
  return (
    stored.codec === "h264" &&
    PROFILES.includes(stored.profile) &&
    stored.level > 0 &&
    stored.level <= MAX_LEVEL &&
    macroblocks <= MAX_MACROBLOCKS &&
    macroblocks * fps <= MAX_MACROBLOCKS_PER_SECOND &&
    stored.pixelFormat === "yuv420p" &&
    stored.fieldOrder === "progressive" &&
    stored.rotation === 0 &&
    video.hasSquarePixels &&
    stored.width % 2 === 0 &&
    stored.height % 2 === 0 &&
    fps >= 10 &&
    fps <= 61 &&
    kbps <= MAX_KBPS
  );
}

/** By its packets: a key frame first, which is shown first and at the creative's zero; nothing cut off; time goes on. */
function isOrderly({ packets, lead }: SourceVideo): boolean {
  const [first] = packets;
  if (first === undefined || !first.isKey || lead > SAME_TIME) return false;
  return packets.every((packet, index) => {
    const before = packets[index - 1];
    const isLater = before === undefined || Number.isNaN(before.dts) || packet.dts > before.dts;
    return !packet.isDiscarded && packet.pts >= first.pts && isLater;
  });
}

/** When key frames are shown after which nothing is decoded that is shown before them. */
function findClosedKeys(packets: readonly ProbePacket[]): readonly number[] {
  let earliest = Number.POSITIVE_INFINITY;
  const keys: number[] = [];
  for (const { pts, isKey } of packets.toReversed()) {
    if (isKey && pts < earliest) keys.push(pts);
    earliest = Math.min(earliest, pts);
  }
  return keys.toReversed();
}

/** The times of a list of packets as ffmpeg's framecrc writes it, seconds on ffmpeg's clock. */
function parsePacketTimes(text: string): readonly number[] {
  const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? [];
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => (Number(line.split(",")[2]) * Number(numerator)) / Number(denominator));
}

/**
 * The name of a video by its sequence parameter sets; undefined when there is more than one, or none: what changes in the middle
 * is not kept.
 *
 * @param bytes an H.264 byte stream (ITU-T H.264 Annex B) of parameter sets alone
 */
function readCodec(bytes: Buffer): string | undefined {
  // A start code of four bytes leaves its first one, a zero, with what stands before; a set never ends with one.
  const parts = bytes.toString("latin1").split("\0\0\u0001");
  const sets = new Set(parts.map((part) => (part.endsWith("\0") ? part.slice(0, -1) : part)).filter(Boolean));
  const [set] = sets;
  if (set === undefined || sets.size > 1) return undefined;
  return `avc1.${Buffer.from(set, "latin1").toString("hex", 1, 4)}`;
}

/**
 * Takes the pictures of a plan into `folder`, which is made and must hold `audio.aac` before they are cut, and looks at them.
 *
 * @throws RepackageFailure `output-invalid`: the source may still be encoded
 */
export async function makeRemux(source: Source, plan: RemuxPlan, folder: string): Promise<Encoding> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${NAME}.mp4`);
  await rename(plan.copy, path);
  const { bytes, duration, keyTimes, pictures } = await readRemux(path).catch((error: unknown) => {
    throw new RepackageFailure("output-invalid", `remux: expected a sample table, got ${String(error)}`, error);
  });
  const kept = selectCommon(keyTimes, plan.keyTimes);
  if (pictures !== source.video.packets.length || kept.length !== plan.keyTimes.length || kept[0] !== 0) {
    const expected = `${source.video.packets.length} pictures, key frames at ${plan.keyTimes.join(", ")} s`;
    const got = `${pictures}, at ${keyTimes.join(", ")} s`;
    throw new RepackageFailure("output-invalid", `remux: expected ${expected}, got ${got}`);
  }
  const { width, height, frameRate } = source.video;
  const bandwidthBps = Math.round((bytes * 8) / duration) + AUDIO_KBPS * 1000;
  const renditions = [{ name: NAME, width, height, codec: plan.codec, bandwidthBps }];
  return { folder, duration, frameRate, renditions, keyTimes: kept };
}

interface MadeRemux {
  readonly bytes: number;
  readonly duration: number;
  readonly keyTimes: readonly number[];
  readonly pictures: number;
}

async function readRemux(path: string): Promise<MadeRemux> {
  const file = await open(path);
  try {
    const { samples, timescale } = await readSampleTable(file);
    const end = samples.reduce((latest, { time, duration }) => Math.max(latest, time + duration), 0);
    const keys = samples.filter((sample) => sample.isKey).map(({ time }) => time / timescale);
    const { size } = await file.stat();
    return { bytes: size, duration: end / timescale, keyTimes: keys, pictures: samples.length };
  } finally {
    await file.close();
  }
}
