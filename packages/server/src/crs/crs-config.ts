/** What an operator may set of the Creative Repackaging Service. Read by config.ts; nothing here reads the environment. */
import { join } from "node:path";
import type { Packaging } from "@interlude/core";
import type { RetryPolicy } from "./creative-state.ts";

/** What a source may be at most; anything beyond is refused before or while it is worked on. */
export interface SourceLimits {
  /** Seconds. */
  readonly maxDuration: number;
  readonly maxPixels: number;
  readonly maxFrameRate: number;
  readonly maxStreams: number;
  readonly maxBytes: number;
  /** Of the whole download. */
  readonly fetchTimeoutMs: number;
  /** Wall time of one ffmpeg run, as a multiple of the source's duration, 60 s added. */
  readonly wallTimeFactor: number;
}

/** Where the end of work on a creative is told. */
export interface WebhookConfig {
  /** http or https, anywhere: it is the operator's own word. */
  readonly url: URL;
  /** Signs what is told. */
  readonly secret: string;
  /** Of one delivery. */
  readonly timeoutMs: number;
  /** Deliveries after the first; the waits double from `retryDelay` (seconds) up to an hour, with some chance in them. */
  readonly retryLimit: number;
  readonly retryDelay: number;
}

export interface CrsConfig {
  /** Work folders of running jobs; emptied at start when the database is embedded. */
  readonly workDir: string;
  /** The stored encodings that packages are cut from. */
  readonly encodingDir: string;
  readonly ffmpegPath: string;
  readonly ffprobePath: string;
  /** Creatives made at a time, by this process; 0: the work is left to others on the same database. */
  readonly concurrency: number;
  /** Creatives that may wait; one more is refused with QueueFull. */
  readonly queueLimit: number;
  /** Short sides of the renditions, pixels. Those below the source's are made, and two below it in any case. */
  readonly rungs: readonly number[];
  /** Packagings that are made of every creative, asked for or not. */
  readonly always: readonly Packaging[];
  /** LKFS: −24 as ATSC A/85 wants it, or −23 as EBU R 128. */
  readonly loudness: number;
  readonly limits: SourceLimits;
  /** How long a source is believed to be what it was; 0: for ever. */
  readonly revalidateMs: number;
  readonly retry: RetryPolicy;
  /** Silence after which one CDN's upload is given up; the other CDNs do not wait for it. */
  readonly publishTimeoutMs: number;
  /** How often it is looked after creatives that lost their worker, lack something on a CDN, or are to be checked. */
  readonly caretakerMs: number;
  /** Of work folders and stored encodings together. */
  readonly maxDiskBytes: number;
  /** undefined: nobody is told. */
  readonly webhook: WebhookConfig | undefined;
}

/** The defaults, with all state below one folder. */
export function defaultCrsConfig(stateDir: string): CrsConfig {
  return {
    workDir: join(stateDir, "crs/work"),
    encodingDir: join(stateDir, "crs/encodings"),
    ffmpegPath: "ffmpeg",
    ffprobePath: "ffprobe",
    concurrency: 1,
    queueLimit: 1000,
    rungs: [1080, 720, 540, 360, 180],
    always: [],
    loudness: -24,
    limits: {
      maxDuration: 300,
      maxPixels: 4096 * 2304,
      maxFrameRate: 120,
      maxStreams: 8,
      maxBytes: 2e9,
      fetchTimeoutMs: 300_000,
      wallTimeFactor: 10,
    },
    revalidateMs: 6 * 3_600_000,
    retry: { maxAttempts: 4, permanentBackoff: 300, transientBackoff: 15 },
    publishTimeoutMs: 60_000,
    caretakerMs: 30_000,
    maxDiskBytes: 40e9,
    webhook: undefined,
  };
}
