/** Every environment variable with what is in force of it. */
import { type ServerConfig, type VariableName, VARIABLES } from "../config.ts";
import { showAddress } from "./without-secrets.ts";

export interface Setting {
  readonly name: VariableName;
  /** As `--help` has it. */
  readonly meaning: string;
  /** As it is in force; left out: nothing is, or it is secret. */
  readonly value?: string;
  readonly source: "environment" | "default";
  /** `value` is left out, or lacks what is secret in it. */
  readonly isSecret: boolean;
}

/** undefined: nothing is in force. */
type Print = (config: ServerConfig) => string | number | readonly (string | number)[] | undefined;

/** `{ secret }`: what may be shown of a secret. */
type Row = Print | { readonly secret: Print };

const HIDDEN: Row = { secret: () => undefined };

const file =
  (name: string): Print =>
  ({ files }) =>
    files[name];

const TABLE: Readonly<Record<VariableName, Row>> = {
  HOST: ({ host }) => host,
  PORT: ({ port }) => port,
  DATABASE_URL: { secret: ({ databaseUrl }) => databaseUrl && showAddress(databaseUrl) },
  FFMPEG_PATH: ({ crs }) => crs.ffmpegPath,
  FFPROBE_PATH: ({ crs }) => crs.ffprobePath,
  INTERLUDE_STATE: ({ stateDir }) => stateDir,
  INTERLUDE_API_TOKEN: HIDDEN,
  INTERLUDE_TICKET_SECRET: HIDDEN,
  INTERLUDE_TRUST_PROXY: ({ trustProxy }) => trustProxy,
  INTERLUDE_PUBLIC_HOSTS: ({ publicHosts }) => publicHosts,
  INTERLUDE_API_ORIGINS: ({ apiOrigins }) => apiOrigins,
  INTERLUDE_ZONES: file("INTERLUDE_ZONES"),
  INTERLUDE_CDNS: ({ targets, files }) => ("INTERLUDE_TARGETS" in files ? undefined : targets.map(({ name }) => name)),
  INTERLUDE_TARGETS: file("INTERLUDE_TARGETS"),
  INTERLUDE_CAMPAIGNS: file("INTERLUDE_CAMPAIGNS"),
  INTERLUDE_FETCH_ALLOW_PRIVATE: ({ fetch }) => fetch.allowPrivate,
  INTERLUDE_FETCH_PORTS: ({ fetch }) => fetch.ports,
  INTERLUDE_CRS: ({ crsEnabled }) => (crsEnabled ? "on" : "off"),
  INTERLUDE_CRS_CONCURRENCY: ({ crs }) => crs.concurrency,
  INTERLUDE_CRS_QUEUE: ({ crs }) => crs.queueLimit,
  INTERLUDE_CRS_DISK: ({ crs }) => crs.maxDiskBytes / 1e9,
  INTERLUDE_WEBHOOK_URL: { secret: ({ crs }) => crs.webhook?.url.origin },
  INTERLUDE_WEBHOOK_SECRET: HIDDEN,
  INTERLUDE_REPACKAGE_ACCOUNTS: file("INTERLUDE_REPACKAGE_ACCOUNTS"),
  INTERLUDE_CRS_RUNGS: ({ crs }) => crs.rungs,
  INTERLUDE_CRS_ALWAYS: ({ crs }) => crs.always,
  INTERLUDE_CRS_REVALIDATE: ({ crs }) => crs.revalidateMs / 60_000,
  INTERLUDE_CRS_MAX_SECONDS: ({ crs }) => crs.limits.maxDuration,
  INTERLUDE_CRS_MAX_MEGABYTES: ({ crs }) => crs.limits.maxBytes / 1e6,
  INTERLUDE_CRS_LOUDNESS: ({ crs }) => crs.loudness,
  INTERLUDE_QUOTA_CLIENT: ({ repackageLimits }) => repackageLimits.perClientPerHour,
  INTERLUDE_QUOTA_ZONE: ({ repackageLimits }) => repackageLimits.perZonePerHour,
  INTERLUDE_SESSIONS: ({ sessions }) => sessions.store,
  INTERLUDE_SESSIONS_MAX: ({ sessions }) => sessions.max,
  INTERLUDE_SESSION_TTL: ({ sessions }) => sessions.idleMs / 60_000,
  INTERLUDE_LEAN_DELAY: ({ overload }) => overload.lean.delayMs,
  INTERLUDE_LEAN_REQUESTS: ({ overload }) => overload.lean.inFlight,
  INTERLUDE_SHED_DELAY: ({ overload }) => overload.shed.delayMs,
  INTERLUDE_SHED_REQUESTS: ({ overload }) => overload.shed.inFlight,
  INTERLUDE_TRACKING_ACKNOWLEDGE: ({ tracking }) => tracking.acknowledge,
  INTERLUDE_TRACKING_DAYS: ({ tracking }) => tracking.retention.days,
  INTERLUDE_REPORT_MONTHS: ({ tracking }) => tracking.retention.months,
  INTERLUDE_LOG: ({ logLevel }) => logLevel,
};

export function listSettings(config: ServerConfig): readonly Setting[] {
  return NAMES.map((name) => {
    const row = TABLE[name];
    const isSecret = typeof row !== "function";
    const value = printValue((isSecret ? row.secret : row)(config));
    const source = config.givenVariables.includes(name) ? "environment" : "default";
    return { name, meaning: VARIABLES[name], ...(value !== undefined && { value }), source, isSecret };
  });
}

const NAMES: readonly VariableName[] = Object.keys(VARIABLES).filter(isVariableName);

function isVariableName(name: string): name is VariableName {
  return Object.hasOwn(TABLE, name);
}

function printValue(value: ReturnType<Print>): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "string" || typeof value === "number" ? String(value) : value.join(", ");
  return text === "" ? undefined : text;
}
