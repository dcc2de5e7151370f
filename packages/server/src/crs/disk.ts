/** The disk that work folders and stored encodings take: what is left of the dead is swept, the rest has a bound. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CrsConfig } from "./crs-config.ts";
import { LONGEST_JOB_MS } from "./job-queue.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** The folder, beside the jobs', of the programs through which every living process here starts ffmpeg. */
export const PROGRAMS = "bin";

/** What one turn may need at most, as a multiple of the largest source: the source, its ladder, one package of it. */
const TURN_SHARE = 3;
/** An encoding that was used less than this ago may be in use. */
const IN_USE_MS = 600_000;

/** Removes work folders of processes that died. Where others may be at work, only those that no job can still be using. */
export async function removeLeftovers(workDir: string, isAlone: boolean): Promise<void> {
  const names = await readdir(workDir).catch(() => []);
  for (const name of names) {
    const path = join(workDir, name);
    if (isAlone || (name !== PROGRAMS && (await isOld(path)))) await rm(path, { recursive: true, force: true });
  }
}

/** What is gone meanwhile is another's to remove. */
async function isOld(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < Date.now() - LONGEST_JOB_MS;
}

interface StoredFolder {
  readonly path: string;
  readonly bytes: number;
  /** ms since the epoch */
  readonly usedAt: number;
}

/**
 * Makes sure that one more turn fits below the bound: stored encodings that were not used for longest are removed. They are made
 * again when they are needed.
 *
 * @throws RepackageFailure `disk-full` where nothing more can be removed
 */
export async function makeRoom({
  workDir,
  encodingDir,
  maxDiskBytes,
  limits,
}: Pick<CrsConfig, "workDir" | "encodingDir" | "maxDiskBytes" | "limits">): Promise<void> {
  const stored = (await listStored(encodingDir)).toSorted((a, b) => a.usedAt - b.usedAt);
  const needed = TURN_SHARE * limits.maxBytes;
  let used = stored.reduce((sum, { bytes }) => sum + bytes, await measure(workDir));
  for (const { path, bytes, usedAt } of stored) {
    if (used + needed <= maxDiskBytes || usedAt > Date.now() - IN_USE_MS) break;
    await rm(path, { recursive: true, force: true });
    used -= bytes;
  }
  if (used + needed <= maxDiskBytes) return;
  const message = `disk: expected room for ${needed} bytes below ${maxDiskBytes}, got ${maxDiskBytes - used}`;
  throw new RepackageFailure("disk-full", message);
}

/** `<encodingDir>/<zone>/<name>/`; the time of a folder is when it was used last. */
async function listStored(encodingDir: string): Promise<readonly StoredFolder[]> {
  const zones = await readdir(encodingDir).catch(() => []);
  const folders = await Promise.all(
    zones.map(async (zone) => {
      const names = await readdir(join(encodingDir, zone)).catch(() => []);
      return names.map((name) => join(encodingDir, zone, name));
    }),
  );
  const found = await Promise.all(
    folders.flat().map(async (path) => {
      const about = await stat(path).catch(() => undefined);
      return about && { path, bytes: await measure(path), usedAt: about.mtimeMs };
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** Bytes of all files below a folder; what disappears meanwhile counts nothing. */
async function measure(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
