/** The disk that work folders and stored encodings take: what is left of the dead is swept, the rest has a bound. */
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { CrsConfig } from "./crs-config.ts";
import { LONGEST_JOB_MS } from "./job-queue.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** The folder, beside the jobs', of the programs through which every living process here starts ffmpeg. */
export const PROGRAMS = "bin";

/** What one turn may need at most, as a multiple of the largest source: the source, its ladder, one package of it. */
const TURN_SHARE = 3;
/** A stored encoding, or a folder of work, that was used less than this ago may be in use. */
const IN_USE_MS = 600_000;

/** Empties the folder of work: of processes that died, where no other can be at work. */
export async function removeLeftovers(workDir: string): Promise<void> {
  await rm(workDir, { recursive: true, force: true });
}

/**
 * Removes work folders that no process has said to use for long: those of processes that died. Who has turns in hand says so by
 * calling this in each round.
 *
 * @param inHand names of the folders that this process uses
 * @param inProgress names of the folders that the rows' leases stand for, in whatever process; they get as long as a job may take
 */
export async function sweepWork(
  workDir: string,
  inHand: readonly string[],
  inProgress: ReadonlySet<string>,
): Promise<void> {
  const now = new Date();
  // Where one is gone just now, its turn is over.
  for (const name of inHand) await utimes(join(workDir, name), now, now).catch(() => undefined);
  for (const name of await readdir(workDir).catch(() => [])) {
    const path = join(workDir, name);
    const quietMs = inProgress.has(name) ? LONGEST_JOB_MS : IN_USE_MS;
    if (name !== PROGRAMS && (await isOlder(path, quietMs))) await rm(path, { recursive: true, force: true });
  }
}

/** What is gone meanwhile is another's to remove. */
async function isOlder(path: string, ageMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < Date.now() - ageMs;
}

type DiskConfig = Pick<CrsConfig, "workDir" | "encodingDir" | "maxDiskBytes" | "limits">;

/** Room that one turn may fill. */
export interface ReservedRoom {
  /** The turn makes nothing more: from now on its folder counts as it is. */
  release(): void;
}

export interface DiskSpace {
  /**
   * Waits until one more turn fits below the bound, as long as there are turns in this process whose end may make room.
   *
   * @param name of its folder of work
   * @throws RepackageFailure `disk-full`; the signal's reason
   */
  reserve(name: string, signal: AbortSignal): Promise<ReservedRoom>;
}

/** One for all turns of this process: what other processes' turns will still take is not known here. */
export function createDiskSpace(config: DiskConfig): DiskSpace {
  const releases = new Map<string, Promise<void>>();
  const take = async (name: string, signal: AbortSignal): Promise<ReservedRoom> => {
    for (;;) {
      signal.throwIfAborted();
      const ends = [...releases.values()];
      const full = await makeRoom(config, [...releases.keys()]).catch((error: unknown) => error);
      if (full === undefined) break;
      if (ends.length === 0) throw full;
      // Of those that were counted: one that has ended meanwhile is reason enough to look again.
      await Promise.race(ends);
    }
    signal.throwIfAborted();
    let end = (): void => undefined;
    releases.set(name, new Promise((resolve) => (end = resolve)));
    return {
      release: () => {
        releases.delete(name);
        end();
      },
    };
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    reserve: (name, signal) => {
      // One after the other: two that look at once would both see the room for one.
      const next = last.then(() => take(name, signal));
      last = next.catch(() => undefined);
      return next;
    },
  };
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
 * @param inHand names of the work folders of turns that may still take their whole share
 * @throws RepackageFailure `disk-full` where nothing more can be removed
 */
export async function makeRoom(
  { workDir, encodingDir, maxDiskBytes, limits }: DiskConfig,
  inHand: readonly string[] = [],
): Promise<void> {
  const stored = (await listStored(encodingDir)).toSorted((a, b) => a.usedAt - b.usedAt);
  const needed = TURN_SHARE * limits.maxBytes;
  let used = sum([...stored.map(({ bytes }) => bytes), await measure(workDir)]);
  for (const name of inHand) used += Math.max(0, needed - (await measure(join(workDir, name))));
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
  return sum(await Promise.all(sizes));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
