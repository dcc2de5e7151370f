/**
 * What the plugin weighs on a publisher's page, beside what pages load for ads today: each entry as Rolldown bundles it, minified, each
 * file gzipped by itself; hls.js and video.js left out, because the page has them anyway.
 *
 * Run alone: `npm run bench -- size`.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "tsdown";
import { type Bundle, bundleModule, sumSizes, weigh } from "./bundle.ts";
import { type Row, verdict } from "./table.ts";

const ROOT = join(import.meta.dirname, "..");
const PLUGIN = join(ROOT, "packages/plugin");
export const PLAYERS: readonly string[] = ["hls.js", "video.js"];

/** The entries of the plugin, by their export. */
export const ENTRIES: Readonly<Record<string, string>> = {
  "@interlude/plugin": join(PLUGIN, "src/index.ts"),
  "@interlude/plugin/hls": join(PLUGIN, "src/hls.ts"),
  "@interlude/plugin/videojs": join(PLUGIN, "src/videojs.ts"),
};

/** Bytes, min+gzip. @see DESIGN §11 */
export const ENTRY_BUDGET = 15_000;

/** Bytes, min+gzip, of what repackages creatives in the page, which no page waits for. @see DESIGN §11 */
export const REMUX_BUDGET = 60_000;

/** Modules that VOD content with a pre-roll never asks for, and what does. A module that is not here counts as asked for. */
const ON_DEMAND: Readonly<Record<string, string>> = {
  live: "live content",
  "low-latency": "low latency",
  "server-session": "a server's session",
  "time-ranges": "time ranges",
  "vod-cues": "cues in VOD",
  resolver: "a resolver",
  "hls-ads": "ads given as HLS",
  consent: "consent macros",
  "hls-interstitials": "muxed fMP4",
  interstitials: "muxed fMP4, its playlists",
  remux: "a creative that the page repackages",
  "make-here": "its segments, where no worker may be",
};

/** Rows for the table. */
export async function benchSize(): Promise<readonly Row[]> {
  const [vast, contribAds] = await Promise.all([
    bundlePackage("vast-client", 'export * from "@dailymotion/vast-client";'),
    bundlePackage("contrib-ads", 'import "videojs-contrib-ads";'),
  ]);
  // a page has a DOMParser: what vast-client has behind it for other places is not loaded there
  const theirs = `vast-client ${kilobytes(sumSizes(vast.atOnce))}; videojs-contrib-ads ${kilobytes(sumSizes(contribAds.atOnce))}`;
  const rows: Row[] = [];
  for (const [name, entry] of Object.entries(ENTRIES))
    if (existsSync(entry)) rows.push(...formatEntry(name, await bundleModule(entry, { external: PLAYERS }), theirs));
  const global = await buildGlobal();
  rows.push({
    ...EMPTY,
    name: "one file for a script tag",
    ours: kilobytes(global),
    note: "everything, nothing loaded behind it",
  });
  return rows;
}

const EMPTY: Omit<Row, "name" | "ours"> = { theirs: "-", ratio: "-", budget: "-", note: "" };

function formatEntry(name: string, bundle: Bundle, theirs: string): readonly Row[] {
  const entry = sumSizes(bundle.atOnce);
  const isOnDemand = (module: string): boolean =>
    module in ON_DEMAND || (name.endsWith("/videojs") && module === "hls-attachment");
  const asked = bundle.behind.filter((module) => !isOnDemand(module));
  const whole = entry + sumSizes(bundle.loadedFor(asked));
  const more = bundle.behind.filter(isOnDemand).map((module) => {
    const size = sumSizes(bundle.loadedFor([...asked, module])) + entry - whole;
    return `${kilobytes(size)} ${ON_DEMAND[module] ?? module}`;
  });
  const hasBudget = name.endsWith("/hls");
  return [
    {
      ...EMPTY,
      name: `${name}, loaded at once`,
      ours: kilobytes(entry),
      theirs,
      budget: hasBudget ? `≤ ${kilobytes(ENTRY_BUDGET)}` : "-",
      note: hasBudget ? verdict(entry <= ENTRY_BUDGET, "min+gzip") : "min+gzip",
    },
    {
      ...EMPTY,
      name: `${name}, VOD with a pre-roll in all`,
      ours: kilobytes(whole),
      theirs,
      note: `behind it, meanwhile: ${asked.join(", ")}; more where needed: ${more.join(", ")}`,
    },
  ];
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

async function bundlePackage(name: string, code: string): Promise<Bundle> {
  const folder = join(ROOT, ".interlude/bench-size");
  await mkdir(folder, { recursive: true });
  const entry = join(folder, `${name}.js`);
  await writeFile(entry, code);
  return bundleModule(entry, { external: PLAYERS });
}

async function buildGlobal(): Promise<number> {
  const built = await build({
    config: join(PLUGIN, "tsdown.config.ts"),
    clean: false,
    write: false,
    logLevel: "silent",
    dts: false,
  });
  const files = built.flatMap(({ chunks }) => chunks.filter((chunk) => chunk.type === "chunk"));
  const file = files.find(({ fileName }) => fileName === "interlude.min.js");
  if (!file) throw new Error(`expected interlude.min.js, got ${files.map(({ fileName }) => fileName).join()}`);
  return weigh(file.code);
}
