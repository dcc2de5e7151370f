/** The repackaging service's part of the environment. */
import type { Packaging } from "@interlude/core";
import { type CrsConfig, defaultCrsConfig, type WebhookConfig } from "./crs/crs-config.ts";
import {
  ConfigError,
  type Environment,
  readChoice,
  readInteger,
  readItems,
  readSecret,
  readText,
  wrongVariable,
} from "./environment.ts";

/** @throws ConfigError */
export function readCrs(env: Environment, stateDir: string): CrsConfig {
  const standard = defaultCrsConfig(stateDir);
  const rungs = readItems(env, "INTERLUDE_CRS_RUNGS", "even numbers from 90 to 2160", isRung).map(Number);
  const megabytes = readInteger(env, "INTERLUDE_CRS_MAX_MEGABYTES", { min: 1, max: 20_000, otherwise: 2000 });
  // A turn wants three times the largest source, and something must be left for what is stored.
  const leastDisk = Math.ceil((4 * megabytes) / 1000);
  return {
    ...standard,
    ffmpegPath: readText(env, "FFMPEG_PATH") ?? standard.ffmpegPath,
    ffprobePath: readText(env, "FFPROBE_PATH") ?? standard.ffprobePath,
    concurrency: readConcurrency(env, standard.concurrency),
    queueLimit: readInteger(env, "INTERLUDE_CRS_QUEUE", { min: 1, max: 100_000, otherwise: standard.queueLimit }),
    rungs: rungs.length > 0 ? [...new Set(rungs)] : standard.rungs,
    always: readItems(env, "INTERLUDE_CRS_ALWAYS", "hls or cmaf", isPackaging).filter(isPackaging),
    revalidateMs: 60_000 * readInteger(env, "INTERLUDE_CRS_REVALIDATE", { min: 0, max: 100_000, otherwise: 360 }),
    limits: {
      ...standard.limits,
      maxDuration: readInteger(env, "INTERLUDE_CRS_MAX_SECONDS", { min: 1, max: 3600, otherwise: 300 }),
      maxBytes: 1e6 * megabytes,
    },
    loudness: Number(readChoice(env, "INTERLUDE_CRS_LOUDNESS", ["-24", "-23"], "-24")),
    maxDiskBytes:
      1e9 *
      readInteger(env, "INTERLUDE_CRS_DISK", { min: leastDisk, max: 100_000, otherwise: Math.max(40, leastDisk) }),
    webhook: readWebhook(env),
  };
}

function readWebhook(env: Environment): WebhookConfig | undefined {
  const text = readText(env, "INTERLUDE_WEBHOOK_URL");
  const secret = readSecret(env, "INTERLUDE_WEBHOOK_SECRET");
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    // Not shown: whoever knows the address of a webhook may have no other secret to know.
    throw new ConfigError("INTERLUDE_WEBHOOK_URL: expected an http(s) URL without user name, got something else");
  }
  if (secret === undefined) {
    throw new ConfigError("INTERLUDE_WEBHOOK_SECRET: expected one where INTERLUDE_WEBHOOK_URL is set, got nothing");
  }
  return { url, secret, timeoutMs: 10_000, retryLimit: 12, retryDelay: 10 };
}

/** An embedded database is one process's: nobody else could do the work. */
function readConcurrency(env: Environment, otherwise: number): number {
  const concurrency = readInteger(env, "INTERLUDE_CRS_CONCURRENCY", { min: 0, max: 64, otherwise });
  if (concurrency > 0 || readText(env, "DATABASE_URL") !== undefined) return concurrency;
  throw wrongVariable("INTERLUDE_CRS_CONCURRENCY", "1 or more where DATABASE_URL is not set", "0");
}

function isRung(text: string): boolean {
  return /^\d{2,4}$/.test(text) && Number(text) % 2 === 0 && Number(text) >= 90 && Number(text) <= 2160;
}

function isPackaging(text: string): text is Packaging {
  return text === "hls" || text === "cmaf";
}
