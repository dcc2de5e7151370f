/**
 * Creatives that the page makes itself, in the shapes that are published: as modules, and as one file for a script tag, which has the code
 * for it in another file, beside it or where `remuxUrl` says. Segments are made in a worker; where the page's policy forbids workers, on
 * the page's own thread.
 *
 * @see docs/plugin/csp-cors.md
 */
import { expect, type Page, test } from "@playwright/test";
import { recordFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { playPast, waitForEvent } from "../plugin/page.ts";
import { answerPublished } from "../plugin/published.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { answerCold, COLD_AD, expectAccounted, expectContentAlone, expectWhole } from "./cold.ts";
import { CREATIVE_DURATION, findCreative } from "./creatives.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
  await answerPublished(world);
});
test.afterEach(() => world.close());

const CREATIVE = findCreative("01-pyramid.mp4");
const BESIDE = "/lib/interlude-remux.min.js";
const ELSEWHERE = "/elsewhere/remux.js";
const NOWHERE = "/nowhere/remux.js";

declare global {
  interface Window {
    /** Of all workers. */
    workerMessages?: number;
  }
}

type Shape = "modules" | "script tag";

interface Wanted {
  readonly shape: Shape;
  /** By the page's policy. */
  readonly workers: "allowed" | "forbidden";
  /** Undefined: the option is not there. */
  readonly remuxUrl: string | undefined;
}

const LOADED: Readonly<Record<Shape, string>> = {
  modules: `import { createAdInsertion } from "/lib/interlude/hls.js";`,
  "script tag": `const { createAdInsertion } = interlude;`,
};

function formatPage({ shape, workers, remuxUrl }: Wanted, adTagUrl: string): string {
  const options = JSON.stringify({ zoneUrl: world.zoneUrl, adTagUrl, remuxUrl, firstEncounter: ["remux", "skip"] });
  const forbidden = `<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">`;
  return `<!doctype html>
    ${workers === "forbidden" ? forbidden : ""}
    <link rel="icon" href="data:,">
    <video muted playsinline></video>
    <script src="/lib/hls.js"></script>
    ${shape === "script tag" ? `<script src="/lib/interlude.min.js"></script>` : ""}
    <script type="module">
      ${LOADED[shape]}
      const insertion = createAdInsertion(${options});
      const events = [];
      for (const name of ["adcomplete", "adencounter", "adskip"])
        insertion.on(name, (event) => events.push({ name, event }));
      window.interludePlayers = [{ events }];
      const hls = new Hls({ enableWorker: false, ...insertion.hlsConfig });
      insertion.attach(hls);
      hls.loadSource(${JSON.stringify(world.contentUrl("ts"))});
      hls.attachMedia(document.querySelector("video"));
    </script>`;
}

async function play(page: Page, wanted: Wanted, adTagUrl: string): Promise<void> {
  await page.addInitScript(countMessages);
  world.answer("/page/", { body: formatPage(wanted, adTagUrl), type: "text/html" });
  await page.goto(world.pageUrl.href);
  await recordFrames(page);
  await page.evaluate(() => void document.querySelector("video")?.play());
}

/** Runs in the page: a worker that its policy forbids can be begun, and says nothing. */
function countMessages(): void {
  window.workerMessages = 0;
  window.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", () => (window.workerMessages = (window.workerMessages ?? 0) + 1));
    }
  };
}

interface Cell extends Wanted {
  /** What the page loads to make the ad. */
  readonly loaded: RegExp;
}

const CELLS: readonly Cell[] = [
  { shape: "modules", workers: "allowed", remuxUrl: undefined, loaded: /^\/lib\/interlude\/remux\b/ },
  { shape: "modules", workers: "forbidden", remuxUrl: undefined, loaded: /^\/lib\/interlude\/make-here\.js$/ },
  { shape: "script tag", workers: "allowed", remuxUrl: undefined, loaded: new RegExp(`^${BESIDE}$`) },
  { shape: "script tag", workers: "forbidden", remuxUrl: undefined, loaded: new RegExp(`^${BESIDE}$`) },
  { shape: "script tag", workers: "allowed", remuxUrl: ELSEWHERE, loaded: new RegExp(`^${ELSEWHERE}$`) },
];

for (const cell of selectCells(CELLS, CELLS.slice(1, 3))) {
  const { shape, workers, remuxUrl, loaded } = cell;
  const name = `${shape}, workers ${workers}, ${remuxUrl ? "by remuxUrl" : "without remuxUrl"}`;
  test(`${name}: an ad that the page makes plays whole`, async ({ page }) => {
    if (remuxUrl) await moveBeside(remuxUrl);
    const { adTagUrl } = await answerCold(world, CREATIVE);
    await play(page, cell, adTagUrl);
    await playPast(page, CREATIVE_DURATION + 0.5);
    await expectWhole(page, CREATIVE);
    await expectAccounted(page, world);
    const isMadeByWorker = await page.evaluate(() => (window.workerMessages ?? 0) > 0);
    expect(isMadeByWorker).toBe(workers === "allowed");
    expect(world.requests.filter(({ path }) => loaded.test(path)).length).toBeGreaterThan(0);
  });
}

async function moveBeside(path: string): Promise<void> {
  const body = await (await fetch(new URL(BESIDE, world.url))).text();
  world.answer(path, { body, type: "text/javascript" });
  world.answer(BESIDE, { status: 404 });
}

test("script tag, nothing at remuxUrl: the ad is skipped, told with the address, and the content plays", async ({
  page,
}) => {
  const { adTagUrl } = await answerCold(world, CREATIVE);
  await play(page, { shape: "script tag", workers: "allowed", remuxUrl: NOWHERE }, adTagUrl);
  const { event } = await waitForEvent(page, "adskip", { adId: COLD_AD, reason: "media-unavailable" });
  expect(event["message"]).toContain(NOWHERE);
  await playPast(page, 1.5);
  await expectContentAlone(page);
  await expectAccounted(page, world);
});
