/**
 * What the manifest server costs: stitched live playlists against the same bytes as a file served by Fastify (@fastify/static), and
 * as a text that a bare Fastify holds in memory, per second of processor time, so that what else the machine does counts for
 * neither; memory per session; and a thousand viewers.
 *
 * Budgets: DESIGN §11. Run alone: `npm run bench -- manifest [--quick] [--only <part of a name>]`.
 */
import { startPostgres } from "../packages/server/tests/database/private-postgres.ts";
import {
  ask,
  type BenchServer,
  loadServer,
  openSessions,
  quantile,
  type Round,
  runAtOnce,
  startStatic,
  startWhole,
  UNSHED,
} from "./manifest-child.ts";
import { benchMemory } from "./manifest-memory.ts";
import { type BenchOrigin, type LiveShape, startBenchOrigin } from "./manifest-origin.ts";
import { benchViewers } from "./manifest-viewers.ts";
import { median, type Row, verdict } from "./table.ts";

export interface ManifestBenchOptions {
  readonly quick: boolean;
  /** Only what has this in its name. */
  readonly only: string;
}

/** Enough of them, and none asks more often than the server permits a session. */
const SESSIONS = 800;
const WINDOWS = [10, 300, 1_800];
const SEGMENT_SECONDS = 6;

interface Case {
  readonly name: string;
  readonly query: string;
  readonly hasDatabase: boolean;
  /** Share of the static rate at 300 segments. */
  readonly budget: number | undefined;
}

const CASES: readonly Case[] = [
  { name: "sessions in memory", query: "pttrackingmode=simple", hasDatabase: false, budget: 0.5 },
  { name: "in memory, EXT-X-MARKER", query: "", hasDatabase: false, budget: undefined },
  { name: "in memory, sstm links", query: "pttrackingmode=sstm", hasDatabase: false, budget: 0.25 },
  { name: "sessions in PostgreSQL", query: "pttrackingmode=simple", hasDatabase: true, budget: undefined },
];

export async function benchManifest({ quick, only }: ManifestBenchOptions): Promise<readonly Row[]> {
  const origin = await startBenchOrigin();
  const rows: Row[] = [];
  try {
    for (const one of CASES.filter(({ name }) => name.includes(only)))
      rows.push(...(await benchRates(origin, one, quick)));
    if ("memory per session".includes(only)) rows.push(...(await benchMemory(origin, quick)));
    if ("viewers".includes(only)) rows.push(...(await benchViewers(origin, quick)));
  } finally {
    await origin.close();
  }
  return rows;
}

async function benchRates(origin: BenchOrigin, one: Case, quick: boolean): Promise<readonly Row[]> {
  const postgres = one.hasDatabase ? await startPostgres() : undefined;
  if (one.hasDatabase && !postgres) return [];
  const sessions: Record<string, string> = postgres ? { DATABASE_URL: postgres.url } : { INTERLUDE_SESSIONS: "memory" };
  const [ours, theirs] = [await startWhole(origin, { ...UNSHED, ...sessions }), await startStatic()];
  try {
    const rows: Row[] = [];
    for (const window of WINDOWS) {
      const shape = { window, segmentDuration: SEGMENT_SECONDS };
      rows.push(await benchRate({ origin, ours, theirs, shape, one, quick }));
    }
    return rows;
  } finally {
    await ours.close();
    await theirs.close();
    await postgres?.stop();
  }
}

interface RateBench {
  readonly origin: BenchOrigin;
  readonly ours: BenchServer;
  readonly theirs: BenchServer;
  readonly shape: LiveShape;
  readonly one: Case;
  readonly quick: boolean;
}

async function benchRate({ origin, ours, theirs, shape, one, quick }: RateBench): Promise<Row> {
  const paths = await openSessions(ours, origin, shape, { count: SESSIONS, query: one.query });
  await runAtOnce(paths.length, async (index) => void (await ask(ours.pool, paths[index] ?? "")));
  origin.showAvail(shape);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await runAtOnce(paths.length, async (index) => void (await ask(ours.pool, paths[index] ?? "")));
  const { text } = await ask(ours.pool, paths[0] ?? "");
  if (!text.includes(one.query.includes("sstm") ? "/auditude/segment/" : "/ads/one/"))
    throw new Error(`bench: expected a playlist with ads, got ${text.slice(-2000)}`);
  await theirs.setText(text);
  const rounds: Rounds[] = [];
  const [times, ms] = quick ? [3, 1000] : [5, 2000];
  for (let round = -1; round < times; round++) {
    const our = await loadServer(ours, paths, ms);
    const file = await loadServer(theirs, ["/file.m3u8"], ms);
    const memory = await loadServer(theirs, ["/text.m3u8"], ms);
    if (round >= 0) rounds.push({ our, file, memory });
  }
  return formatRate(one, shape, text, rounds);
}

/** One round of each side, one after the other. */
type Rounds = Readonly<Record<"our" | "file" | "memory", Round>>;

function formatRate({ name, budget }: Case, { window }: LiveShape, text: string, rounds: readonly Rounds[]): Row {
  const middle = (read: (round: Rounds) => number): number => median(rounds.map(read));
  const ratioTo = (side: "file" | "memory"): number =>
    middle(({ our, [side]: other }) => our.rateOfCore / other.rateOfCore);
  const at = (share: number): string =>
    [middle(({ our }) => quantile(our.times, share)), middle(({ file }) => quantile(file.times, share))]
      .map((ms) => ms.toFixed(1))
      .join(" against ");
  const ratio = ratioTo("file");
  const required = window === 300 ? budget : undefined;
  const note = [
    `${(text.length / 1000).toFixed(1)} kB`,
    `by the clock ${middle(({ our }) => our.rate).toFixed(0)}/s against ${middle(({ file }) => file.rate).toFixed(0)}/s`,
    `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    `${percent(ratioTo("memory"))} of a text in memory (${middle(({ memory }) => memory.rateOfCore).toFixed(0)})`,
  ].join("; ");
  return {
    name: `live playlists per second and core, ${window} segments, ${name}`,
    ours: middle(({ our }) => our.rateOfCore).toFixed(0),
    theirs: middle(({ file }) => file.rateOfCore).toFixed(0),
    ratio: percent(ratio),
    budget: required === undefined ? "-" : `≥ ${percent(required)}`,
    note: required === undefined ? note : verdict(ratio >= required, note),
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
