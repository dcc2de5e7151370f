/** Starts the servers of the manifest bench and viewers in front of them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { AVAIL_TAG, type BenchOrigin, contentPath, type LiveShape } from "./manifest-origin.ts";
import type { Order, Report } from "./manifest-process.ts";

export interface BenchServer {
  readonly pool: Pool;
  readonly url: URL;
  /** Microseconds of processor time since its start. */
  readonly readCpu: () => Promise<number>;
  /** Bytes, after a collection where its flags have `--expose-gc`. */
  readonly readMemory: () => Promise<number>;
  /** Of a static server: what it answers. */
  readonly setText: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const CONNECTIONS = 16;
const PROGRAM = join(import.meta.dirname, "manifest-process.ts");

/** @param env of a whole server; undefined: a static one */
async function start(
  kind: "whole" | "static",
  env: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<BenchServer> {
  const child = fork(PROGRAM, [kind], {
    execArgv: ["-C", "interlude-source", ...flags],
    env: { ...process.env, NODE_ENV: "production", ...env },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const read = async (order?: Order): Promise<Report> => {
    if (order) child.send(order);
    const [report]: readonly Report[] = await once(child, "message");
    if (!report) throw new Error("bench server: expected a report, got none");
    return report;
  };
  const readUse = async (kind: "cpu" | "memory"): Promise<number> => {
    const report = await read({ kind });
    return report.kind === kind ? report.used : Number.NaN;
  };
  const first = await Promise.race([read(), once(child, "exit").then(() => undefined)]);
  if (first?.kind !== "listening") throw new Error("bench server: expected it to listen, but it ended");
  const url = new URL(first.url);
  const pool = new Pool(url.origin, { connections: CONNECTIONS, pipelining: 1 });
  return {
    pool,
    url,
    readCpu: () => readUse("cpu"),
    readMemory: () => readUse("memory"),
    setText: async (text) => void (await read({ kind: "text", text })),
    close: async () => {
      await pool.destroy();
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

export const startStatic = (): Promise<BenchServer> => start("static", {}, []);

/** Settings of a server that is to answer all that it is asked, however long it takes. */
export const UNSHED: Readonly<Record<string, string>> = {
  INTERLUDE_LEAN_DELAY: "60000",
  INTERLUDE_SHED_DELAY: "60000",
};

/** The whole server, whose zone 1 stitches what the origin has. */
export async function startWhole(
  origin: Pick<BenchOrigin, "url">,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-bench-"));
  const zones = join(folder, "zones.json");
  const availTagUrl = origin.url.origin + AVAIL_TAG;
  const manifest = { contentOrigins: [origin.url.origin], adTagUrl: availTagUrl, availTagUrl };
  writeFileSync(zones, JSON.stringify({ version: 1, zones: [{ zone: "1", manifest }] }));
  const settings = {
    HOST: "127.0.0.1",
    PORT: "0",
    INTERLUDE_STATE: join(folder, "state"),
    INTERLUDE_ZONES: zones,
    INTERLUDE_CRS: "off",
    INTERLUDE_FETCH_ALLOW_PRIVATE: origin.url.host,
  };
  const server = await start("whole", { ...settings, ...env }, flags);
  return {
    ...server,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One answer; its text is read. @throws Error for any status but 200 and 302 */
export async function ask(pool: Pool, path: string): Promise<{ readonly location: string; readonly text: string }> {
  const { statusCode, headers, body } = await pool.request({ method: "GET", path });
  const text = await body.text();
  if (statusCode !== 200 && statusCode !== 302) throw new Error(`${path.slice(0, 60)}…: ${statusCode} ${text}`);
  return { location: String(headers["location"] ?? ""), text };
}

const pathOf = (address: string): string => {
  const { pathname, search } = new URL(address);
  return pathname + search;
};

/** Opens as many sessions; the address of the best rendition of each. */
export async function openSessions(
  { pool }: BenchServer,
  origin: BenchOrigin,
  shape: LiveShape,
  { count, query }: { readonly count: number; readonly query: string },
): Promise<readonly string[]> {
  const content = Buffer.from(new URL(contentPath(shape), origin.url).href).toString("base64url");
  const paths: string[] = [];
  await runAtOnce(count, async (index) => {
    const bootstrap = `/auditude/variant/bench/${content}.m3u8?u=bench&z=1&live=true&k=viewer%3D${index}&${query}`;
    const opened = await ask(pool, bootstrap);
    const location = opened.location || String(JSON.parse(opened.text)["Master-M3U8"]);
    const master = await ask(pool, pathOf(location));
    paths.push(pathOf(master.text.match(/^http\S+$/gm)?.at(-1) ?? ""));
  });
  return paths;
}

/** `run` for 0 to `count` - 1, as many at a time as there are connections. */
export async function runAtOnce(count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

/** What a server did in one round. */
export interface Round {
  /** Requests per second of the clock, and per second of processor time. */
  readonly rate: number;
  readonly rateOfCore: number;
  /** Milliseconds of each request, ascending. */
  readonly times: readonly number[];
}

/** Asks for these in turns for as many ms. */
export async function loadServer(server: BenchServer, paths: readonly string[], ms: number): Promise<Round> {
  const times: number[] = [];
  const cpuBefore = await server.readCpu();
  const start = performance.now();
  let next = Math.floor(Math.random() * paths.length);
  const work = async (): Promise<void> => {
    while (performance.now() - start < ms) {
      const asked = performance.now();
      const { statusCode, body } = await server.pool.request({
        method: "GET",
        path: paths[next++ % paths.length] ?? "",
      });
      await body.dump({ limit: Number.POSITIVE_INFINITY });
      if (statusCode !== 200) throw new Error(`bench: expected 200, got ${statusCode}`);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const seconds = (performance.now() - start) / 1000;
  const cpuSeconds = ((await server.readCpu()) - cpuBefore) / 1e6;
  return {
    rate: times.length / seconds,
    rateOfCore: times.length / cpuSeconds,
    times: times.toSorted((a, b) => a - b),
  };
}

/** The time that a share of the requests took at most, ms. */
export function quantile(times: readonly number[], share: number): number {
  return times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN;
}
