/** The first frame of a cold creative over a slow link, and the bytes that crossed it until then. */
import { readFile } from "node:fs/promises";
import {
  type Bench,
  describeRun,
  formatMs,
  LARGE,
  LARGE_FILE,
  measureStart,
  nameCreative,
  openUncached,
} from "./first-encounter-run.ts";
import { TECHNIQUE } from "./player-cuts.ts";
import type { Stage } from "./player-page.ts";
import { planFile } from "./remux.ts";
import { type SlowLink, startSlowLink } from "./slow-link.ts";
import { median, type Row, verdict } from "./table.ts";

const ROUND_TRIP_MS = 40;
const LINKS_MBPS = [10, 20];
/** Master ∥ zone, media playlist ∥ look for a copy, tables of the file, first segment. @see DESIGN §11 */
const ROUND_TRIPS = 4;

/** Rows for the table. */
export async function benchLinks(bench: Bench): Promise<readonly Row[]> {
  const plan = planFile(await readFile(LARGE_FILE));
  const first = plan.segments[0]?.ranges.reduce((sum, { start, end }) => sum + end - start, 0) ?? 0;
  const rows: Row[] = [];
  for (const mbps of LINKS_MBPS) {
    const name = `first encounter: pre-roll's first frame, ${mbps} Mbit/s, ${ROUND_TRIP_MS} ms`;
    if (bench.isWanted(name)) rows.push(...(await benchLink(bench, { name, mbps, bytes: plan.tableBytes + first })));
  }
  return rows;
}

interface LinkSeries {
  readonly name: string;
  readonly mbps: number;
  /** Of the file's tables and what its first segment is made of. */
  readonly bytes: number;
}

async function benchLink(bench: Bench, series: LinkSeries): Promise<readonly Row[]> {
  const shape = { bitsPerSecond: series.mbps * 1e6, roundTripMs: ROUND_TRIP_MS };
  const link = await startSlowLink(bench.makesNone.url, shape);
  const stage = await openUncached(bench, bench.makesNone, link);
  const measured: Record<"remux" | "overlay", Crossing[]> = { remux: [], overlay: [] };
  try {
    for (let i = -1; i < bench.times; i++)
      for (const technique of ["remux", "overlay"] as const) {
        const crossing = await measureCrossing(bench, stage, link, technique);
        if (i >= 0) measured[technique].push(crossing);
      }
  } finally {
    await stage.page.close();
    await link.close();
  }
  return formatLink(series, measured);
}

interface Crossing {
  readonly ms: number;
  /** Of the creative that had crossed the link when its first frame was on screen. */
  readonly bytes: number;
}

async function measureCrossing(
  bench: Bench,
  stage: Stage,
  link: SlowLink,
  technique: "remux" | "overlay",
): Promise<Crossing> {
  const path = `/media/${LARGE}`;
  const before = (await link.readSent()).get(path) ?? 0;
  const { ms, at } = await measureStart(
    stage,
    describeRun(bench.makesNone, technique, nameCreative(bench.makesNone, LARGE)),
  );
  return { ms, bytes: ((await link.readSent(at)).get(path) ?? 0) - before };
}

function formatLink(
  { name, mbps, bytes }: LinkSeries,
  measured: Readonly<Record<"remux" | "overlay", readonly Crossing[]>>,
): readonly Row[] {
  const time = {
    remux: median(measured.remux.map(({ ms }) => ms)),
    overlay: median(measured.overlay.map(({ ms }) => ms)),
  };
  const read = {
    remux: median(measured.remux.map((one) => one.bytes)),
    overlay: median(measured.overlay.map((one) => one.bytes)),
  };
  const own = (bytes * 8) / (mbps * 1000) + ROUND_TRIPS * ROUND_TRIP_MS;
  const limit = 1.15 * own + 300;
  const kB = (count: number): string => `${(count / 1000).toFixed(0)} kB`;
  const ratio = (time.remux / own).toFixed(2);
  const theirs = `${formatMs(own)} (the link's own: tables, first segment, ${ROUND_TRIPS} round trips)`;
  const overlay = `${formatMs(time.overlay)} (${TECHNIQUE.overlay})`;
  return [
    {
      name,
      ours: formatMs(time.remux),
      theirs,
      ratio,
      budget: `≤ ${formatMs(limit)}`,
      note: verdict(time.remux <= limit, "a 1080p MP4 of 4.65 Mbit/s"),
    },
    {
      name,
      ours: formatMs(time.remux),
      theirs: overlay,
      ratio: (time.remux / time.overlay).toFixed(2),
      budget: "-",
      note: "as IMA would play it",
    },
    {
      name: `first encounter: bytes of the creative before its first frame, ${mbps} Mbit/s`,
      ours: kB(read.remux),
      theirs: `${kB(read.overlay)} (${TECHNIQUE.overlay})`,
      ratio: (read.remux / read.overlay).toFixed(2),
      budget: `≤ ${kB(1.1 * bytes)}`,
      note: verdict(read.remux <= 1.1 * bytes, `tables and first segment: ${kB(bytes)}`),
    },
  ];
}
