/**
 * A live channel that ffmpeg really produces while a spec runs: two renditions, segments of two seconds, windows of six, a date on
 * each segment. The cues are put in as a packager does, at fixed media sequence numbers. Frame `n` of the picture's strip belongs to
 * segment `n / 50`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { formatFilm, formatRungs, RUNGS, SEGMENT } from "./strip-media.ts";

export const WINDOW = 6;

/** An avail: media sequence number of its first segment, and how many segments it has. */
export interface ChannelBreak {
  readonly first: number;
  readonly count: number;
}

export interface LiveChannel {
  /** What ffmpeg said; empty while all is well. */
  readonly log: readonly string[];
  /** Media sequence number behind the last segment that a rendition lists. */
  readonly edge: (rung: string) => Promise<number>;
  /** Resolves when as many segments are listed in each rendition. @throws Error with ffmpeg's words when it ended */
  readonly waitFor: (segments: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A channel that was forgotten ends by itself. */
const LONGEST = 600;

/** Segments that left the window stay as long as a slow player may still ask for them. */
const KEPT = 10;

/** Starts ffmpeg in `folder`: `master.m3u8`, `180.m3u8` and `360.m3u8` appear with the first segment. */
export async function startChannel(folder: string, source: number): Promise<LiveChannel> {
  await mkdir(folder, { recursive: true });
  const film = formatFilm(source, { v: "out0", a: "out1" });
  const flags = ["-hls_list_size", String(WINDOW), "-hls_delete_threshold", String(KEPT)];
  const live = [...flags, "-hls_flags", "+program_date_time+delete_segments"];
  const input = ["-re", "-f", "lavfi", "-t", String(LONGEST), "-i", film];
  const args = ["-nostdin", "-v", "warning", ...input, ...formatRungs(live)];
  const child = spawn("ffmpeg", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const log: string[] = [];
  child.stderr.on("data", (bytes: Buffer) => log.push(bytes.toString()));

  const edge = async (rung: string): Promise<number> =>
    countListed(await readFile(join(folder, `${rung}.m3u8`), "utf8").catch(() => ""));
  return {
    log,
    edge,
    waitFor: async (segments) => {
      while (Math.min(...(await Promise.all(RUNGS.map(edge)))) < segments) {
        if (child.exitCode !== null) throw new Error(`ffmpeg: expected a live channel, got ${log.join("")}`);
        await wait(100);
      }
    },
    close: async () => {
      if (child.exitCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}

function countListed(text: string): number {
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1] ?? 0);
  return first + (text.match(/^#EXTINF:/gm) ?? []).length;
}

/** Breaks of four, three, four … segments, one every ten. */
export function listBreaks(first: number, count: number): readonly ChannelBreak[] {
  return Array.from({ length: count }, (_, index) => ({ first: first + index * 10, count: 4 - (index % 2) }));
}

/** Puts EXT-X-CUE-OUT, -CONT and -IN before the segments of the breaks. A master playlist comes back as it is. */
export function addCues(text: string, breaks: readonly ChannelBreak[]): string {
  let sequence = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1] ?? 0);
  return text.replaceAll(/^#EXTINF:/gm, (line) => `${formatCue(sequence++, breaks)}${line}`);
}

function formatCue(sequence: number, breaks: readonly ChannelBreak[]): string {
  const entry = breaks.find(({ first, count }) => first <= sequence && sequence <= first + count);
  if (!entry) return "";
  const [elapsed, duration] = [(sequence - entry.first) * SEGMENT, entry.count * SEGMENT];
  if (elapsed === 0) return `#EXT-X-CUE-OUT:DURATION=${duration}\n`;
  if (elapsed === duration) return "#EXT-X-CUE-IN\n";
  return `#EXT-X-CUE-OUT-CONT:ElapsedTime=${elapsed},Duration=${duration}\n`;
}
