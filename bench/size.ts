/**
 * What the plugin weighs on a publisher's page: the entry for hls.js with everything it imports, minified and gzipped, hls.js left out.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, defaultClientConditions } from "vite";
import type { Row } from "./table.ts";

const ENTRY = join(import.meta.dirname, "../packages/plugin/src/hls.ts");

/** Bytes min+gzip: `entry` is what every page loads, `live` what is loaded besides when the content is live. */
export async function measureSize(): Promise<{ readonly entry: number; readonly live: number }> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["interlude-source", ...defaultClientConditions] },
    build: {
      write: false,
      target: "es2023",
      minify: true,
      rolldownOptions: { input: ENTRY, preserveEntrySignatures: "strict", external: ["hls.js"] },
    },
  });
  const outputs = Array.isArray(built) ? built : "output" in built ? [built] : [];
  const chunks = outputs.flatMap(({ output }) => output.filter((item) => item.type === "chunk"));
  const entry = chunks.find(({ isEntry }) => isEntry);
  const always = new Set([entry?.fileName, ...(entry?.imports ?? [])]);
  const weigh = (isWanted: (name: string) => boolean): number =>
    chunks
      .filter(({ fileName }) => isWanted(fileName))
      .reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
  return { entry: weigh((name) => always.has(name)), live: weigh((name) => !always.has(name)) };
}

/** Rows for the table. */
export async function benchSize(): Promise<readonly Row[]> {
  const { entry, live } = await measureSize();
  const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;
  return [
    {
      name: "plugin for hls.js, min+gzip",
      ours: kilobytes(entry),
      theirs: "37.6 kB (vast-client alone)",
      ratio: (entry / 37_600).toFixed(2),
      budget: "15 kB",
      note: `and ${kilobytes(live)} more, loaded for live content only`,
    },
  ];
}
