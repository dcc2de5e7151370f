/** Journals of processes that are gone, killed ones above all: whoever finds one takes it over, one at a time. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../database/directory-lock.ts";
import { listSegments, removeSegment, type Segment } from "./journal.ts";

/** A journal that was taken over: nobody else reads or removes it meanwhile. */
export interface LeftJournal {
  readonly name: string;
  /** Those that were not removed. A torn end of the last is what nobody was told of. */
  readonly segments: readonly Segment[];
  /** Removes a segment. False: not yet, see {@link removeSegment}. */
  readonly remove: (segment: Segment) => Promise<boolean>;
  /** Lets go; a folder without segments is removed. */
  readonly release: () => Promise<void>;
}

/** Takes over each journal below `root` whose process does not live; none where the folder is not there. */
export async function takeLeftJournals(
  root: string,
  isOurs: (name: string) => boolean,
): Promise<readonly LeftJournal[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const taken = await Promise.all(names.filter((name) => !isOurs(name)).map((name) => take(join(root, name), name)));
  return taken.filter((journal) => journal !== undefined);
}

const NEW_MS = 60_000;

async function take(folder: string, name: string): Promise<LeftJournal | undefined> {
  const isEmpty = (await listSegments(folder, name)).length === 0;
  // Its process is about to lock it.
  if (isEmpty && (await stat(folder)).mtimeMs > Date.now() - NEW_MS) return undefined;
  const lock = tryLock(folder);
  if (lock === undefined) return undefined;
  let segments = await listSegments(folder, name);
  return {
    name,
    get segments() {
      return segments;
    },
    remove: async (segment) => {
      if (!(await removeSegment(segment))) return false;
      segments = segments.filter(({ id }) => id !== segment.id);
      return true;
    },
    release: async () => {
      if (segments.length === 0) await rm(folder, { recursive: true, force: true });
      lock.release();
    },
  };
}

function tryLock(folder: string): DirectoryLock | undefined {
  try {
    return lockDirectory(folder);
  } catch (error) {
    if (error instanceof DirectoryInUse) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
