/** ffmpeg's HLS reader as a client: it decodes one rendition, and the strip of every frame is read. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readStrip, STRIP_BLOCKS, STRIP_SHARE, type StripReading } from "../demo/strip.ts";

/** What ffmpeg read. */
export interface FfmpegReading {
  /** Every frame that it decoded, in order; undefined where the strip could not be read. */
  readonly frames: readonly (StripReading | undefined)[];
  /** Addresses of the segments that it opened, in order. */
  readonly segments: readonly string[];
  /** Lines of its log that tell of something lost: failed requests, segments that it skipped, pictures that it could not decode. */
  readonly complaints: readonly string[];
}

export interface FfmpegClient {
  /** Frames so far. */
  readonly count: () => number;
  /** Resolves at the end of the playlist. */
  readonly ended: Promise<FfmpegReading>;
  /** Ends it where it is. */
  readonly stop: () => Promise<FfmpegReading>;
}

// "Packet corrupt" is none: counters of transport streams jump where two of them meet.
const COMPLAINT = /HTTP error|skipping \d+ segments|Failed to (?:open|reload)|Invalid data|error while decoding/i;

/** Starts to read a playlist, at the live point where it is live; the first picture of the best rendition is what it decodes. */
export function startFfmpegClient(url: URL): FfmpegClient {
  const strip = `crop=iw:2*floor(ih*${STRIP_SHARE}/4):0:ih-oh,scale=${STRIP_BLOCKS}:1:flags=area,format=gray`;
  const output = ["-map", "0:v:0", "-vf", strip, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"];
  const child = spawn("ffmpeg", ["-nostdin", "-v", "verbose", "-i", url.href, ...output], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const bytes: Buffer[] = [];
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => bytes.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, "close").then(() => formatReading(Buffer.concat(bytes), log));
  return {
    count: () => Math.floor(bytes.reduce((sum, chunk) => sum + chunk.length, 0) / STRIP_BLOCKS),
    ended,
    stop: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

function formatReading(bytes: Buffer, log: string): FfmpegReading {
  const frames = Array.from({ length: Math.floor(bytes.length / STRIP_BLOCKS) }, (_, index) =>
    readStrip([...bytes.subarray(index * STRIP_BLOCKS, (index + 1) * STRIP_BLOCKS)]),
  );
  const segments = [...log.matchAll(/HLS request for url '([^']+)', offset 0, playlist 0/g)].map(([, uri = ""]) => uri);
  return { frames, segments, complaints: log.split("\n").filter((line) => COMPLAINT.test(line)) };
}

/** Frames one after the other, as `source from-to`; a frame that is missing or unreadable starts a new entry. */
export function formatFrameRuns(frames: FfmpegReading["frames"]): readonly string[] {
  const runs: { source: number; from: number; to: number }[] = [];
  for (const frame of frames) {
    const { source, frame: number } = frame ?? { source: -1, frame: -1 };
    const last = runs.at(-1);
    if (last && last.source === source && last.to + 1 === number) last.to = number;
    else runs.push({ source, from: number, to: number });
  }
  return runs.map(({ source, from, to }) => `${source} ${from}-${to}`);
}
