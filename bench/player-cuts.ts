/** The edges of a mid-roll, technique by technique in turn. */
import type { Technique } from "./pages/run.ts";
import { type BreakCost, type Edge, measureBreak } from "./cut.ts";
import { type Content, CREATIVE_DURATION, FILMS } from "./player-media.ts";
import { type PlayerBench, waitForBreak } from "./player-page.ts";
import { median, type Row, verdict } from "./table.ts";

const FRAME_MS = 40;
/** Seconds: at the end of the content's first segment. */
const MID_ROLL = 4;
const DUE = {
  adFrames: (CREATIVE_DURATION * 1000) / FRAME_MS,
  resumeFrame: (MID_ROLL * 1000) / FRAME_MS,
  frameMs: FRAME_MS,
};
const PLAY_MS = 1000 * (MID_ROLL + CREATIVE_DURATION + 1.5);

/** What is compared in one table: the first technique is ours. */
export interface CutSeries {
  readonly what: string;
  readonly content: Content;
  readonly ours: Technique;
  readonly theirs: readonly Technique[];
  /** What the budget asks of our freeze, ms. */
  readonly budgetMs?: number;
  readonly isFirstLayer?: boolean;
}

export const CUT_SERIES: readonly CutSeries[] = [
  { what: "hls.js, TS without B-frames", content: "plain", ours: "in-line", theirs: [], budgetMs: 40 },
  {
    what: "hls.js, TS as ffmpeg makes it",
    content: "stock",
    ours: "in-line",
    theirs: ["interstitial-list", "interstitial-uri", "overlay"],
    budgetMs: 40,
  },
  {
    what: "hls.js, TS as ffmpeg makes it, ad's first layer",
    content: "stock",
    ours: "in-line",
    theirs: [],
    budgetMs: 130,
    isFirstLayer: true,
  },
  {
    what: "video.js over VHS, TS as ffmpeg makes it",
    content: "stock",
    ours: "vhs-in-line",
    theirs: ["vhs-contrib-ads"],
  },
];

/** As the table names them. */
export const TECHNIQUE: Readonly<Record<Technique, string>> = {
  none: "no ads",
  "in-line": "ours",
  remux: "ours, no copy: the page remuxes",
  wait: "ours, no copy: waits for it",
  "interstitial-list": "hls.js interstitial, asset list",
  "interstitial-uri": "hls.js interstitial, asset URI",
  overlay: "second video over it, MP4",
  vhs: "no ads",
  "vhs-in-line": "ours",
  "vhs-contrib-ads": "videojs-contrib-ads, source swap",
};

interface Measured {
  readonly cost: BreakCost;
  readonly stalls: number;
}

/** Rows for the table: for each edge one against each of theirs. */
export async function benchCuts(bench: PlayerBench, series: CutSeries): Promise<readonly Row[]> {
  const techniques = [series.ours, ...series.theirs];
  if (!bench.isWanted(`${series.what}: excess freeze`)) return [];
  const adTagUrl = series.isFirstLayer ? bench.creative.firstLayerTag : bench.creative.adTagUrl;
  if (adTagUrl === undefined) throw new Error("bench: expected a first layer before the ladder, saw none");
  const measured = new Map(techniques.map((technique): [Technique, Measured[]] => [technique, []]));
  const failures = new Map<Technique, string>();
  for (let i = 0; i < bench.times; i++) {
    for (const technique of techniques) {
      process.stderr.write(`bench: ${series.what}: ${technique}, ${i + 1} of ${bench.times}\n`);
      const one = await measureOne(bench, series, technique, adTagUrl).catch((cause: unknown) => String(cause));
      if (typeof one === "string") failures.set(technique, one);
      else measured.get(technique)?.push(one);
    }
  }
  const failure = failures.get(series.ours);
  if (failure !== undefined) throw new Error(`${series.what}: ${failure}`);
  return formatSeries(series, measured, failures);
}

async function measureOne(
  { stage, describeRun }: PlayerBench,
  { content }: CutSeries,
  technique: Technique,
  adTagUrl: string,
): Promise<Measured> {
  await stage.start(describeRun(technique, content, MID_ROLL, adTagUrl));
  try {
    const runs = await waitForBreak(stage.page, FILMS, PLAY_MS);
    return { cost: measureBreak(runs, DUE), stalls: await stage.stalls() };
  } finally {
    await stage.stop();
  }
}

function formatSeries(
  { what, ours, theirs, budgetMs }: CutSeries,
  measured: ReadonlyMap<Technique, readonly Measured[]>,
  failures: ReadonlyMap<Technique, string>,
): readonly Row[] {
  const edges = [
    ["in", "content → ad"],
    ["out", "ad → content"],
  ] as const;
  const rowOf = (edge: "in" | "out", title: string, technique: Technique): Row => {
    const [our, their] = [measured.get(ours) ?? [], measured.get(technique) ?? []];
    const freeze = (list: readonly Measured[]): number => median(list.map(({ cost }) => cost[edge].excessFreezeMs));
    const isOurs = technique === ours;
    const ourFreeze = freeze(our);
    const note = [describeEdge(edge, isOurs ? our : their), failures.get(technique)].filter(Boolean).join("; ");
    return {
      name: `${what}: ${title}, excess freeze`,
      ours: `${ourFreeze.toFixed(0)} ms`,
      theirs: isOurs ? "-" : `${freeze(their).toFixed(0)} ms (${TECHNIQUE[technique]})`,
      ratio: "-",
      budget: isOurs && budgetMs !== undefined ? `≤ ${budgetMs} ms` : "-",
      note: isOurs && budgetMs !== undefined ? verdict(ourFreeze <= budgetMs, note) : note,
    };
  };
  return edges.flatMap(([edge, title]) => [ours, ...theirs].map((technique) => rowOf(edge, title, technique)));
}

/** Beside the freeze: the note is of whom the row is about. */
function describeEdge(edge: "in" | "out", list: readonly Measured[]): string {
  const sum = (read: (edge: Edge) => number): number => list.reduce((all, { cost }) => all + read(cost[edge]), 0);
  const middle = (read: (cost: BreakCost) => number): number => median(list.map(({ cost }) => read(cost)));
  return [
    `switch ${middle((cost) => cost[edge].switchMs).toFixed(0)} ms`,
    `${sum(({ skippedFrames }) => skippedFrames)} frames skipped in ${list.length} cuts`,
    `${sum(({ strayFrames }) => strayFrames)} stray`,
    edge === "in"
      ? `begins ${middle(({ lateMs }) => lateMs).toFixed(0)} ms late`
      : `repeats ${middle(({ repeatedFrames }) => repeatedFrames)} frames`,
    `${list.reduce((all, { stalls }) => all + stalls, 0)} stalls`,
  ].join("; ");
}
