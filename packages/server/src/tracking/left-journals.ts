/** Journals of processes that are gone, killed ones above all: whoever finds one takes it over, one at a time. */
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryInUse, type DirectoryLock, lockDirectory, LOCK_FILES } from "../database/directory-lock.ts";
import { isMissing, type Segment, SEGMENT_SUFFIX } from "./journal-segments.ts";

/** A journal that was taken over: nobody else reads or removes it meanwhile. */
export interface LeftJournal {
  readonly name: string;
  /** Those that were not removed. A torn end of the last is what nobody was told of. */
  readonly segments: () => readonly Segment[];
  readonly remove: (segment: Segment) => Promise<void>;
  /** Lists it no longer: somebody has removed its file. */
  readonly drop: (segment: Segment) => Promise<void>;
  /** Lets go; a folder in which nothing else is, be it of this journal or of others, is removed. */
  readonly release: () => Promise<void>;
}

/**
 * Takes over each journal below `root` whose process does not live; none where the folder is not there. What is no journal is left alone.
 *
 * @param onError is told of journals that cannot be opened, which keeps nobody from the others
 */
export async function takeLeftJournals(
  root: string,
  isOurs: (name: string) => boolean,
  onError: (error: unknown) => void,
): Promise<readonly LeftJournal[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const names = entries.filter((entry) => entry.isDirectory() && JOURNAL.test(entry.name)).map(({ name }) => name);
  const others = names.filter((name) => !isOurs(name));
  const taken = await Promise.all(
    others.map((name) =>
      take(join(root, name), name).catch((error: unknown) => {
        // Its owner removed it under our eyes.
        if (!isMissing(error)) onError(error);
        return undefined;
      }),
    ),
  );
  return taken.filter((journal) => journal !== undefined);
}

/** As `randomUUID` names them, and who puts files there by hand. */
const JOURNAL = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const NEW_MS = 60_000;

async function take(folder: string, name: string): Promise<LeftJournal | undefined> {
  const isEmpty = (await readdir(folder)).every((file) => !file.endsWith(SEGMENT_SUFFIX));
  // Its process is about to lock it.
  if (isEmpty && (await stat(folder)).mtimeMs > Date.now() - NEW_MS) return undefined;
  const lock = tryLock(folder);
  if (lock === undefined) return undefined;
  let segments: readonly Segment[];
  try {
    // Not before: while its process lives files go under one's eyes.
    segments = await listSegments(folder, name);
  } catch (error) {
    lock.release();
    throw error;
  }
  const unlist = (id: string): void => {
    segments = segments.filter((segment) => segment.id !== id);
  };
  return {
    name,
    segments: () => segments,
    remove: async ({ id, path }) => {
      await rm(path, { force: true });
      unlist(id);
    },
    drop: async ({ id }) => unlist(id),
    release: async () => {
      try {
        if (segments.length === 0) await removeEmpty(folder);
      } finally {
        lock.release();
      }
    },
  };
}

/** Files that somebody moves there meanwhile stay: they are found in the next round. */
async function removeEmpty(folder: string): Promise<void> {
  for (const file of LOCK_FILES) await rm(join(folder, file), { force: true });
  await rmdir(folder).catch((error: unknown) => {
    if (!isMissing(error) && !isFilled(error)) throw error;
  });
}

function isFilled(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "EEXIST");
}

/** In the order of writing. */
async function listSegments(folder: string, name: string): Promise<readonly Segment[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(SEGMENT_SUFFIX)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const path = join(folder, file);
      return { id: `${name}/${idOf(file)}`, path, length: (await stat(path)).size, isSealed: true };
    }),
  );
}

/** The number that the journal gave it; of files that came from elsewhere several may have one number. */
function idOf(file: string): string {
  return /^\d{9}\.journal$/.test(file) ? String(Number(file.slice(0, 9))) : file;
}

function tryLock(folder: string): DirectoryLock | undefined {
  try {
    return lockDirectory(folder);
  } catch (error) {
    if (error instanceof DirectoryInUse) return undefined;
    throw error;
  }
}
