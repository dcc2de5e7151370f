/**
 * One at a time across processes: several servers (tests start many) share one media folder and one built page. It is
 * SQLite's own lock on an empty file: the kernel drops it when its holder dies, however it dies.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";

const POLL_MS = 100;
const SQLITE_BUSY = 5;

/**
 * Runs `run` while holding the lock file `path`, after waiting for whoever holds it.
 *
 * @throws AbortError when `signal` ends the wait; else whatever `run` throws: the lock is released all the same
 */
export async function withLock<T>(path: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const lock = new DatabaseSync(path);
  try {
    while (!tryLock(lock)) await setTimeout(POLL_MS, undefined, { signal });
    return await run();
  } finally {
    lock.close();
  }
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec("PRAGMA journal_mode=OFF; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
