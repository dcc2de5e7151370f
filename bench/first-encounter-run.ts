/** What bench/first-encounter.ts plays: creatives that nobody has seen, and how long their first frame takes. */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright";
import catalog from "../demo/catalog.json" with { type: "json" };
import type { InterludeServer } from "../e2e/server.ts";
import type { PlayerRun, Technique } from "./pages/run.ts";
import { contentUrl, CREATIVE, CREATIVE_DURATION, FILMS, type WarmCreative } from "./player-media.ts";
import { openStage, type Stage, waitForFilm } from "./player-page.ts";
import type { SlowLink } from "./slow-link.ts";

const MEDIA = join(import.meta.dirname, "../.interlude/media");
const LARGE_KBPS = 4650;

export interface Bench {
  readonly browser: Browser;
  readonly makes: InterludeServer;
  /** Without repackaging: a creative stays cold however often it is asked for. */
  readonly makesNone: InterludeServer;
  readonly creative: WarmCreative;
  readonly times: number;
  readonly isWanted: (name: string) => boolean;
}

/** The demo's ad in the size that ad servers send, key frames each two seconds, tables in front; as a path below the media. */
export const LARGE = "bench/large.mp4";
export const LARGE_FILE: string = join(MEDIA, LARGE);

/** Makes it, and waits for it. */
export async function makeLarge(): Promise<void> {
  const source = join(MEDIA, "..", catalog.creatives.find(({ id }) => id === CREATIVE)?.url ?? "");
  const rate = `${LARGE_KBPS}k`;
  const x264 = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-profile:v",
    "high",
    "-bf",
    "3",
    "-g",
    "50",
    "-sc_threshold",
    "0",
  ];
  // a picture of few colours takes fewer bits than an ad's: filler makes up for it
  const bits = ["-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-x264-params", "nal-hrd=cbr:filler=1"];
  await mkdir(join(LARGE_FILE, ".."), { recursive: true });
  const args = [
    "-v",
    "error",
    "-y",
    "-i",
    source,
    "-vf",
    "scale=1920:1080",
    ...x264,
    ...bits,
    "-c:a",
    "aac",
    "-b:a",
    "128k",
  ];
  await promisify(execFile)(process.env["FFMPEG_PATH"] ?? "ffmpeg", [...args, "-movflags", "+faststart", LARGE_FILE]);
}

let runs = 0;

/** One that nobody has seen: of each run another one. */
export function nameCreative(server: InterludeServer, path: string): string {
  runs++;
  return new URL(`/media/${path}?run=${runs}`, server.url).href;
}

export function describeRun(
  server: InterludeServer,
  technique: Technique,
  fileUrl: string,
  playlistUrl = "",
): PlayerRun {
  const zoneUrl = new URL(`/v1/zones/${catalog.zone}.json`, server.url).href;
  const file = `<MediaFile delivery="progressive" type="video/mp4" width="1280" height="720"><![CDATA[${fileUrl}]]></MediaFile>`;
  const duration = `00:00:${CREATIVE_DURATION}`;
  const linear = `<Linear><Duration>${duration}</Duration><MediaFiles>${file}</MediaFiles></Linear>`;
  const inline = `<AdSystem>bench</AdSystem><AdTitle>cold</AdTitle><Impression></Impression><Creatives><Creative>${linear}</Creative></Creatives>`;
  const vast = `<VAST version="3.0"><Ad id="1"><InLine>${inline}</InLine></Ad></VAST>`;
  const ad = { zoneUrl, adTagUrl: "", vast, playlistUrl, fileUrl, duration: CREATIVE_DURATION };
  return { technique, contentUrl: contentUrl(server, "stock"), time: "start", ad };
}

export interface Start {
  /** From the call that starts the player to the ad's first frame. */
  readonly ms: number;
  /** When that was, Unix milliseconds. */
  readonly at: number;
}

export async function measureStart(stage: Stage, run: PlayerRun): Promise<Start> {
  const begun = await stage.start(run);
  try {
    const shown = await waitForFilm(stage.page, FILMS.ad);
    return { ms: shown - begun, at: shown + (await stage.page.evaluate(() => performance.timeOrigin)) };
  } finally {
    await stage.stop();
  }
}

export async function openUncached(bench: Bench, server: InterludeServer, link?: SlowLink): Promise<Stage> {
  const stage = await openStage(bench.browser, server, link?.url);
  const session = await stage.page.context().newCDPSession(stage.page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  return stage;
}

export const formatMs = (ms: number): string => `${ms.toFixed(0)} ms`;
