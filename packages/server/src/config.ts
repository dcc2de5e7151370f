/**
 * What an operator may set. The environment is read here and nowhere else; everything below gets typed values.
 */
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { type Campaigns, NO_CAMPAIGNS } from "./ads/campaign/campaign.ts";
import { parseCampaigns } from "./ads/campaign/campaign-file.ts";
import type { RepackageLimits } from "./ads/admission.ts";
import type { CrsConfig } from "./crs/crs-config.ts";
import { parseAccounts, type RepackageAccount } from "./crs/repackage-accounts.ts";
import { findConsole } from "./console-directory.ts";
import { readCrs } from "./crs-environment.ts";
import {
  ConfigError,
  type Environment,
  readChoice,
  readItems,
  readInteger,
  readSecret,
  readText,
  wrongVariable,
} from "./environment.ts";
import type { OverloadOptions } from "./manifest/operations/overload.ts";
import { readOverload, readSessions, type SessionsConfig } from "./manifest-environment.ts";
import { readTracking, type TrackingConfig } from "./tracking-environment.ts";
import { embeddedTarget, parseTargets, type TargetConfig } from "./targets/target-config.ts";
import { parseZones, standardZone, type ZoneConfig } from "./zones.ts";

export { ConfigError } from "./environment.ts";
export { parseCampaigns } from "./ads/campaign/campaign-file.ts";

const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;

/** Every setting, checked; what a caller changes by spreading it is the caller's to get right. */
export interface ServerConfig {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Absolute; all that the server writes is below it. */
  readonly stateDir: string;
  /** `postgres://…`; undefined: an embedded database below `stateDir`. */
  readonly databaseUrl: string | undefined;
  /** What `/v1` and `/report` want as Bearer. */
  readonly apiToken: string;
  /** The token was made at this start: nobody knows it until it is told. */
  readonly isApiTokenNew: boolean;
  /** Signs the tickets of `/ads/repackage`; instances that share a load balancer need the same. */
  readonly ticketSecret: string;
  /** Proxies (address or CIDR) whose X-Forwarded-* headers are believed. */
  readonly trustProxy: readonly string[];
  /** Names by which clients may reach the server, beside loopback and its own addresses: `name`, `name:port`, `*`. */
  readonly publicHosts: readonly string[];
  /** Pages that may use the API: origins as browsers spell them. */
  readonly apiOrigins: readonly string[];
  readonly zones: readonly ZoneConfig[];
  /** Where media is published; directories are folders `<stateDir>/cdn/<name>`, served at `/cdn/{name}/`. */
  readonly targets: readonly TargetConfig[];
  readonly campaigns: Campaigns;
  /** Where they were read, and are read again when it changes; undefined: they stay as they are. */
  readonly campaignFile: string | undefined;
  readonly fetch: {
    /** `host:port` of private hosts that may be fetched from. */
    readonly allowPrivate: readonly string[];
    /** Ports of public hosts. */
    readonly ports: readonly number[];
  };
  /** False: `/ads/repackage` answers 503 and nothing is repackaged. */
  readonly crsEnabled: boolean;
  readonly crs: CrsConfig;
  /** Who may use `POST /repackage`; empty: nobody. */
  readonly repackageAccounts: readonly RepackageAccount[];
  readonly repackageLimits: RepackageLimits;
  readonly sessions: SessionsConfig;
  readonly overload: OverloadOptions;
  readonly tracking: TrackingConfig;
  /** Where the operators' page was built; undefined: it is not installed. */
  readonly consoleDirectory: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Names of the variables that are set. */
  readonly givenVariables: readonly string[];
  /** The files that were read, by the variable that names them. */
  readonly files: Readonly<Record<string, string>>;
}

/** The variables and what each means, for `--help` and the documentation. */
export const VARIABLES = {
  HOST: "address to listen on (127.0.0.1)",
  PORT: "port to listen on (8080; 0 takes a free one)",
  DATABASE_URL: "postgres://… (an embedded database in the state folder)",
  FFMPEG_PATH: "ffmpeg (found on PATH)",
  FFPROBE_PATH: "ffprobe (found on PATH)",
  INTERLUDE_STATE: "folder for everything that is written (.interlude)",
  INTERLUDE_API_TOKEN: "Bearer token of /v1 and /report, 16 characters or more (a new one at each start)",
  INTERLUDE_TICKET_SECRET: "signs the status addresses that pages get (made from the API token)",
  INTERLUDE_TRUST_PROXY: "addresses or CIDRs, comma-separated, of proxies whose X-Forwarded-* is believed (none)",
  INTERLUDE_PUBLIC_HOSTS:
    "names, comma-separated, under which clients reach the server; * is any (loopback, own address)",
  INTERLUDE_API_ORIGINS: "origins, comma-separated, of pages that may use /v1 (same origin)",
  INTERLUDE_ZONES: "zones file, JSON (zone 1)",
  INTERLUDE_CDNS: "names, comma-separated, of the embedded origins (a,b)",
  INTERLUDE_TARGETS: "targets file, JSON: what media is published to instead of the embedded origins (none)",
  INTERLUDE_CAMPAIGNS: "campaign file, JSON, read again when it changes (none)",
  INTERLUDE_FETCH_ALLOW_PRIVATE: "host:port, comma-separated, of private hosts that creatives may come from (none)",
  INTERLUDE_FETCH_PORTS: "ports, comma-separated, of public hosts (80,443)",
  INTERLUDE_CRS: "on or off: whether creatives are repackaged (on)",
  INTERLUDE_CRS_CONCURRENCY: "creatives repackaged at a time; 0 leaves the work to interlude worker (1)",
  INTERLUDE_CRS_QUEUE: "creatives that may wait (1000)",
  INTERLUDE_CRS_DISK: "gigabytes that work in progress and stored encodings may take together (40)",
  INTERLUDE_WEBHOOK_URL: "where it is told that a creative is ready, failed or blocked (nowhere)",
  INTERLUDE_WEBHOOK_SECRET: "signs what is told there, 16 characters or more",
  INTERLUDE_REPACKAGE_ACCOUNTS: "accounts file, JSON, of POST /repackage (nobody)",
  INTERLUDE_CRS_RUNGS: "short sides, comma-separated, of the renditions below the source's own (1080,720,540,360,180)",
  INTERLUDE_CRS_ALWAYS: "packagings, comma-separated, made of every creative, asked for or not: hls, cmaf (none)",
  INTERLUDE_CRS_REVALIDATE: "minutes after which a source is looked at again; 0 is never (360)",
  INTERLUDE_CRS_MAX_SECONDS: "length of a creative at most (300)",
  INTERLUDE_CRS_MAX_MEGABYTES: "size of a creative at most (2000)",
  INTERLUDE_CRS_LOUDNESS: "LKFS that sound is brought to: -24 (ATSC A/85) or -23 (EBU R 128) (-24)",
  INTERLUDE_QUOTA_CLIENT: "repackages that one client address may cause per hour (30)",
  INTERLUDE_QUOTA_ZONE: "repackages that one zone may cause per hour, a third of them without tickets (300)",
  INTERLUDE_SESSIONS: "where sessions are kept: memory or database (database where DATABASE_URL is set)",
  INTERLUDE_SESSIONS_MAX: "sessions kept in memory (100000)",
  INTERLUDE_SESSION_TTL: "minutes after which a session that is not used is forgotten (180)",
  INTERLUDE_LEAN_DELAY:
    "milliseconds that requests wait before they are seen, from which on new breaks stay content (300)",
  INTERLUDE_LEAN_REQUESTS: "manifest requests under way, from which on new breaks stay content (2000)",
  INTERLUDE_SHED_DELAY: "milliseconds, as INTERLUDE_LEAN_DELAY, from which on new sessions are refused (800)",
  INTERLUDE_SHED_REQUESTS: "manifest requests under way, from which on new sessions are refused (5000)",
  INTERLUDE_TRACKING_ACKNOWLEDGE:
    "when a beacon is acknowledged: on disk here, or only once it is in the database (disk)",
  INTERLUDE_TRACKING_DAYS: "days for which single beacons are kept (35, at most 400)",
  INTERLUDE_REPORT_MONTHS: "months for which counts by the hour are kept (25)",
  INTERLUDE_LOG: "silent, fatal, error, warn, info, debug or trace (warn)",
} as const;

export type VariableName = keyof typeof VARIABLES;

/**
 * @param env `process.env`, or what a test or the demo puts in its place
 * @throws ConfigError naming the variable, what was expected and what came
 * @throws AdError `option-invalid` naming file, line and field of a campaigns, zones or accounts file
 */
export function readConfig(env: Environment): ServerConfig {
  const stateDir = resolve(readText(env, "INTERLUDE_STATE") ?? ".interlude");
  const targets = readTargets(env);
  const givenToken = readSecret(env, "INTERLUDE_API_TOKEN");
  const apiToken = givenToken ?? randomBytes(24).toString("base64url");
  const ports = readItems(env, "INTERLUDE_FETCH_PORTS", "ports from 1 to 65535", isPort).map(Number);
  const zones = readZones(env, targets);
  return {
    host: readText(env, "HOST") ?? "127.0.0.1",
    port: readInteger(env, "PORT", { min: 0, max: 65_535, otherwise: 8080 }),
    stateDir,
    databaseUrl: readDatabaseUrl(env),
    apiToken,
    isApiTokenNew: givenToken === undefined,
    ticketSecret: readSecret(env, "INTERLUDE_TICKET_SECRET") ?? deriveSecret(apiToken),
    trustProxy: readItems(env, "INTERLUDE_TRUST_PROXY", "IP addresses or CIDRs", isAddressRange),
    publicHosts: readItems(env, "INTERLUDE_PUBLIC_HOSTS", "name, name:port or *", isPublicHost).map((host) =>
      host.toLowerCase(),
    ),
    apiOrigins: readItems(env, "INTERLUDE_API_ORIGINS", "origins such as https://console.example", isOrigin),
    zones,
    targets,
    campaigns: readFile(env, "INTERLUDE_CAMPAIGNS", parseCampaigns) ?? NO_CAMPAIGNS,
    campaignFile: readText(env, "INTERLUDE_CAMPAIGNS"),
    fetch: {
      allowPrivate: readItems(env, "INTERLUDE_FETCH_ALLOW_PRIVATE", "host:port", isHostPort),
      ports: unlessEmpty(ports, [80, 443]),
    },
    crsEnabled: readChoice(env, "INTERLUDE_CRS", ["on", "off"], "on") === "on",
    crs: readCrs(env, stateDir),
    repackageAccounts: readAccounts(env, zones),
    repackageLimits: {
      perClientPerHour: readInteger(env, "INTERLUDE_QUOTA_CLIENT", { min: 1, max: 1e6, otherwise: 30 }),
      perZonePerHour: readInteger(env, "INTERLUDE_QUOTA_ZONE", { min: 1, max: 1e6, otherwise: 300 }),
    },
    sessions: readSessions(env),
    overload: readOverload(env),
    tracking: readTracking(env),
    consoleDirectory: findConsole(),
    logLevel: readChoice(env, "INTERLUDE_LOG", LOG_LEVELS, "warn"),
    givenVariables: Object.keys(VARIABLES).filter((name) => readText(env, name) !== undefined),
    files: listFiles(env),
  };
}

const FILE_VARIABLES = ["INTERLUDE_ZONES", "INTERLUDE_TARGETS", "INTERLUDE_CAMPAIGNS", "INTERLUDE_REPACKAGE_ACCOUNTS"];

function listFiles(env: Environment): ServerConfig["files"] {
  return Object.fromEntries(
    FILE_VARIABLES.flatMap((name) => {
      const path = readText(env, name);
      return path === undefined ? [] : [[name, path]];
    }),
  );
}

function readTargets(env: Environment): readonly TargetConfig[] {
  const names = readItems(env, "INTERLUDE_CDNS", "names of letters, digits, _ or -", isName);
  const targets = readFile(env, "INTERLUDE_TARGETS", (text, file) => parseTargets(text, file, env));
  if (targets && names.length > 0) {
    throw wrongVariable("INTERLUDE_CDNS", "nothing where INTERLUDE_TARGETS is set", names.join(","));
  }
  return targets ?? unlessEmpty(names, ["a", "b"]).map(embeddedTarget);
}

function readZones(env: Environment, targets: readonly TargetConfig[]): readonly ZoneConfig[] {
  const zones = readFile(env, "INTERLUDE_ZONES", (text, file) => parseZones(text, file, targets));
  if (zones) return zones;
  const zone = standardZone("1", targets);
  if (zone.defaultCdn !== "") return [zone];
  throw new ConfigError("INTERLUDE_ZONES: expected a zones file, because no target has a publicUrl, got nothing");
}

function readAccounts(env: Environment, zones: readonly ZoneConfig[]): readonly RepackageAccount[] {
  const context = { env, zones: zones.map(({ zone }) => zone) };
  return readFile(env, "INTERLUDE_REPACKAGE_ACCOUNTS", (text, file) => parseAccounts(text, file, context)) ?? [];
}

function readDatabaseUrl(env: Environment): string | undefined {
  const text = readText(env, "DATABASE_URL");
  if (text === undefined || /^postgres(?:ql)?:\/\/./.test(text)) return text;
  throw new ConfigError("DATABASE_URL: expected postgres://…, got something else (not shown: it may hold a password)");
}

function readFile<T>(env: Environment, name: string, parse: (text: string, file: string) => T): T | undefined {
  const path = readText(env, name);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw wrongVariable(name, "a file that can be read", `${path} (${error instanceof Error ? error.message : "?"})`);
  }
  return parse(text, path);
}

/** One secret is enough: whoever knows the token may do more than forge a status address. */
function deriveSecret(apiToken: string): string {
  return createHmac("sha256", apiToken).update("interlude ticket").digest("base64url");
}

function unlessEmpty<T>(list: readonly T[], otherwise: readonly T[]): readonly T[] {
  return list.length > 0 ? list : otherwise;
}

function isName(text: string): boolean {
  return /^[\w-]{1,32}$/.test(text);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function isAddressRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const max = isIP(address) === 4 ? 32 : 128;
  const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= max);
  return isIP(address) !== 0 && isRange && rest.length === 0;
}

function isHostPort(text: string): boolean {
  const port = /:(\d+)$/.exec(text)?.[1];
  return port !== undefined && isPort(port) && URL.canParse(`http://${text}/`) && !/[/@?#]/.test(text);
}

function isPublicHost(text: string): boolean {
  return text === "*" || (URL.canParse(`http://${text}/`) && !/[/@?#*]/.test(text));
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
