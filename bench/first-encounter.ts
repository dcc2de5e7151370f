/**
 * What the first viewer of a creative waits for: from the call that starts a player to the first frame of a pre-roll whose creative has
 * no copy yet, repackaged in the page, beside the same ad warm and beside a `<video>` that plays the file; on loopback and over slow
 * links, with the bytes that it took; and with the copy waited for.
 *
 * Budgets: DESIGN §11. Run alone: `npm run bench -- first-encounter [--quick] [--only <part of a name>]`.
 */
import { chromium } from "playwright";
import { startInterlude } from "../e2e/server.ts";
import { benchLinks } from "./first-encounter-links.ts";
import {
  type Bench,
  describeRun,
  formatMs,
  makeLarge,
  measureStart,
  nameCreative,
  openUncached,
} from "./first-encounter-run.ts";
import { TECHNIQUE } from "./player-cuts.ts";
import { makeContents, warm } from "./player-media.ts";
import { median, type Row, verdict } from "./table.ts";

export interface FirstEncounterOptions {
  /** Two runs of each instead of ten. */
  readonly quick: boolean;
  /** Only what has this in its name. */
  readonly only: string;
}

/** Rows for the table. */
export async function benchFirstEncounter({ quick, only }: FirstEncounterOptions): Promise<readonly Row[]> {
  const makes = await startInterlude();
  const makesNone = await startInterlude({ INTERLUDE_CRS: "off" });
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    args: ["--autoplay-policy=no-user-gesture-required"],
  });
  try {
    await makeContents();
    await makeLarge();
    const creative = await warm(makes);
    const bench: Bench = {
      browser,
      makes,
      makesNone,
      creative,
      times: quick ? 2 : 10,
      isWanted: (name) => name.includes(only),
    };
    return [...(await benchLoopback(bench)), ...(await benchLinks(bench)), ...(await benchWait(bench))];
  } finally {
    await browser.close();
    await makes.stop();
    await makesNone.stop();
  }
}

async function benchLoopback(bench: Bench): Promise<readonly Row[]> {
  const name = "first encounter: pre-roll's first frame, loopback";
  if (!bench.isWanted(name)) return [];
  const { makes, makesNone, creative, times } = bench;
  const [warmStage, coldStage] = [await openUncached(bench, makes), await openUncached(bench, makesNone)];
  const measured: Record<"warm" | "remux" | "overlay", number[]> = { warm: [], remux: [], overlay: [] };
  // the first round warms pages and servers
  for (let i = -1; i < times; i++) {
    const path = new URL(creative.fileUrl).pathname.replace("/media/", "");
    const known = describeRun(makes, "in-line", creative.fileUrl, creative.playlistUrl);
    const one = {
      warm: (await measureStart(warmStage, known)).ms,
      remux: (await measureStart(coldStage, describeRun(makesNone, "remux", nameCreative(makesNone, path)))).ms,
      overlay: (await measureStart(coldStage, describeRun(makesNone, "overlay", nameCreative(makesNone, path)))).ms,
    };
    if (i < 0) continue;
    measured.warm.push(one.warm);
    measured.remux.push(one.remux);
    measured.overlay.push(one.overlay);
  }
  await Promise.all([warmStage.page.close(), coldStage.page.close()]);
  const [ours, copy, overlay] = [median(measured.remux), median(measured.warm), median(measured.overlay)];
  const row = (theirs: number, who: string, budget: string, note: string): Row => ({
    name,
    ours: formatMs(ours),
    theirs: `${formatMs(theirs)} (${who})`,
    ratio: (ours / theirs).toFixed(2),
    budget,
    note,
  });
  return [
    row(
      copy,
      "the same ad, its copy on the CDN",
      "≤ 2×",
      verdict(ours <= 2 * copy, "an MP4 without a copy, repackaged in the page"),
    ),
    row(overlay, TECHNIQUE.overlay, "-", "as IMA would play it"),
  ];
}

async function benchWait(bench: Bench): Promise<readonly Row[]> {
  const name = "first encounter: pre-roll's first frame, waiting for its copy";
  if (!bench.isWanted(name)) return [];
  const stage = await openUncached(bench, bench.makes);
  const path = new URL(bench.creative.fileUrl).pathname.replace("/media/", "");
  const times = Math.min(3, bench.times);
  const measured: number[] = [];
  let lost = "";
  for (let i = 0; i < times; i++) {
    const run = describeRun(bench.makes, "wait", nameCreative(bench.makes, path));
    await measureStart(stage, run).then(
      ({ ms }) => measured.push(ms),
      // the content's picture instead
      (cause: unknown) => (lost = `; lost: ${String(cause)}`),
    );
  }
  await stage.page.close();
  return [
    {
      name,
      ours: formatMs(median(measured)),
      theirs: "-",
      ratio: "-",
      budget: "≤ 2500 ms + what a start takes",
      note: `${measured.length} of ${times} played; the repackager works on the same processors as the player${lost}`,
    },
  ];
}
