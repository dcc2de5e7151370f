/**
 * What a module weighs in a page: bundled and minified by Rolldown as a publisher's bundler would, each file gzipped by itself. No helper
 * of a development tool is in it.
 */
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "tsdown";
import { embedWorker } from "../packages/plugin/embed-worker.ts";

/** One file of a bundle. */
export interface BundledFile {
  readonly name: string;
  readonly code: string;
  /** Bytes, min+gzip. */
  readonly size: number;
}

/** A module as a page loads it. */
export interface Bundle {
  /** With the module itself, at once. */
  readonly atOnce: readonly BundledFile[];
  /** Names of the modules that are asked for by `import()` from there on. */
  readonly behind: readonly string[];
  /** What is loaded where such modules are asked for, beyond `atOnce`. */
  readonly loadedFor: (names: readonly string[]) => readonly BundledFile[];
}

export interface BundleOptions {
  /** Packages that the page has anyway. */
  readonly external?: readonly string[];
}

/** @param entry path of a module */
export async function bundleModule(entry: string, options: BundleOptions = {}): Promise<Bundle> {
  const [built] = await build({
    config: false,
    tsconfig: false,
    entry: [entry],
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    dts: false,
    write: false,
    logLevel: "silent",
    deps: { alwaysBundle: [/./], neverBundle: [...(options.external ?? [])], onlyBundle: false },
    inputOptions: {
      resolve: { conditionNames: ["interlude-source", "browser", "import"], mainFields: ["browser", "module", "main"] },
    },
    outputOptions: { chunkFileNames: "[name].js", entryFileNames: "[name].js" },
    plugins: [embedWorker()],
  });
  const chunks = (built?.chunks ?? []).filter((chunk) => chunk.type === "chunk");
  const closure = (fileNames: readonly string[]): ReadonlySet<string> => {
    const found = new Set(fileNames);
    // a set that grows while it is walked
    for (const fileName of found)
      for (const name of chunks.find((chunk) => chunk.fileName === fileName)?.imports ?? []) found.add(name);
    return found;
  };
  const entries = chunks.flatMap(({ isEntry, fileName }) => (isEntry ? [fileName] : []));
  const atOnce = closure(entries);
  const pick = (isWanted: (fileName: string) => boolean): readonly BundledFile[] =>
    chunks.flatMap(({ fileName, code }) =>
      isWanted(fileName) ? [{ name: nameOf(fileName), code, size: weigh(code) }] : [],
    );
  return {
    atOnce: pick((fileName) => atOnce.has(fileName)),
    behind: [...new Set(chunks.flatMap(({ dynamicImports }) => dynamicImports))].map(nameOf),
    loadedFor: (names) => {
      const wanted = closure(chunks.flatMap(({ fileName }) => (names.includes(nameOf(fileName)) ? [fileName] : [])));
      return pick((fileName) => wanted.has(fileName) && !atOnce.has(fileName));
    },
  };
}

function nameOf(fileName: string): string {
  return basename(fileName, ".js");
}

/** Bytes, min+gzip. */
export function sumSizes(files: readonly BundledFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** Bytes of a text, gzipped. */
export function weigh(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}
