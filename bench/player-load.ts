/** What a page works and loads while it plays: content, a mid-roll and content again, without any recording. */
import type { CDPSession } from "playwright";
import type { Technique } from "./pages/run.ts";
import type { PlayerBench } from "./player-page.ts";
import { TECHNIQUE } from "./player-cuts.ts";
import { median, type Row } from "./table.ts";

/** Seconds of the content before the break, and of the whole measurement: the break and what follows is in it. */
const MID_ROLL = 4;
const PLAYED = 20;

interface Load {
  /** Milliseconds of the main thread per minute. */
  readonly taskMs: number;
  readonly scriptMs: number;
  /** Of everything that came over the network. */
  readonly bytes: number;
}

const SERIES: readonly {
  readonly what: string;
  readonly techniques: readonly [Technique, Technique, ...Technique[]];
}[] = [
  { what: "hls.js", techniques: ["none", "in-line", "interstitial-list", "interstitial-uri", "overlay"] },
  { what: "video.js over VHS", techniques: ["vhs", "vhs-in-line", "vhs-contrib-ads"] },
];

/** Rows for the table. */
export async function benchLoad(bench: PlayerBench): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { what, techniques } of SERIES) {
    const name = `${what}: main thread per minute with a mid-roll`;
    if (!bench.isWanted(name)) continue;
    const measured = new Map(techniques.map((technique): [Technique, Load[]] => [technique, []]));
    for (let i = 0; i < Math.max(1, bench.times / 2); i++)
      for (const technique of techniques) measured.get(technique)?.push(await measureLoad(bench, technique));
    const middle = (technique: Technique, read: (load: Load) => number): number =>
      median((measured.get(technique) ?? []).map(read));
    const [plain, ours, ...theirs] = techniques;
    const describe = (technique: Technique): string =>
      `script ${middle(technique, ({ scriptMs }) => scriptMs).toFixed(0)} ms, ${(middle(technique, ({ bytes }) => bytes) / 1e6).toFixed(2)} MB loaded in ${PLAYED} s`;
    for (const technique of [plain, ...theirs]) {
      const [our, their] = [middle(ours, ({ taskMs }) => taskMs), middle(technique, ({ taskMs }) => taskMs)];
      rows.push({
        name,
        ours: `${our.toFixed(0)} ms`,
        theirs: `${their.toFixed(0)} ms (${TECHNIQUE[technique]})`,
        ratio: (our / their).toFixed(2),
        budget: "-",
        note: `ours: ${describe(ours)}; theirs: ${describe(technique)}`,
      });
    }
  }
  return rows;
}

async function measureLoad({ stage, describeRun }: PlayerBench, technique: Technique): Promise<Load> {
  const session = await stage.page.context().newCDPSession(stage.page);
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  try {
    // opens the page, which is not part of it
    await stage.start(describeRun(technique, "stock", MID_ROLL), false);
    await stage.stop();
    const before = await readMetrics(session);
    bytes = 0;
    await stage.start(describeRun(technique, "stock", MID_ROLL), false);
    await stage.page.waitForTimeout(PLAYED * 1000);
    const after = await readMetrics(session);
    const perMinute = (60 / PLAYED) * 1000;
    return {
      taskMs: (after.task - before.task) * perMinute,
      scriptMs: (after.script - before.script) * perMinute,
      bytes,
    };
  } finally {
    await stage.stop();
    await session.detach();
  }
}

/** Seconds. */
async function readMetrics(session: CDPSession): Promise<{ readonly task: number; readonly script: number }> {
  const { metrics } = await session.send("Performance.getMetrics");
  const read = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return { task: read("TaskDuration"), script: read("ScriptDuration") };
}
