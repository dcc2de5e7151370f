/**
 * What ads cost the viewer, in Chromium on real media: excess freeze and skipped frames at both edges of a warm mid-roll, and
 * start-up with a warm pre-roll against the same content without the plugin, on loopback and at 40 ms round trip.
 *
 * Definitions: DESIGN §11. Run alone: `npm run bench -- player`.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium, type Page } from "playwright";
import { build } from "vite";
import catalog from "../demo/catalog.json" with { type: "json" };
import { groupRuns, measureCut, recordFrames, type Run, shownFrames } from "../e2e/frames.ts";
import { type InterludeServer, startInterlude } from "../e2e/server.ts";
import type { PlayerRun } from "./player-page.ts";
import { median, type Row } from "./table.ts";

const FRAME_MS = 40;
const CREATIVE = "mp4";
const CREATIVE_DURATION = 10;
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
    await makeStockContent();
    await warm(server);
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(new URL("/healthz", server.url).href);
    await page.addScriptTag({ content: await bundlePage() });
    const rows: Row[] = [];
    for (const { content, what } of CONTENTS) rows.push(...(await benchCuts(page, server, times, content, what)));
    return [...rows, ...(await benchStartUp(page, server, times))];
  } finally {
    await browser.close();
    await server.stop();
  }
}

const MEDIA = join(import.meta.dirname, "../.interlude/media");
const STOCK = "bench";
const CONTENTS = [
  { content: "content", what: "content without B-frames" },
  { content: STOCK, what: "content as ffmpeg makes it" },
] as const;

/**
 * The film again as any packager would make it: x264's own settings with B-frames, ffmpeg's own mux delay. The demo's film has
 * neither, which would flatter the cuts.
 */
async function makeStockContent(): Promise<void> {
  const folder = join(MEDIA, STOCK);
  await mkdir(folder, { recursive: true });
  const keys = ["-force_key_frames", "expr:gte(t,n_forced*4)"];
  const video = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", ...keys];
  const hls = ["-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-master_pl_name", "master.m3u8"];
  const args = [
    "-v",
    "error",
    "-y",
    "-t",
    "32",
    "-i",
    "content/720/media.m3u8",
    ...video,
    "-c:a",
    "aac",
    "-ar",
    "48000",
    ...hls,
  ];
  const ffmpeg = process.env["FFMPEG_PATH"] ?? "ffmpeg";
  await promisify(execFile)(ffmpeg, [...args, `${STOCK}/media.m3u8`], { cwd: MEDIA });
}

/** Has the creative repackaged before anything is measured. */
async function warm(server: InterludeServer): Promise<void> {
  const creative = catalog.creatives.find(({ id }) => id === CREATIVE);
  const creativeUrl = new URL(creative?.url ?? "", server.url).href;
  const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/json" };
  const events = await fetch(new URL("/v1/events", server.url), { headers });
  const item = { zone: catalog.zone, creativeUrl, packaging: "hls", targetDuration: 4 };
  const body = JSON.stringify({ items: [item] });
  await fetch(new URL("/v1/repackage", server.url), { method: "POST", headers, body });
  let text = "";
  for await (const chunk of events.body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (text.includes('"state":"ready"')) return;
    if (text.includes('"state":"failed"')) throw new Error(`warming ${creativeUrl} failed: ${text}`);
  }
}

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

function runOf(server: InterludeServer, time?: number | "start", content = STOCK): PlayerRun {
  const contentUrl = new URL(`/media/${content}/master.m3u8`, server.url).href;
  if (time === undefined) return { contentUrl };
  const zoneUrl = new URL(`/v1/zones/${catalog.zone}.json`, server.url).href;
  const adTagUrl = new URL(`/ads/vast?zone=${catalog.zone}&li=${CREATIVE}`, server.url).href;
  return { contentUrl, ads: { zoneUrl, adTagUrl, time } };
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
  content: string,
  what: string,
): Promise<readonly Row[]> {
  const cuts = { in: [] as ReturnType<typeof measureCut>[], out: [] as ReturnType<typeof measureCut>[] };
  let stalls = 0;
  for (let i = 0; i < times; i++) {
    await start(page, runOf(server, MID_ROLL, content));
    await page.evaluate(() => delete window.interludeFrames);
    await recordFrames(page);
    const [before, ad, after] = await waitForBreak(page);
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
    return { name, ours: `${freeze.toFixed(0)} ms`, theirs: "-", ratio: "-", budget: "≤ 40 ms", note };
  };
  return [row(`${what} → ad, excess freeze`, cuts.in), row(`ad → ${what}, excess freeze`, cuts.out)];
}

/** Plays until most of a second of content has been shown behind the ad. */
async function waitForBreak(page: Page): Promise<readonly [Run, Run, Run]> {
  const enough = MID_ROLL + CREATIVE_DURATION + 0.8;
  await page.waitForFunction((time) => (document.querySelector("video")?.currentTime ?? 0) > time, enough);
  const [before, ad, after] = groupRuns(await shownFrames(page));
  if (before && ad && after) return [before, ad, after];
  throw new Error("expected content, ad and content on screen, got fewer films");
}

async function benchStartUp(page: Page, server: InterludeServer, times: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const session = await page.context().newCDPSession(page);
  for (const latency of [0, 40]) {
    const condition = { offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 };
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await session.send("Network.emulateNetworkConditions", condition);
    await start(page, runOf(server, "start"));
    await stop(page);
    const plain: number[] = [];
    const withAds: number[] = [];
    for (let i = 0; i < times; i++) {
      plain.push(await start(page, runOf(server)));
      await stop(page);
      withAds.push(await start(page, runOf(server, "start")));
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
