/** The files of a journal that is written, in a folder that belongs to one process. */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DirectoryLock, lockDirectory } from "../database/directory-lock.ts";

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

/** How what was written gets to the disk. */
export interface JournalDisk {
  /** Resolves when it is there. */
  readonly syncFile: (file: FileHandle) => Promise<void>;
  /** A file is only found again after a power cut when its folder's entry is on the disk too. */
  readonly syncFolder: (folder: string) => Promise<void>;
}

export interface JournalSegments {
  /** The one that is written next. */
  open(): Promise<OpenSegment>;
  seal(segment: OpenSegment): Promise<void>;
  /** Removes its file. */
  remove(segment: Segment): Promise<void>;
  /** Seals it, and lists it no longer: somebody has removed its file. */
  drop(segment: Segment): Promise<void>;
  /** In the order of writing. */
  list(): readonly OpenSegment[];
  /** Seals all, and lets go of the folder, which is removed where nothing is in it. */
  close(): Promise<void>;
}

/** A segment that is written. */
export interface OpenSegment extends Segment {
  readonly handle: FileHandle;
  length: number;
  isSealed: boolean;
  /** To be sealed after the write that is under way. */
  isFull: boolean;
}

export const SEGMENT_SUFFIX = ".journal";

export const NODE_DISK: JournalDisk = {
  syncFile: (file) => file.datasync(),
  syncFolder: async (folder) => {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Touches nothing before the first is opened. */
export function createSegments(folder: string, name: string, disk: JournalDisk): JournalSegments {
  const kept = createFolder(folder, disk);
  let segments: readonly OpenSegment[] = [];
  // Never of the segments that are left: a number that came again would be taken for one that is loaded.
  let opened = 0;

  const unlist = (id: string): void => {
    segments = segments.filter((segment) => segment.id !== id);
  };

  return {
    open: async () => {
      const last = segments.at(-1);
      if (last && !last.isSealed) return last;
      opened++;
      const path = join(folder, `${String(opened).padStart(9, "0")}${SEGMENT_SUFFIX}`);
      const handle = await kept.create(path);
      const segment = { id: `${name}/${opened}`, path, handle, length: 0, isSealed: false, isFull: false };
      try {
        await disk.syncFolder(folder);
      } catch (error) {
        await seal(segment).catch(() => undefined);
        await rm(path, { force: true });
        throw error;
      }
      segments = [...segments, segment];
      return segment;
    },
    seal,
    remove: async ({ id, path }) => {
      await rm(path, { force: true });
      unlist(id);
    },
    drop: async ({ id }) => {
      const dropped = segments.find((segment) => segment.id === id);
      unlist(id);
      if (dropped) await seal(dropped);
    },
    list: () => segments,
    close: async () => {
      for (const segment of segments) await seal(segment);
      await kept.release(segments.length === 0);
    },
  };
}

interface Folder {
  /** Makes a file in it. */
  create(path: string): Promise<FileHandle>;
  /** Lets go of it, where it was made. */
  release(isRemoved: boolean): Promise<void>;
}

/** Made, locked and on the disk before the first file. */
function createFolder(folder: string, disk: JournalDisk): Folder {
  let lock: DirectoryLock | undefined;
  let isKept = false;
  const keep = async (): Promise<void> => {
    if (isKept) return;
    await mkdir(folder, { recursive: true });
    lock ??= lockDirectory(folder);
    await disk.syncFolder(dirname(folder));
    isKept = true;
  };
  return {
    create: async (path) => {
      await keep();
      try {
        return await open(path, "ax");
      } catch (error) {
        if (!isMissing(error)) throw error;
        // Somebody removed it, with the lock in it.
        isKept = false;
        lock?.release();
        lock = undefined;
        await keep();
        return open(path, "ax");
      }
    },
    release: async (isRemoved) => {
      if (lock && isRemoved) await rm(folder, { recursive: true, force: true });
      lock?.release();
    },
  };
}

async function seal(segment: OpenSegment): Promise<void> {
  if (segment.isSealed) return;
  segment.isSealed = true;
  await segment.handle.close();
}

/** Whether a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
