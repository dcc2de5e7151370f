/**
 * A publisher's page with video.js over e2e/plugin/world.ts. What e2e/plugin/page.ts says of its page it says of this one too: events,
 * frames, runs.
 */
import type { Page } from "@playwright/test";
import { build, defaultClientConditions } from "vite";
import type { AdInsertionOptions } from "@interlude/plugin/videojs";
import { embedWorker } from "../../packages/plugin/embed-worker.ts";
import { recordFrames } from "../frames.ts";
import type { ContentKind } from "./catalog.ts";
import type { World } from "./world.ts";
import type { VideoJsRun } from "./videojs-player.ts";

export interface VideoJsOptions extends Omit<VideoJsRun, "contentUrl" | "options" | "engine"> {
  /** Default: VHS. */
  readonly engine?: VideoJsRun["engine"];
  /** A kind, or an address. Default: `ts`. */
  readonly content?: ContentKind | URL;
  /** Of the plugin, beside the world's zone. */
  readonly options?: Partial<AdInsertionOptions>;
  /** Default: true. */
  readonly hasPlugin?: boolean;
}

/** What a busy machine needs to decide all breaks before the first playlist. */
export const PATIENT = {
  startBudgetMs: 20_000,
  zoneTimeoutMs: 20_000,
  probeTimeoutMs: 20_000,
  adTimeoutMs: 20_000,
} as const;

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="videojs-player.js"></script>';

let bundle: Promise<readonly { readonly fileName: string; readonly code: string }[]> | undefined;

/** Opens the page, starts a player, and records the frames of the page's first video. */
export async function openVideoJs(page: Page, world: World, wanted: VideoJsOptions = {}): Promise<void> {
  for (const { fileName, code } of await (bundle ??= bundlePage()))
    world.answer(`/page/${fileName}`, { body: code, type: "text/javascript" });
  world.answer("/page/videojs", { body: PAGE, type: "text/html" });
  await page.goto(new URL("videojs", world.pageUrl).href);
  await page.waitForFunction(() => window.startVideoJs !== undefined);
  await addVideoJs(page, world, wanted);
  await recordFrames(page);
}

/** Starts one more player. */
export async function addVideoJs(page: Page, world: World, wanted: VideoJsOptions = {}): Promise<void> {
  const { content = "ts", engine = "vhs", options, hasPlugin = true, ...more } = wanted;
  const contentUrl = content instanceof URL ? content.href : world.contentUrl(content);
  const ads = hasPlugin ? { options: { zoneUrl: world.zoneUrl, ...options } } : {};
  const run: VideoJsRun = { ...more, engine, contentUrl, ...ads };
  await page.evaluate((json) => window.startVideoJs?.(JSON.parse(json)), JSON.stringify(run));
}

async function bundlePage(): Promise<readonly { readonly fileName: string; readonly code: string }[]> {
  const built = await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "error",
    plugins: [embedWorker()],
    resolve: { conditions: ["interlude-source", ...defaultClientConditions] },
    build: {
      write: false,
      target: "es2023",
      minify: false,
      modulePreload: false,
      chunkSizeWarningLimit: 5000,
      rolldownOptions: {
        input: "videojs-player.ts",
        output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      },
    },
    base: "..",
  });
  const outputs = Array.isArray(built) ? built : "output" in built ? [built] : [];
  return outputs.flatMap(({ output }) => output.flatMap((item) => (item.type === "chunk" ? [item] : [])));
}
