/**
 * What the ad-server relay costs: answers a second for a pod of four ads, and what it adds to the time of the ad server itself.
 *
 *   rate     as many requests under way as there are connections, by the processor time of the server's process
 *   latency  a steady stream of viewers, of whom every other asks the ad server itself, half an interval away from those that ask the
 *            relay; what the relay took beyond the median of the ad server. A slow moment of the ad server, of this process or of the
 *            machine counts against the relay in full: the figure is never less than what the relay added
 *
 * Run alone: `npm run bench -- relay [--quick] [--database embedded|postgres|both]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { ask, type BenchServer, quantile, runAtOnce, startWhole } from "./manifest-child.ts";
import { type BenchDatabase, benchOnEach } from "./databases.ts";
import { median, type Row, verdict } from "./table.ts";

const PROGRAM = join(import.meta.dirname, "relay-upstream.ts");
/** The issue's: milliseconds over the ad server, of 99 in 100 answers. */
const MAX_ADDED_MS = 5;
const VIEWERS_PER_SECOND = 50;

interface Upstream {
  readonly url: URL;
  readonly pool: Pool;
  readonly close: () => Promise<void>;
}

export async function benchRelay({
  quick,
  database,
}: {
  readonly quick: boolean;
  readonly database: string;
}): Promise<readonly Row[]> {
  const upstream = await startUpstream();
  const folder = mkdtempSync(join(tmpdir(), "interlude-bench-relay-"));
  try {
    const zones = join(folder, "zones.json");
    const relay = { upstreams: [{ name: "bench", tagUrl: new URL("/vast?cb=[CACHEBUSTING]", upstream.url).href }] };
    writeFileSync(zones, JSON.stringify({ version: 1, zones: [{ zone: "1", relay }] }));
    return await benchOnEach(database, (one) => benchServers(upstream, zones, one, quick));
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await upstream.close();
  }
}

async function benchServers(
  upstream: Upstream,
  zones: string,
  { name: database, env }: BenchDatabase,
  quick: boolean,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const what of ["tickets", "no repackaging"] as const) {
    const crs = what === "tickets" ? "on" : "off";
    const server = await startWhole(upstream, { INTERLUDE_ZONES: zones, INTERLUDE_CRS: crs, ...env });
    const name = `${what}, ${database}`;
    try {
      rows.push(await benchRate(server, name, quick), await benchLatency(server, upstream, name, quick));
    } finally {
      await server.close();
    }
  }
  return rows;
}

async function startUpstream(): Promise<Upstream> {
  const child = fork(PROGRAM, { execArgv: ["-C", "interlude-source"] });
  const [origin]: readonly unknown[] = await once(child, "message");
  const pool = new Pool(String(origin), { connections: 16, pipelining: 1 });
  return {
    url: new URL(String(origin)),
    pool,
    close: async () => {
      await pool.destroy();
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

let viewer = 0;

async function askRelay({ pool }: BenchServer): Promise<string> {
  viewer++;
  return (await ask(pool, `/ads/vast?zone=1&session=bench-${viewer}&break=mid-1&duration=60`)).text;
}

function checkAnswer(text: string): void {
  if (text.split("<Ad ").length !== 5) throw new Error(`relay: expected four ads, got ${text.slice(0, 200)}`);
}

async function benchRate(server: BenchServer, name: string, quick: boolean): Promise<Row> {
  const count = quick ? 200 : 3000;
  const askChecked = async (): Promise<void> => checkAnswer(await askRelay(server));
  await runAtOnce(count / 5, askChecked);
  const rounds: { readonly perSecond: number; readonly perCore: number }[] = [];
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    const [cpuBefore, startedAt] = [await server.readCpu(), performance.now()];
    await runAtOnce(count, askChecked);
    const seconds = (performance.now() - startedAt) / 1000;
    const cpuSeconds = ((await server.readCpu()) - cpuBefore) / 1e6;
    rounds.push({ perSecond: count / seconds, perCore: count / cpuSeconds });
  }
  const perCore = median(rounds.map((round) => round.perCore));
  const perSecond = median(rounds.map((round) => round.perSecond));
  return {
    name: `relay: answers with four ads, ${name}`,
    ours: `${perCore.toFixed(0)} /s per core`,
    theirs: "-",
    ratio: "-",
    budget: "-",
    note: `${perSecond.toFixed(0)} /s beside ad server and viewers`,
  };
}

/** Viewers come by the clock, whether the ones before have their answer or not: who waits is counted with all of it. */
async function benchLatency(server: BenchServer, upstream: Upstream, name: string, quick: boolean): Promise<Row> {
  const count = quick ? 100 : 3000;
  const [direct, relayed]: [number[], number[]] = [[], []];
  const time = async <Answer>(into: number[], request: () => Promise<Answer>): Promise<Answer> => {
    // This process being late is not the relay's doing.
    const from = performance.now();
    const answer = await request();
    into.push(performance.now() - from);
    return answer;
  };
  const asked: Promise<unknown>[] = [];
  const startedAt = performance.now();
  for (let index = 0; index < 2 * count; index++) {
    const due = startedAt + (index * 500) / VIEWERS_PER_SECOND;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    const isDirect = index % 2 === 0;
    if (isDirect) asked.push(time(direct, () => ask(upstream.pool, `/vast?cb=${index}`)));
    else asked.push(time(relayed, () => askRelay(server)).then(checkAnswer));
  }
  await Promise.all(asked);
  const ascending = (times: readonly number[]): readonly number[] => times.toSorted((a, b) => a - b);
  const [itself, throughUs] = [ascending(direct), ascending(relayed)];
  const base = median(direct);
  const added = (share: number): number => quantile(throughUs, share) - base;
  const p99 = added(0.99);
  return {
    name: `relay: added to the ad server's time, ${name}`,
    ours: `${p99.toFixed(1)} ms (99 %)`,
    theirs: `${base.toFixed(1)} ms`,
    ratio: "-",
    budget: `≤ ${MAX_ADDED_MS} ms`,
    note: verdict(
      p99 <= MAX_ADDED_MS,
      `median ${added(0.5).toFixed(1)} ms; ad server itself ${quantile(itself, 0.99).toFixed(1)} ms (99 %); ${VIEWERS_PER_SECOND} viewers/s`,
    ),
  };
}
