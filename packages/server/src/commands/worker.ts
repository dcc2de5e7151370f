/** `interlude worker`: one more process that works on the queue. */
import { buildWorker } from "../server.ts";
import { ConfigError, readConfig, type ServerConfig } from "../config.ts";
import type { CrsLog } from "../crs/crs-log.ts";
import { type Command, readArguments, waitForEnd } from "./command.ts";

const HELP = `Usage: interlude worker

Repackages what servers on the same PostgreSQL have put into the queue, until SIGINT or SIGTERM; what it has in hand then goes
back to the queue. It listens to nobody. Settings come from the environment, the same as the servers':

  DATABASE_URL                   postgres://…, needed: an embedded database belongs to one process alone
  INTERLUDE_CRS_CONCURRENCY      creatives repackaged at a time (1)
  INTERLUDE_STATE                folder for work in progress and stored encodings; and, shared with the servers, the embedded CDNs

Servers that leave all the work to workers are started with INTERLUDE_CRS_CONCURRENCY=0. interlude --help lists all settings.
`;

async function work(args: readonly string[]): Promise<number> {
  readArguments("interlude worker", { args: [...args], options: {} });
  const config = readConfig(process.env);
  checkConfig(config);
  const worker = await buildWorker(config, lineLog(config.logLevel));
  await worker.start();
  const ended = waitForEnd();
  process.stdout.write(`Interlude worker is ready: ${config.crs.concurrency} at a time\n`);
  await ended;
  await worker.stop();
  return 0;
}

/** What would make a worker that can do nothing. */
function checkConfig({ databaseUrl, crsEnabled, crs }: ServerConfig): void {
  if (databaseUrl === undefined) {
    throw new ConfigError(
      "DATABASE_URL: expected postgres://…, got nothing; without it the queue is in an embedded database, " +
        "which one process alone can open: the server, which works on it by itself",
    );
  }
  if (!crsEnabled) throw new ConfigError("INTERLUDE_CRS: expected on for a worker, got off");
  if (crs.concurrency === 0) throw new ConfigError("INTERLUDE_CRS_CONCURRENCY: expected 1 or more for a worker, got 0");
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
/** As the server's log has them. */
const LEVEL_NUMBER = { info: 30, warn: 40, error: 50 } as const;

/** Lines of JSON on stderr, in the shape of the server's. */
function lineLog(least: ServerConfig["logLevel"]): CrsLog {
  const write = (level: keyof typeof LEVEL_NUMBER) => (fields: object, msg: string) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    const line = { level: LEVEL_NUMBER[level], time: Date.now(), pid: process.pid, ...fields, msg };
    process.stderr.write(`${JSON.stringify(line, describeError)}\n`);
  };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

function describeError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { type: value.name, message: value.message, stack: value.stack };
}

export const workerCommand: Command = { help: HELP, run: work };
