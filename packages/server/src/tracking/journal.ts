/**
 * An append-only journal in a folder that belongs to one process. What is appended is on the disk, not merely handed to it, when that
 * is told; entries that come while a write is under way share the next one, so that its cost is shared too.
 */
import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DirectoryLock, lockDirectory } from "../database/directory-lock.ts";
import { HttpError } from "../http-error.ts";
import { formatEntry } from "./journal-entry.ts";

/** A file of a journal. */
export interface Segment {
  /** Unique among all journals that there ever are. */
  readonly id: string;
  readonly path: string;
  /** Bytes that are on the disk. */
  readonly length: number;
  /** Nothing is written to it any more. */
  readonly isSealed: boolean;
}

/** A journal that is written. */
export interface Journal {
  /**
   * Resolves when the entry is on the disk.
   *
   * @param text without line breaks
   * @throws HttpError `overload` where more wait than can be kept; the system's error
   */
  append(text: string): Promise<void>;
  /** In the order of writing. */
  segments(): readonly Segment[];
  /** Bytes in files that were not removed. */
  size(): number;
  /** Removes a sealed segment. False: not yet, see {@link removeSegment}. */
  remove(segment: Segment): Promise<boolean>;
  /** Waits for what is being written, seals, and lets go of the folder. Nothing may be appended after it. */
  close(): Promise<void>;
}

const MAX_WAITING = 20_000;
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;

/** A segment that is written. */
interface OpenSegment {
  readonly id: string;
  readonly path: string;
  readonly handle: FileHandle;
  length: number;
  isSealed: boolean;
}

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Touches nothing before the first entry.
 *
 * @param folder made where it is missing
 * @param name the folder's; must never have been another journal's
 * @param sync resolves when what was written to the file is on the disk
 */
export function createJournal(folder: string, name: string, sync: typeof syncFile = syncFile): Journal {
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let lock: DirectoryLock | undefined;
  let segments: readonly OpenSegment[] = [];
  // Never of the segments that are left: a number that came again would be taken for one that is loaded.
  let opened = 0;

  const openSegment = async (): Promise<OpenSegment> => {
    const last = segments.at(-1);
    if (last && !last.isSealed) return last;
    if (lock === undefined) {
      await mkdir(folder, { recursive: true });
      lock = lockDirectory(folder);
      await syncDirectory(dirname(folder));
    }
    opened++;
    const path = join(folder, `${String(opened).padStart(9, "0")}${SUFFIX}`);
    const handle = await open(path, "ax");
    const segment = { id: `${name}/${opened}`, path, handle, length: 0, isSealed: false };
    segments = [...segments, segment];
    await syncDirectory(folder);
    return segment;
  };

  /** A full disk must not leave an empty file for each who tries. */
  const drop = async (segment: OpenSegment): Promise<void> => {
    segments = segments.filter(({ id }) => id !== segment.id);
    await rm(segment.path, { force: true });
  };

  const writeBatch = async (batch: readonly Waiting[]): Promise<void> => {
    const segment = await openSegment();
    const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
    try {
      await segment.handle.appendFile(bytes);
      await sync(segment.handle);
      segment.length += bytes.length;
    } catch (error) {
      // After a failed sync nobody knows what is on the disk: what is known to be there stays, and the next entries go elsewhere.
      await seal(segment).catch(() => undefined);
      if (segment.length === 0) await drop(segment);
      throw error;
    }
    if (segment.length >= MAX_SEGMENT_BYTES) await seal(segment);
  };

  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await writeBatch(batch).then(
        () => batch.forEach((entry) => entry.resolve()),
        (error: unknown) => batch.forEach((entry) => entry.reject(error)),
      );
    }
    writing = undefined;
  };

  return {
    append: (text) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= MAX_WAITING) {
          const message = `beacons: expected fewer than ${MAX_WAITING} to wait, got as many`;
          reject(new HttpError("overload", message, { retryAfterSeconds: 5 }));
          return;
        }
        waiting.push({ line: formatEntry(text), resolve, reject });
        writing ??= writeAll();
      }),
    segments: () => segments,
    size: () => segments.reduce((sum, segment) => sum + segment.length, 0),
    remove: async (segment) => {
      if (!segment.isSealed || !(await removeSegment(segment))) return false;
      segments = segments.filter(({ id }) => id !== segment.id);
      return true;
    },
    close: async () => {
      await writing;
      for (const segment of segments) await seal(segment);
      if (lock && segments.length === 0) await rm(folder, { recursive: true, force: true });
      lock?.release();
    },
  };
}

const SUFFIX = ".journal";

function numberOf(path: string): number {
  return Number(/(\d+)\.journal$/.exec(path)?.[1] ?? 0);
}

const KEEP_MS = 60_000;

/**
 * Removes the file of a segment that is loaded, a minute after its last entry: the embedded database leaves it to the system when its own
 * files reach the disk, and after a power cut loads from here again what it has lost. False: not yet.
 */
export async function removeSegment({ path }: Segment): Promise<boolean> {
  const file = await stat(path).catch(() => undefined);
  if (file && file.mtimeMs > Date.now() - KEEP_MS) return false;
  await rm(path, { force: true });
  return true;
}

async function seal(segment: OpenSegment): Promise<void> {
  if (segment.isSealed) return;
  segment.isSealed = true;
  await segment.handle.close();
}

async function syncFile(file: FileHandle): Promise<void> {
  await file.datasync();
}

/** A file is only found again after a power cut when its folder's entry is on the disk too. */
async function syncDirectory(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The segments of a journal whose process is gone, in the order of writing. */
export async function listSegments(folder: string, name: string): Promise<readonly Segment[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(SUFFIX)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const path = join(folder, file);
      return { id: `${name}/${numberOf(path)}`, path, length: (await stat(path)).size, isSealed: true };
    }),
  );
}
