/**
 * What ads cost the viewer, in Chromium on real media: both edges of a warm mid-roll and the start-up with a warm pre-roll, ours beside
 * what pages do today; the main thread's time and the bytes.
 *
 * Definitions and method: docs/measuring.md, budgets: DESIGN §11. Run alone: `npm run bench -- player [--quick] [--only <part of a name>]`.
 */
import { chromium } from "playwright";
import catalog from "../demo/catalog.json" with { type: "json" };
import { type InterludeServer, startInterlude } from "../e2e/server.ts";
import { benchCuts, CUT_SERIES } from "./player-cuts.ts";
import { benchLoad } from "./player-load.ts";
import { contentUrl, CREATIVE_DURATION, makeContents, warm, type WarmCreative } from "./player-media.ts";
import { openStage, type PlayerBench } from "./player-page.ts";
import { benchStartUp } from "./player-start.ts";
import type { Row } from "./table.ts";

export interface PlayerBenchOptions {
  /** Two runs of each instead of ten: to see that everything works, not to measure. */
  readonly quick: boolean;
  /** Only what has this in its name. */
  readonly only: string;
}

/** Rows for the table. */
export async function benchPlayer({ quick, only }: PlayerBenchOptions): Promise<readonly Row[]> {
  const server = await startInterlude();
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    args: ["--autoplay-policy=no-user-gesture-required"],
  });
  try {
    await makeContents();
    const creative = await warm(server);
    const bench: PlayerBench = {
      stage: await openStage(browser, server),
      creative,
      times: quick ? 2 : 10,
      isWanted: (name) => name.includes(only),
      describeRun: createDescriber(server, creative),
    };
    const rows: Row[] = [];
    for (const series of CUT_SERIES) rows.push(...(await benchCuts(bench, series)));
    return [...rows, ...(await benchStartUp(bench)), ...(await benchLoad(bench))];
  } finally {
    await browser.close();
    await server.stop();
  }
}

function createDescriber(server: InterludeServer, creative: WarmCreative): PlayerBench["describeRun"] {
  const { fileUrl, playlistUrl } = creative;
  const zoneUrl = new URL(`/v1/zones/${catalog.zone}.json`, server.url).href;
  return (technique, content, time, adTagUrl = creative.adTagUrl) => ({
    technique,
    contentUrl: contentUrl(server, content),
    time,
    ad: { zoneUrl, adTagUrl, playlistUrl, fileUrl, duration: CREATIVE_DURATION },
  });
}
