/**
 * Builds the publisher's page and the console when they are older than their sources, so that `npm start` needs no build step before
 * it.
 */
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.ts";

/** A page that Vite builds; paths are below the root of the repository. */
export interface Page {
  readonly configFile: string;
  /** All that it is made of. */
  readonly sources: readonly string[];
}

export const DEMO_PAGE: Page = {
  configFile: "vite.config.ts",
  sources: [
    "demo/index.html",
    "demo/catalog.json",
    "demo/src",
    "packages/plugin/src",
    "packages/core/src",
    "vite.config.ts",
    "package-lock.json",
  ],
};

export const CONSOLE_PAGE: Page = {
  configFile: "packages/console/vite.config.ts",
  sources: [
    "packages/console/index.html",
    "packages/console/src",
    "packages/console/vite.config.ts",
    "package-lock.json",
  ],
};

/**
 * @param root of the repository
 * @param directory where the page is; appears only when it is complete
 * @param onBuild called before a build, not when the page is up to date
 * @throws Error with Vite's message when the sources do not build
 */
export async function buildPage(
  root: string,
  page: Page,
  directory: string,
  signal: AbortSignal,
  onBuild: () => void,
): Promise<void> {
  if (await isCurrent(root, page, directory)) return;
  await withLock(`${directory}.lock`, signal, async () => {
    if (await isCurrent(root, page, directory)) return;
    onBuild();
    const { build } = await import("vite");
    const fresh = `${directory}.${process.pid}`;
    await build({ configFile: join(root, page.configFile), logLevel: "error", build: { outDir: fresh } });
    await rm(`${directory}.old`, { recursive: true, force: true });
    await rename(directory, `${directory}.old`).catch(() => undefined);
    await rename(fresh, directory);
    await rm(`${directory}.old`, { recursive: true, force: true });
  });
}

async function isCurrent(root: string, { sources }: Page, directory: string): Promise<boolean> {
  const built = await stat(join(directory, "index.html")).catch(() => undefined);
  if (!built) return false;
  const newest = await Promise.all(sources.map((source) => findNewest(join(root, source))));
  return Math.max(...newest) <= built.mtimeMs;
}

/** The last change of a file, or of anything in a folder: milliseconds since 1970. */
async function findNewest(path: string): Promise<number> {
  const own = await stat(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const names = await readdir(path);
  return Math.max(own.mtimeMs, ...(await Promise.all(names.map((name) => findNewest(join(path, name))))));
}
