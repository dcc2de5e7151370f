/**
 * How long a job waits when nothing else does: from the moment that a submission is answered to the state fetching, on the
 * embedded database and on PostgreSQL. Each job is a creative of one second, made whole before the next is asked for.
 *
 * Budget: at most 50 ms at the 95th percentile.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startCrs, startMediaServer, type TestCrs } from "../packages/server/tests/crs/test-crs.ts";
import { startPostgres } from "../packages/server/tests/database/private-postgres.ts";
import { FOLDER, makeSource, TINY } from "./crs-sources.ts";
import { type Row, verdict } from "./table.ts";

const JOBS = 50;
const MAX_MS = 50;
/** Between jobs, so that the queue is idle and does not wake up in step with them. */
const PAUSE_MS = { least: 200, more: 600 };

/** Two rows, of `jobs` jobs each. */
export async function benchQueue(jobs = JOBS): Promise<readonly Row[]> {
  const postgres = await startPostgres();
  try {
    const embedded = await timeStarts(jobs, undefined);
    const rows = [startRow("PGlite", embedded)];
    if (postgres === undefined) return [...rows, missingRow()];
    return [...rows, startRow("PostgreSQL", await timeStarts(jobs, postgres.url))];
  } finally {
    await postgres?.stop();
  }
}

/** Milliseconds, ascending, from the answer; a job may begin before its submission is answered. */
async function timeStarts(jobs: number, databaseUrl: string | undefined): Promise<readonly number[]> {
  const source = await makeSource(TINY);
  const folder = join(FOLDER, "work-queue");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const media = await startMediaServer(() => source);
  const crs = await startCrs({ folder, databaseUrl, allow: [media] });
  try {
    const times: number[] = [];
    for (let job = 0; job < jobs; job++) {
      times.push(await timeStart(crs, new URL(`${job}/creative`, media.base)));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS.least + Math.random() * PAUSE_MS.more));
    }
    return times.toSorted((a, b) => a - b);
  } finally {
    await crs.close();
    await media.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timeStart({ crs, waitFor }: TestCrs, creativeUrl: URL): Promise<number> {
  let startedAt = Number.NaN;
  const stop = crs.subscribe(({ state }) => {
    if (state === "fetching" && Number.isNaN(startedAt)) startedAt = performance.now();
  });
  const input = { zone: "1", creativeUrl: creativeUrl.href, packaging: "hls", targetDuration: 6 } as const;
  const { key } = await crs.submit(input);
  const answeredAt = performance.now();
  const status = await waitFor(key, ({ state }) => state === "ready" || state === "failed");
  stop();
  if (status.state === "failed") throw new Error(`the queue's job: ${status.reason}: ${status.message}`);
  return Math.max(0, startedAt - answeredAt);
}

function startRow(database: string, times: readonly number[]): Row {
  const at = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? Number.NaN;
  const p95 = at(0.95);
  return {
    name: `enqueue → start, idle, ${database}, 95th percentile of ${times.length}`,
    ours: `${p95.toFixed(1)} ms`,
    theirs: "-",
    ratio: "-",
    budget: `≤ ${MAX_MS} ms`,
    note: verdict(p95 <= MAX_MS, `median ${at(0.5).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`),
  };
}

function missingRow(): Row {
  const name = "enqueue → start, idle, PostgreSQL";
  return { name, ours: "-", theirs: "-", ratio: "-", budget: `≤ ${MAX_MS} ms`, note: "no PostgreSQL is installed" };
}
