/**
 * From the call that starts a player to the first frame that the viewer came for: of the pre-roll, or of the content where there is none.
 * What is known of the ad is in the page: VAST and zone document for ours, the asset list or the address for theirs.
 */
import type { AdSource, Technique } from "./pages/run.ts";
import { TECHNIQUE } from "./player-cuts.ts";
import { FILMS } from "./player-media.ts";
import { type PlayerBench, waitForFilm } from "./player-page.ts";
import { median, type Row, verdict } from "./table.ts";

interface StartSeries {
  readonly what: string;
  readonly plain: Technique;
  readonly ours: Technique;
  readonly theirs: readonly Technique[];
  readonly hasBudget: boolean;
}

const SERIES: readonly StartSeries[] = [
  {
    what: "hls.js",
    plain: "none",
    ours: "in-line",
    theirs: ["interstitial-list", "interstitial-uri", "overlay"],
    hasBudget: true,
  },
  { what: "video.js over VHS", plain: "vhs", ours: "vhs-in-line", theirs: ["vhs-contrib-ads"], hasBudget: false },
];
/** Of a round trip, ms. */
const LATENCIES = [0, 40];

/** Rows for the table. */
export async function benchStartUp(bench: PlayerBench): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const session = await bench.stage.page.context().newCDPSession(bench.stage.page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  for (const latency of LATENCIES) {
    for (const series of SERIES) {
      const name = `${series.what}: start-up with a warm pre-roll, ${latency} ms round trip`;
      if (!bench.isWanted(name)) continue;
      const throughput = { downloadThroughput: -1, uploadThroughput: -1 };
      await session.send("Network.emulateNetworkConditions", { offline: false, latency, ...throughput });
      rows.push(...formatSeries(name, series, latency, await measureSeries(bench, series)));
    }
  }
  await session.detach();
  return rows;
}

async function measureSeries(
  bench: PlayerBench,
  { plain, ours, theirs }: StartSeries,
): Promise<ReadonlyMap<Technique, number>> {
  const techniques = [plain, ours, ...theirs];
  const inPage = await fetchInPage(bench);
  const measured = new Map(techniques.map((technique): [Technique, number[]] => [technique, []]));
  // the first round warms the page and the server
  for (let i = -1; i < bench.times; i++) {
    for (const technique of techniques) {
      const ms = await measureStart(bench, inPage, technique, technique === plain ? FILMS.content : FILMS.ad);
      if (i >= 0) measured.get(technique)?.push(ms);
    }
  }
  return new Map([...measured].map(([technique, list]) => [technique, median(list)]));
}

/** What a page carries that the publisher's server has made. */
async function fetchInPage({ creative, describeRun }: PlayerBench): Promise<Pick<AdSource, "vast" | "zone">> {
  const { zoneUrl } = describeRun("in-line", "stock", "start").ad;
  const [vast, zone] = await Promise.all([fetch(creative.adTagUrl), fetch(zoneUrl)]);
  return { vast: await vast.text(), zone: await zone.json() };
}

async function measureStart(
  { stage, describeRun }: PlayerBench,
  inPage: Pick<AdSource, "vast" | "zone">,
  technique: Technique,
  film: number,
): Promise<number> {
  const run = describeRun(technique, "stock", "start");
  const begun = await stage.start({ ...run, ad: { ...run.ad, ...inPage } });
  try {
    return (await waitForFilm(stage.page, film)) - begun;
  } finally {
    await stage.stop();
  }
}

function formatSeries(
  name: string,
  { plain, ours, theirs, hasBudget }: StartSeries,
  latency: number,
  measured: ReadonlyMap<Technique, number>,
): readonly Row[] {
  const our = measured.get(ours) ?? Number.NaN;
  return [plain, ...theirs].map((technique) => {
    const their = measured.get(technique) ?? Number.NaN;
    const limit = latency === 0 ? 1.1 * their : their + latency + 30;
    const isBound = hasBudget && technique === plain;
    const note = "first frame on screen";
    return {
      name,
      ours: `${our.toFixed(0)} ms`,
      theirs: `${their.toFixed(0)} ms (${TECHNIQUE[technique]})`,
      ratio: (our / their).toFixed(2),
      budget: isBound ? (latency === 0 ? "≤ 1.1×" : `≤ ${limit.toFixed(0)} ms`) : "-",
      note: isBound ? verdict(our <= limit, note) : note,
    };
  });
}
