/**
 * One process per database directory. PGlite takes no lock on its directory, and a second process on it loses rows that were
 * acknowledged; so this lock is ours. It is SQLite's own lock on an empty file: the kernel drops it when the process dies,
 * however it dies, so a file that is left behind blocks nobody.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface DirectoryLock {
  release(): void;
}

const SQLITE_BUSY = 5;

const [LOCK, OWNER] = ["lock.sqlite", "owner"];
/** What it leaves in the directory. */
export const LOCK_FILES: readonly string[] = [LOCK, `${LOCK}-journal`, OWNER];

/** The directory is in use; `code` is for logs and exit messages. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
  readonly code = "directory-in-use";
}

/**
 * Makes the directory where it is missing and locks it until `release` or the end of this process.
 *
 * @throws DirectoryInUse at once when another process (or this one) holds it, naming the holder
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true });
  const owner = join(directory, OWNER);
  const lock = new DatabaseSync(join(directory, LOCK));
  try {
    lock.exec("PRAGMA journal_mode=OFF");
    lock.exec("BEGIN EXCLUSIVE");
    writeFileSync(owner, `${process.pid}\n`);
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new DirectoryInUse(
      `database directory ${directory}: expected to be its only user, but process ${readOwner(owner)} has it open. ` +
        "Stop that process, choose another state directory, or set DATABASE_URL to share a PostgreSQL",
    );
  }
  return { release: () => lock.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function readOwner(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "(unknown)";
  }
}
