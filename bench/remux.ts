/**
 * Repackaging a creative in the page: what our own writer costs for two seconds of a 1080p creative and what it weighs, beside mediabunny,
 * which reads and writes the same formats. In Node, on one thread; both get the whole file as bytes and give one MPEG-TS per segment.
 *
 * Run alone: `npm run bench -- remux`.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeSegment } from "../packages/plugin/src/remux/make-segment.ts";
import { readBoxHeader } from "../packages/plugin/src/remux/mp4-boxes.ts";
import { parseMovie } from "../packages/plugin/src/remux/mp4-movie.ts";
import { planRemux } from "../packages/plugin/src/remux/plan.ts";
import type { PlannedSegment, RemuxPlan } from "../packages/plugin/src/remux/segment-job.ts";
import { bundleModule, sumSizes } from "./bundle.ts";
import { makeBunnySegment, readBunnySegments } from "./remux-bunny.ts";
import { median, type Row, verdict } from "./table.ts";

export interface RemuxBenchOptions {
  readonly quick: boolean;
}

/** Milliseconds of CPU for two seconds of a creative. @see DESIGN §11 */
const BUDGET_MS = 25;
/** Bytes, min+gzip, of our own. */
const SIZE_BUDGET = 10_000;
const SECONDS = 15;
const SEGMENT = 2;
const BITRATE_KBPS = 4650;

const ROOT = join(import.meta.dirname, "..");
const REMUX = join(ROOT, "packages/plugin/src/remux");

/** Rows for the table. */
export async function benchRemux({ quick }: RemuxBenchOptions): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "interlude-remux-"));
  try {
    const file = await readFile(await makeCreative(folder));
    return [...(await benchCpu(file, quick ? 3 : 30)), await benchSize()];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As an ad server has it: High, three B-frames, a key frame every two seconds, the tables in front. */
async function makeCreative(folder: string): Promise<string> {
  const path = join(folder, "creative.mp4");
  const inputs = [`testsrc2=s=1920x1080:r=30:d=${SECONDS},noise=alls=8:allf=t`, `sine=440:r=44100:d=${SECONDS}`];
  const rate = ["-b:v", `${BITRATE_KBPS}k`, "-maxrate", `${BITRATE_KBPS}k`, "-bufsize", `${BITRATE_KBPS}k`];
  const x264 = ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", "3", "-pix_fmt", "yuv420p"];
  const keys = ["-g", String(SEGMENT * 30), "-sc_threshold", "0"];
  const sound = ["-c:a", "aac", "-b:a", "128k"];
  const given = inputs.flatMap((input) => ["-f", "lavfi", "-i", input]);
  const args = ["-v", "error", ...given, ...x264, ...rate, ...keys, ...sound, "-movflags", "+faststart", path];
  await promisify(execFile)(process.env["FFMPEG_PATH"] ?? "ffmpeg", args);
  return path;
}

interface Cost {
  /** Milliseconds of CPU for two seconds of the creative. */
  readonly making: number;
  /** With the file's tables read and planned. */
  readonly all: number;
}

async function benchCpu(file: Uint8Array, rounds: number): Promise<readonly Row[]> {
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await measureOurs(file));
    theirs.push(await measureTheirs(file));
  }
  const row = (name: string, kind: keyof Cost, note: string): Row => {
    const [own, other] = [median(ours.map((cost) => cost[kind])), median(theirs.map((cost) => cost[kind]))];
    const first = `first round, before anything is compiled: ${format(ours[0]?.[kind])} against ${format(theirs[0]?.[kind])}`;
    return {
      name: `remux: ${name}`,
      ours: format(own),
      theirs: format(other),
      ratio: (other / own).toFixed(1),
      budget: `≤ ${BUDGET_MS} ms`,
      note: verdict(own <= BUDGET_MS, `mediabunny; ${note}; ${first}`),
    };
  };
  return [
    row("CPU per 2 s of 1080p, samples → MPEG-TS", "making", "muxers alone: samples are in memory, times known"),
    row("CPU per 2 s of 1080p, MP4 → MPEG-TS", "all", "with reading and planning of the whole file"),
  ];
}

function format(milliseconds = Number.NaN): string {
  return `${milliseconds.toFixed(1)} ms`;
}

async function measureOurs(file: Uint8Array): Promise<Cost> {
  const begun = cpuMs();
  const { segments } = planFile(file);
  const orders = segments.map((segment) => ({ job: segment.job, bytes: takeBytes(file, segment) }));
  const read = cpuMs();
  for (const { job, bytes } of orders) finish(makeSegment(job, bytes));
  return perSegment(begun, read, cpuMs());
}

async function measureTheirs(file: Uint8Array): Promise<Cost> {
  const begun = cpuMs();
  const segments = await readBunnySegments(file);
  const read = cpuMs();
  for (const segment of segments) await makeBunnySegment(segment);
  return perSegment(begun, read, cpuMs());
}

function perSegment(begun: number, read: number, made: number): Cost {
  const count = SECONDS / SEGMENT;
  return { making: (made - read) / count, all: (made - begun) / count };
}

/** Of this process, with what it collects as garbage. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function finish(making: Generator<void, unknown>): void {
  while (!making.next().done);
}

/**
 * As the page plans a creative for VOD in MPEG-TS.
 *
 * @throws Error where the tables are not in one piece
 */
export function planFile(file: Uint8Array): RemuxPlan & { readonly tableBytes: number } {
  for (let at = 0; ;) {
    const box = readBoxHeader(file, at);
    if (!box) throw new Error("creative: expected moov, got none");
    const end = at + box.size;
    if (box.type === "moov") {
      const movie = parseMovie(file.subarray(at, end));
      return { ...planRemux(movie, { packaging: "hls", targetDuration: undefined }), tableBytes: end };
    }
    at = end;
  }
}

function takeBytes(file: Uint8Array, { ranges }: PlannedSegment): Uint8Array {
  return Buffer.concat(ranges.map(({ start, end }) => file.subarray(start, end)));
}

async function benchSize(): Promise<Row> {
  const [own, other] = [await weighOurs(), await weighTheirs()];
  return {
    name: "remux: MP4 → MPEG-TS, bundled",
    ours: `${(own / 1000).toFixed(1)} kB`,
    theirs: `${(other / 1000).toFixed(1)} kB`,
    ratio: (other / own).toFixed(1),
    budget: `≤ ${SIZE_BUDGET / 1000} kB`,
    note: verdict(
      own <= SIZE_BUDGET,
      "min+gzip; reading, planning and writing; mediabunny: its MP4 input and MPEG-TS output",
    ),
  };
}

async function weighOurs(): Promise<number> {
  const parts = {
    "mp4-movie": "parseMovie",
    "mp4-fragments": "parseFragments",
    plan: "planRemux",
    "make-segment": "makeSegment",
  };
  const lines = Object.entries(parts).map(([file, name]) => `export { ${name} } from "${join(REMUX, `${file}.ts`)}";`);
  return weighEntry("ours", lines.join("\n"));
}

async function weighTheirs(): Promise<number> {
  const reading = ["Input", "BufferSource", "MP4", "EncodedPacketSink"];
  const writing = [
    "Output",
    "BufferTarget",
    "MpegTsOutputFormat",
    "EncodedVideoPacketSource",
    "EncodedAudioPacketSource",
  ];
  return weighEntry("mediabunny", `export { ${[...reading, ...writing].join(", ")} } from "mediabunny";`);
}

async function weighEntry(name: string, code: string): Promise<number> {
  const folder = join(ROOT, ".interlude/bench-size");
  await mkdir(folder, { recursive: true });
  const entry = join(folder, `remux-${name}.js`);
  await writeFile(entry, code);
  return sumSizes((await bundleModule(entry)).atOnce);
}
