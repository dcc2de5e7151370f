/**
 * Puts the worker into a build: the text of `src/remux/worker.ts` and all that it needs, bundled and minified, is what
 * `src/remux/worker-source.ts` exports. A plugin for Rolldown, tsdown and Vite.
 */
import { join } from "node:path";
import { build } from "tsdown";

const WORKER = join(import.meta.dirname, "src/remux/worker.ts");
const SOURCE = /[\\/]remux[\\/]worker-source\.ts$/;

/** The part of a plugin's interface that all three have. */
export interface EmbedWorkerPlugin {
  readonly name: string;
  readonly load: (id: string) => Promise<string | undefined>;
}

export function embedWorker(): EmbedWorkerPlugin {
  let text: Promise<string> | undefined;
  return {
    name: "interlude-embed-worker",
    load: async (id) => {
      if (!SOURCE.test(id)) return undefined;
      text ??= bundleWorker();
      return `export const WORKER_SOURCE = ${JSON.stringify(await text)};`;
    },
  };
}

/** A classic script. */
export async function bundleWorker(): Promise<string> {
  const [built] = await build({
    config: false,
    tsconfig: false,
    entry: [WORKER],
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    dts: false,
    write: false,
    logLevel: "silent",
    deps: { alwaysBundle: [/./], onlyBundle: false },
    inputOptions: { resolve: { conditionNames: ["interlude-source", "import"] } },
  });
  const [chunk] = built?.chunks ?? [];
  if (chunk?.type !== "chunk") throw new Error(`${WORKER}: expected a script, got none`);
  return chunk.code;
}
