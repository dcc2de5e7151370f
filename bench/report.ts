/**
 * How long a report takes over ten million events of a month: rolled up inside PostgreSQL by the statement that the receiver uses, then
 * asked for by each of the groupings that the console and an operator use. Without a budget beside it: a million events in the embedded
 * database, and as many of two thousand creatives, of which hours sum little up.
 *
 * Run alone: `npm run bench -- report [--quick]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase, type Queryable } from "../packages/server/src/database/database.ts";
import { makeReport } from "../packages/server/src/tracking/report.ts";
import { readReportRequest } from "../packages/server/src/tracking/report-request.ts";
import { ensurePartitions } from "../packages/server/src/tracking/partitions.ts";
import { rollUpFrom } from "../packages/server/src/tracking/rollup.ts";
import { startPostgres } from "../packages/server/tests/database/private-postgres.ts";
import { median, type Row, verdict } from "./table.ts";

const EVENTS = 10_000_000;
const BUDGET_MS = 1000;
const RUNS = 7;
/** Of one ad that was asked for: 7.71 on average. */
const EVENTS_PER_AD = 7.71;
const FIRST_DAY = "2026-10-01";
const DAYS = 30;
const PARTS = 10;

/** What hours are made of. */
interface Plan {
  readonly what: string;
  readonly events: number;
  readonly creatives: number;
  readonly groupings: readonly string[];
  /** undefined: shown, not judged. */
  readonly budgetMs: number | undefined;
}

const GROUPINGS = ["", "d", "h", "creative", "zone,reason", "d,creative", "h,reason"];

const WHOLE: Plan = { what: "", events: EVENTS, creatives: 100, groupings: GROUPINGS, budgetMs: BUDGET_MS };
const BESIDE = { events: EVENTS / 10, groupings: ["", "d,creative"], budgetMs: undefined } as const;
const MANY: Plan = { what: ", 2,000 creatives", creatives: 2000, ...BESIDE };
const EMBEDDED: Plan = { what: ", embedded", creatives: 100, ...BESIDE };

export async function benchReport({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> {
  const postgres = await startPostgres();
  if (!postgres) return [];
  try {
    const server = await openDatabase({ databaseUrl: postgres.url, directory: "" });
    const onServer = await benchPlans(server, [WHOLE, MANY], quick);
    return [...onServer, ...(await benchEmbedded(quick))];
  } finally {
    await postgres.stop();
  }
}

async function benchEmbedded(quick: boolean): Promise<readonly Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "interlude-bench-report-"));
  try {
    return await benchPlans(await openDatabase({ directory }), [EMBEDDED], quick);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Closes the database. */
async function benchPlans(database: Database, plans: readonly Plan[], quick: boolean): Promise<readonly Row[]> {
  try {
    const rows: Row[] = [];
    for (const plan of plans) {
      await database.query("truncate tracking_hour");
      const made = await makeHours(database.query, plan, quick ? plan.events / 20 : plan.events);
      for (const groupBy of plan.groupings) rows.push(await benchGrouping(database.query, groupBy, plan, made, quick));
    }
    return rows;
  } finally {
    await database.close();
  }
}

interface Made {
  readonly events: number;
  readonly hours: number;
}

/** Creatives in five zones, of which each hour of the month has some; every twentieth ad is lost. */
async function makeHours(query: Queryable["query"], { creatives }: Plan, events: number): Promise<Made> {
  await ensurePartitions(query, [FIRST_DAY]);
  const ads = Math.ceil(events / EVENTS_PER_AD);
  const part = Math.ceil(ads / PARTS);
  for (let from = 0; from < ads; from += part) {
    await query(rollUpFrom(formatHappenings(from, Math.min(from + part, ads) - 1, ads, creatives)));
  }
  await query("vacuum analyze tracking_hour");
  const [made] = await query<Made>(
    "select sum(count)::double precision as events, count(*)::double precision as hours from tracking_hour",
  );
  return made ?? { events: 0, hours: 0 };
}

function formatHappenings(from: number, to: number, ads: number, creatives: number): string {
  const isLost = "i % 20 = 0";
  return `(
    select timestamptz '${FIRST_DAY}T00:00:00Z' + (i::double precision / ${ads}) * interval '${DAYS} days' as received_at,
      'zone-' || i * 7 % 100 / 20 as zone, event,
      case when event = 'adRequest' then '' else 'https://creatives.example/' || i * 7 % ${creatives} || '.mp4' end as creative,
      case when event = 'adRequest' then '' else 'ad-' || i * 7 % ${creatives} end as ad,
      'line-' || i * 7 % 100 / 4 as line_item, 'upstream-' || i * 7 % 100 / 50 as upstream,
      case when event = 'error' then 407 end as error,
      case when event = 'error' then (array['new-creative', 'repackage-in-progress'])[1 + i % 40 / 20] else '' end as reason,
      '' as mark, case when event = 'adRequest' then 1 else 0 end as amount
    from generate_series(${from}, ${to}) as i, unnest(case when ${isLost} then array['adRequest', 'adOffered', 'error']
      when i % 100 = 1 then array['adRequest', 'adOffered', 'impression', 'start', 'click']
      else array['adRequest', 'adOffered', 'impression', 'start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete'] end) as event
  ) as made`;
}

async function benchGrouping(
  query: Queryable["query"],
  groupBy: string,
  { what, budgetMs }: Plan,
  made: Made,
  quick: boolean,
): Promise<Row> {
  const asked = { startDate: FIRST_DAY, endDate: "2026-10-31", unpaged: "true", groupBy };
  const request = readReportRequest(asked, Date.parse("2026-11-21T00:00:00Z"));
  const times: number[] = [];
  let lines = 0;
  for (let run = 0; run < (quick ? 2 : RUNS); run += 1) {
    const start = performance.now();
    lines = (await makeReport(query, request)).rows.length;
    times.push(performance.now() - start);
  }
  const longest = Math.max(...times);
  const note = `${lines} lines from ${made.hours} rows of hours; longest ${longest.toFixed(0)} ms`;
  return {
    name: `report: ${(made.events / 1e6).toFixed(1)} million events${what}, ${groupBy === "" ? "in one line" : `by ${groupBy}`}`,
    ours: `${median(times).toFixed(0)} ms`,
    theirs: "-",
    ratio: "-",
    budget: budgetMs === undefined ? "-" : `≤ ${budgetMs} ms`,
    note: budgetMs === undefined ? note : verdict(median(times) <= budgetMs, note),
  };
}
