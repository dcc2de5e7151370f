/**
 * What ads cost the viewer, in Chromium on real media: excess freeze and skipped frames at both edges of a warm mid-roll, and
 * start-up with a warm pre-roll against the same content without the plugin, on loopback and at 40 ms round trip.
 *
 * Definitions: DESIGN §11. Run alone: `npm run bench -- player`.
 */
import { chromium, type Page } from "playwright";
import { build } from "vite";
import catalog from "../demo/catalog.json" with { type: "json" };
import { groupRuns, measureCut, recordFrames, type Run, shownFrames } from "../e2e/frames.ts";
import { type InterludeServer, startInterlude } from "../e2e/server.ts";
import { type Content, contentUrl, CREATIVE, CREATIVE_DURATION, makeContents, warm } from "./player-media.ts";
import type { PlayerRun } from "./player-page.ts";
import { median, type Row } from "./table.ts";

const FRAME_MS = 40;
const MID_ROLL = 4;
/** The content's frame that is due behind the ad. */
const RESUME = (MID_ROLL * 1000) / FRAME_MS;
const AD_FRAMES = (CREATIVE_DURATION * 1000) / FRAME_MS;
const TIMES = 10;

/** Rows for the table; `times` runs of each, alternating. */
export async function benchPlayer(times = TIMES): Promise<readonly Row[]> {
  const server = await startInterlude();
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    args: ["--autoplay-policy=no-user-gesture-required"],
  });
  try {
    await makeContents();
    const firstLayerTag = await warm(server);
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(new URL("/healthz", server.url).href);
    await page.addScriptTag({ content: await bundlePage() });
    const rows: Row[] = [];
    for (const series of SERIES) {
      const adTagUrl = series.isFirstLayer ? firstLayerTag : ladderTag(server);
      if (adTagUrl === undefined) throw new Error("bench: expected a first layer before the ladder, saw none");
      rows.push(...(await benchCuts(page, server, times, { ...series, adTagUrl })));
    }
    return [...rows, ...(await benchStartUp(page, server, times))];
  } finally {
    await browser.close();
    await server.stop();
  }
}

interface CutSeries {
  readonly content: Content;
  readonly what: string;
  /** What the budget asks of the freeze, ms. */
  readonly budgetMs: number;
  readonly isFirstLayer?: boolean;
}

const SERIES: readonly CutSeries[] = [
  { content: "plain", what: "TS without B-frames, ladder", budgetMs: 40 },
  { content: "stock", what: "TS as ffmpeg makes it, ladder", budgetMs: 40 },
  { content: "stock", what: "TS as ffmpeg makes it, first layer", budgetMs: 130, isFirstLayer: true },
];

async function bundlePage(): Promise<string> {
  const output = await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["interlude-source", "module", "browser"] },
    build: { write: false, lib: { entry: "player-page.ts", formats: ["iife"], name: "benchPage" } },
  });
  const [bundle] = Array.isArray(output) ? output : [output];
  if (!bundle || !("output" in bundle)) throw new Error("bench page: expected a bundle, got a watcher");
  return bundle.output[0].code;
}

function ladderTag(server: InterludeServer): string {
  return new URL(`/ads/vast?zone=${catalog.zone}&li=${CREATIVE}`, server.url).href;
}

function runOf(
  server: InterludeServer,
  content: Content,
  ad?: { readonly time: number | "start"; readonly adTagUrl: string },
): PlayerRun {
  const run = { contentUrl: contentUrl(server, content) };
  const zoneUrl = new URL(`/v1/zones/${catalog.zone}.json`, server.url).href;
  return ad ? { ...run, ads: { zoneUrl, ...ad } } : run;
}

async function start(page: Page, run: PlayerRun): Promise<number> {
  const ms = await page.evaluate((it) => window.startPlayer?.(it), run);
  if (ms === undefined) throw new Error("bench page: expected startPlayer, got none");
  return ms;
}

async function stop(page: Page): Promise<void> {
  await page.evaluate(() => window.stopPlayer?.());
}

async function benchCuts(
  page: Page,
  server: InterludeServer,
  times: number,
  { content, what, budgetMs, adTagUrl }: CutSeries & { readonly adTagUrl: string },
): Promise<readonly Row[]> {
  const cuts = { in: [] as ReturnType<typeof measureCut>[], out: [] as ReturnType<typeof measureCut>[] };
  let stalls = 0;
  for (let i = 0; i < times; i++) {
    await start(page, runOf(server, content, { time: MID_ROLL, adTagUrl }));
    await page.evaluate(() => delete window.interludeFrames);
    await recordFrames(page);
    const [before, ad, after] = await waitForBreak(page, what);
    cuts.in.push(measureCut(before, ad, { last: RESUME - 1, first: 0 }, FRAME_MS));
    cuts.out.push(measureCut(ad, after, { last: AD_FRAMES - 1, first: RESUME }, FRAME_MS));
    stalls += await page.evaluate(() => window.interludeStalls ?? 0);
    await stop(page);
  }
  const row = (name: string, list: readonly ReturnType<typeof measureCut>[]): Row => {
    const freeze = median(list.map((cut) => cut.excessFreezeMs));
    const skipped = list.reduce((sum, cut) => sum + cut.skippedFrames, 0);
    const switches = median(list.map((cut) => cut.switchMs));
    const note = `switch ${switches.toFixed(0)} ms; ${skipped} frames skipped in ${list.length} cuts; ${stalls} stalls`;
    return { name, ours: `${freeze.toFixed(0)} ms`, theirs: "-", ratio: "-", budget: `≤ ${budgetMs} ms`, note };
  };
  return [row(`${what}: content → ad, excess freeze`, cuts.in), row(`${what}: ad → content, excess freeze`, cuts.out)];
}

/** Plays until most of a second of content has been shown behind the ad. */
async function waitForBreak(page: Page, what: string): Promise<readonly [Run, Run, Run]> {
  const enough = MID_ROLL + CREATIVE_DURATION + 0.8;
  await page.waitForFunction((time) => (document.querySelector("video")?.currentTime ?? 0) > time, enough);
  const runs = groupRuns(await shownFrames(page));
  const [before, ad, after] = runs;
  if (before && ad && after) return [before, ad, after];
  throw new Error(
    `${what}: expected content, ad and content on screen, got films ${runs.map(({ source }) => source).join()}`,
  );
}

async function benchStartUp(page: Page, server: InterludeServer, times: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const preRoll = { time: "start", adTagUrl: ladderTag(server) } as const;
  const session = await page.context().newCDPSession(page);
  for (const latency of [0, 40]) {
    const condition = { offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 };
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await session.send("Network.emulateNetworkConditions", condition);
    await start(page, runOf(server, "stock", preRoll));
    await stop(page);
    const plain: number[] = [];
    const withAds: number[] = [];
    for (let i = 0; i < times; i++) {
      plain.push(await start(page, runOf(server, "stock")));
      await stop(page);
      withAds.push(await start(page, runOf(server, "stock", preRoll)));
      await stop(page);
    }
    const [theirs, ours] = [median(plain), median(withAds)];
    rows.push({
      name: `start-up with a warm pre-roll, ${latency} ms round trip`,
      ours: `${ours.toFixed(0)} ms`,
      theirs: `${theirs.toFixed(0)} ms (no ads)`,
      ratio: (ours / theirs).toFixed(2),
      budget: latency === 0 ? "≤ 1.1×" : `≤ ${(theirs + latency + 30).toFixed(0)} ms`,
      note: "first presented frame",
    });
  }
  return rows;
}
