/** The manifest server's part of the environment. */
import { type Environment, readChoice, readInteger, readText } from "./environment.ts";
import { DEFAULT_OVERLOAD, type OverloadOptions } from "./manifest/operations/overload.ts";

export interface SessionsConfig {
  /** In memory only one instance knows them. */
  readonly store: "memory" | "database";
  /** In memory. */
  readonly max: number;
  /** A session that is not used for this long is forgotten, ms. */
  readonly idleMs: number;
}

/** @throws ConfigError */
export function readSessions(env: Environment): SessionsConfig {
  const otherwise = readText(env, "DATABASE_URL") === undefined ? "memory" : "database";
  return {
    store: readChoice(env, "INTERLUDE_SESSIONS", ["memory", "database"], otherwise),
    max: readInteger(env, "INTERLUDE_SESSIONS_MAX", { min: 1, max: 10_000_000, otherwise: 100_000 }),
    idleMs: 60_000 * readInteger(env, "INTERLUDE_SESSION_TTL", { min: 2, max: 100_000, otherwise: 180 }),
  };
}

/** @throws ConfigError */
export function readOverload(env: Environment): OverloadOptions {
  const read = (name: string, otherwise: number): number => readInteger(env, name, { min: 1, max: 1e6, otherwise });
  const { lean, shed } = DEFAULT_OVERLOAD;
  return {
    lean: {
      delayMs: read("INTERLUDE_LEAN_DELAY", lean.delayMs),
      inFlight: read("INTERLUDE_LEAN_REQUESTS", lean.inFlight),
    },
    shed: {
      delayMs: read("INTERLUDE_SHED_DELAY", shed.delayMs),
      inFlight: read("INTERLUDE_SHED_REQUESTS", shed.inFlight),
    },
  };
}
