/** The pages of bench/player.ts as it drives them: one for hls.js, one for video.js, opened and bundled here. */
import type { Browser, Page } from "playwright";
import { build } from "vite";
import { groupRuns, type Run, shownFrames } from "../e2e/frames.ts";
import type { InterludeServer } from "../e2e/server.ts";
import { embedWorker } from "../packages/plugin/embed-worker.ts";
import type { PlayerRun, Technique } from "./pages/run.ts";
import type { Content, WarmCreative } from "./player-media.ts";
import { recordScreen } from "./recorder.ts";

type Bundle = "hls" | "videojs";

/** A browser with one page at a time. */
export interface Stage {
  readonly page: Page;
  /** Starts a player and records the screen; returns the page's time at which it began, milliseconds. */
  readonly start: (run: PlayerRun, isRecorded?: boolean) => Promise<number>;
  readonly stop: () => Promise<void>;
  /** Of the players since the last start. */
  readonly stalls: () => Promise<number>;
}

/** What each part of the benchmark works with. */
export interface PlayerBench {
  readonly stage: Stage;
  readonly creative: WarmCreative;
  /** Runs of each; their median counts. */
  readonly times: number;
  readonly isWanted: (name: string) => boolean;
  readonly describeRun: (
    technique: Technique,
    content: Content,
    time: PlayerRun["time"],
    adTagUrl?: string,
  ) => PlayerRun;
}

/** @param proxy what every request of the page goes over */
export async function openStage(browser: Browser, server: InterludeServer, proxy?: URL): Promise<Stage> {
  const viewport = { width: 1280, height: 720 };
  const page = await browser.newPage({ viewport, ...(proxy ? { proxy: { server: proxy.href } } : {}) });
  const bundles = { hls: await bundlePage("hls"), videojs: await bundlePage("videojs") };
  let open: Bundle | undefined;
  const openFor = async (technique: Technique): Promise<void> => {
    const wanted = technique.startsWith("vhs") ? "videojs" : "hls";
    if (open === wanted) return;
    await page.goto(new URL("/healthz", server.url).href);
    await page.addScriptTag({ content: bundles[wanted] });
    open = wanted;
  };
  return {
    page,
    start: async (run, isRecorded = true) => {
      await openFor(run.technique);
      const begun = await page.evaluate((it) => window.startPlayer?.(it), run);
      if (begun === undefined) throw new Error("bench page: expected startPlayer, got none");
      if (isRecorded) await recordScreen(page);
      return begun;
    },
    stop: () => page.evaluate(() => window.stopPlayer?.()),
    stalls: () => page.evaluate(() => window.interludeStalls ?? 0),
  };
}

async function bundlePage(name: Bundle): Promise<string> {
  const output = await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "error",
    plugins: [embedWorker()],
    resolve: { conditions: ["interlude-source", "module", "browser"] },
    define: { "process.env.NODE_ENV": '"production"' },
    build: { write: false, lib: { entry: `pages/${name}.ts`, formats: ["iife"], name: "benchPage" } },
  });
  const [bundle] = Array.isArray(output) ? output : [output];
  if (!bundle || !("output" in bundle)) throw new Error("bench page: expected a bundle, got a watcher");
  return bundle.output[0].code;
}

/**
 * Plays until most of a second of content has been shown behind the ad. Nothing is asked of the page before that may be so.
 *
 * @param playMs nominal time until then
 * @throws Error naming what was on screen, where that is not content, ad and content
 */
export async function waitForBreak(
  page: Page,
  films: { readonly content: number; readonly ad: number },
  playMs: number,
): Promise<readonly [Run, Run, Run]> {
  const tries = 12;
  for (let left = tries; left > 0; left--) {
    await page.waitForTimeout(left === tries ? playMs : 1500);
    const runs = groupRuns(await shownFrames(page));
    const at = runs.findIndex(({ source }) => source === films.ad);
    const [before, ad, after] = at > 0 ? runs.slice(at - 1, at + 2) : [];
    if (before && ad && after?.source === films.content && after.frames.length >= 20) return [before, ad, after];
  }
  throw new Error(`expected content, ad and content on screen, got ${await describeScreen(page)}`);
}

/** Waits for the first frame of a film; returns the page's time at which it is on screen, milliseconds. */
export async function waitForFilm(page: Page, film: number): Promise<number> {
  for (let count = 3; count < 250; count *= 2) {
    const isShown = (wanted: number): boolean => (window.interludeFrames?.length ?? 0) >= wanted;
    await page.waitForFunction(isShown, count, { polling: 100, timeout: 20_000 });
    const shown = (await shownFrames(page)).find(({ source }) => source === film);
    if (shown) return shown.displayTime;
  }
  throw new Error(`expected film ${film} on screen, got ${await describeScreen(page)}`);
}

async function describeScreen(page: Page): Promise<string> {
  const runs = groupRuns(await shownFrames(page));
  return runs.map(({ source, frames }) => `film ${source} for ${frames.length} frames`).join(", ") || "nothing";
}
