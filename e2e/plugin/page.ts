/**
 * A publisher's page over e2e/plugin/world.ts: opens players with the plugin, tells what it did, and says by pixels what was on screen.
 */
import { expect, type Page } from "@playwright/test";
import { build, defaultClientConditions } from "vite";
import type { AdInsertionEvents, AdInsertionOptions } from "@interlude/plugin/hls";
import type { HlsConfig } from "hls.js";
import { embedWorker } from "../../packages/plugin/embed-worker.ts";
import { groupRuns, recordFrames, type Run, shownFrames } from "../frames.ts";
import { type ContentKind, FRAME_RATE } from "./catalog.ts";
import type { HostName, PageEvent, PlayerRun } from "./player-events.ts";
import type { World } from "./world.ts";

export type { HostName, PageEvent } from "./player-events.ts";

/** What {@link openPlayer} plays. */
export interface PlayerOptions {
  /** Default: hls.js. */
  readonly host?: HostName;
  /** A kind, or an address. Default: `ts`. */
  readonly content?: ContentKind | URL;
  /** Of the plugin, beside the world's zone; `none`: no plugin. */
  readonly options?: Partial<AdInsertionOptions> | "none";
  /** Options that are no text: runs in the page, and sees nothing but the page. */
  readonly pageOptions?: () => Partial<AdInsertionOptions>;
  readonly hlsConfig?: Partial<HlsConfig>;
  /** Default: true. */
  readonly muted?: boolean;
  /** Default: true. */
  readonly autoplay?: boolean;
}

type EventName = keyof AdInsertionEvents;

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="player.js"></script>';

let bundle: Promise<readonly { readonly fileName: string; readonly code: string }[]> | undefined;

/** Opens the page, starts a player, and records its frames. Resolves when playback has been asked for. */
export async function openPlayer(page: Page, world: World, wanted: PlayerOptions = {}): Promise<void> {
  await openPage(page, world);
  await addPlayer(page, world, wanted);
  await recordFrames(page);
}

/** Opens the page; no player is there yet. */
export async function openPage(page: Page, world: World): Promise<void> {
  for (const { fileName, code } of await (bundle ??= bundlePage()))
    world.answer(`/page/${fileName}`, { body: code, type: "text/javascript" });
  world.answer("/page/", { body: PAGE, type: "text/html" });
  await page.goto(world.pageUrl.href);
  await page.waitForFunction(() => window.startInterludePlayer !== undefined);
}

/** Starts one more player. */
export async function addPlayer(page: Page, world: World, wanted: PlayerOptions = {}): Promise<void> {
  const {
    host = "hls.js",
    content = "ts",
    options = {},
    pageOptions,
    hlsConfig,
    muted = true,
    autoplay = true,
  } = wanted;
  const contentUrl = content instanceof URL ? content.href : world.contentUrl(content);
  const run: PlayerRun = {
    host,
    contentUrl,
    muted,
    autoplay,
    ...(options === "none" ? {} : { options: { zoneUrl: world.zoneUrl, ...options } }),
    ...(hlsConfig && { hlsConfig }),
  };
  const source = pageOptions ? `(${pageOptions.toString()})()` : "undefined";
  const more = await page.evaluateHandle<Partial<AdInsertionOptions>>(source);
  const text = JSON.stringify(run);
  await page.evaluate(({ json, extra }) => window.startInterludePlayer?.(JSON.parse(json), extra), {
    json: text,
    extra: more,
  });
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
        input: "player.ts",
        output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      },
    },
    base: "..",
  });
  const outputs = Array.isArray(built) ? built : "output" in built ? [built] : [];
  return outputs.flatMap(({ output }) => output.flatMap((item) => (item.type === "chunk" ? [item] : [])));
}

/** All events of the plugin, of the page's first player or another. */
export async function events(page: Page, index = 0): Promise<readonly PageEvent[]> {
  return page.evaluate((at) => window.interludePlayers?.[at]?.events ?? [], index);
}

/** What the player complained about. */
export async function errors(page: Page, index = 0): Promise<readonly string[]> {
  return page.evaluate((at) => window.interludePlayers?.[at]?.errors ?? [], index);
}

/** As the plugin tells it. */
export async function contentTime(page: Page, index = 0): Promise<number> {
  return page.evaluate((at) => window.interludePlayers?.[at]?.insertion?.contentTime ?? Number.NaN, index);
}

/**
 * Waits for an event whose members include these.
 *
 * @param count how many of them; the last is returned
 */
export async function waitForEvent(
  page: Page,
  name: EventName,
  members: Readonly<Record<string, unknown>> = {},
  count = 1,
): Promise<PageEvent> {
  const found = await page.waitForFunction(
    (wanted) => {
      const isWanted = ({ name: one, event }: PageEvent): boolean =>
        one === wanted.name &&
        Object.entries(wanted.members).every(([key, value]) => JSON.stringify(event[key]) === JSON.stringify(value));
      return window.interludePlayers?.[0]?.events.filter(isWanted)[wanted.count - 1];
    },
    { name, members, count },
    { timeout: 60_000 },
  );
  const event = await found.jsonValue();
  if (event === undefined) throw new Error(`expected ${name}, got none`);
  return event;
}

/** Moves the playhead to a time of the element; resolves when the frame there is decoded. */
export async function seekTo(page: Page, streamTime: number): Promise<void> {
  await page.locator("video").evaluate(async (video: HTMLVideoElement, to) => {
    const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = to;
    await seeked;
  }, streamTime);
}

/** Waits until the element has played past a time, or has ended. */
export async function playPast(page: Page, streamTime: number): Promise<void> {
  await page.waitForFunction(
    (until) => {
      const video = document.querySelector("video");
      return video !== null && (video.currentTime >= until || video.ended);
    },
    streamTime,
    { timeout: 60_000 },
  );
}

/** Frames that were on screen, from the film or ad `source`; absent: wherever the recording began or ended. */
export interface ExpectedRun {
  readonly source: number;
  readonly from?: number;
  readonly to?: number;
}

/** Frames that a machine under load may not compose at an edge. */
const EDGE = FRAME_RATE / 4;
/** Seconds. */
const DRIFT = 0.2;

/**
 * Which films were on screen in which order since the recording began, and nothing else: each from and to its frame, less what a loaded
 * machine does not compose, and each frame where it belongs, so that no time was lost or shown twice.
 */
export async function expectRuns(page: Page, expected: readonly ExpectedRun[]): Promise<readonly Run[]> {
  const runs = groupRuns(await shownFrames(page));
  expect(runs.map(({ source }) => source)).toEqual(expected.map(({ source }) => source));
  let begin: number | undefined;
  for (const [index, { source, from, to }] of expected.entries()) {
    const frames = runs[index]?.frames ?? [];
    const [first, last] = [frames[0], frames.at(-1)];
    if (!first || !last) throw new Error(`film ${source}: expected frames, got none`);
    const what = `film ${source}, run ${index + 1}`;
    if (from !== undefined) expectBetween(first.frame, from, from + EDGE, `${what}: first frame`);
    if (to !== undefined) expectBetween(last.frame, to - EDGE, to, `${what}: last frame`);
    begin ??= first.mediaTime - first.frame / FRAME_RATE;
    for (const { frame, mediaTime } of frames) {
      const late = mediaTime - begin - frame / FRAME_RATE;
      expect(Math.abs(late), `${what}: frame ${frame} at ${mediaTime} s is ${late} s off`).toBeLessThan(DRIFT);
    }
    const next = expected[index + 1];
    // where the next film's frame 0 belongs
    const cut = begin + ((to ?? last.frame) + 1) / FRAME_RATE;
    begin = next?.from === undefined ? undefined : cut - next.from / FRAME_RATE;
  }
  return runs;
}

function expectBetween(value: number, least: number, most: number, what: string): void {
  expect(value, what).toBeGreaterThanOrEqual(Math.floor(least));
  expect(value, what).toBeLessThanOrEqual(Math.ceil(most));
}
