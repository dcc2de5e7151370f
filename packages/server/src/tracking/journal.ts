/**
 * An append-only journal in a folder that belongs to one process. What is appended is on the disk, not merely handed to it, when that
 * is told; entries that come while a write is under way share the next one, so that its cost is shared too.
 */
import { HttpError } from "../http-error.ts";
import { formatEntry } from "./journal-entry.ts";
import { createSegments, type JournalDisk, type JournalSegments, NODE_DISK, type Segment } from "./journal-segments.ts";

/** A journal that is written. */
export interface Journal {
  /**
   * Resolves when the entry is on the disk, with the segment that it is in.
   *
   * @param text without line breaks
   * @throws HttpError `overload` where more wait than can be kept, `too-large`; the system's error
   */
  append(text: string): Promise<Segment>;
  /** In the order of writing. */
  segments(): readonly Segment[];
  /** Bytes in files that were not removed. */
  size(): number;
  /** Has no more written to it, but for what is being written. */
  seal(segment: Segment): Promise<void>;
  /** Removes a sealed segment. */
  remove(segment: Segment): Promise<void>;
  /** Lists it no longer: somebody has removed its file. */
  drop(segment: Segment): Promise<void>;
  /** Waits for what is being written, seals, and lets go of the folder. Nothing may be appended after it. */
  close(): Promise<void>;
}

const MAX_WAITING = 20_000;
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
const MAX_ENTRY_BYTES = 1024 * 1024;

interface Waiting {
  readonly line: string;
  readonly resolve: (segment: Segment) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Touches nothing before the first entry.
 *
 * @param folder made where it is missing
 * @param name the folder's; must never have been another journal's
 */
export function createJournal(folder: string, name: string, disk: JournalDisk = NODE_DISK): Journal {
  const segments = createSegments(folder, name, disk);
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;

  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await writeBatch(batch, segments, disk).then(
        (segment) => batch.forEach((entry) => entry.resolve(segment)),
        (error: unknown) => batch.forEach((entry) => entry.reject(error)),
      );
    }
    writing = undefined;
  };

  return {
    append: async (text) => {
      if (waiting.length >= MAX_WAITING) {
        const message = `beacons: expected fewer than ${MAX_WAITING} to wait, got as many`;
        throw new HttpError("overload", message, { retryAfterSeconds: 5 });
      }
      const line = formatEntry(text);
      const length = Buffer.byteLength(line);
      if (length > MAX_ENTRY_BYTES) {
        throw new HttpError("too-large", `beacon: expected at most ${MAX_ENTRY_BYTES} bytes, got ${length}`);
      }
      return new Promise((resolve, reject) => {
        waiting.push({ line, resolve, reject });
        writing ??= writeAll();
      });
    },
    segments: segments.list,
    size: () => segments.list().reduce((sum, segment) => sum + segment.length, 0),
    seal: async ({ id }) => {
      const segment = segments.list().find((listed) => listed.id === id);
      if (segment === undefined) return;
      // Its file must not be closed under a write.
      if (writing === undefined) await segments.seal(segment);
      else segment.isFull = true;
    },
    remove: segments.remove,
    drop: segments.drop,
    close: async () => {
      await writing;
      await segments.close();
    },
  };
}

async function writeBatch(batch: readonly Waiting[], segments: JournalSegments, disk: JournalDisk): Promise<Segment> {
  const segment = await segments.open();
  const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
  try {
    await segment.handle.appendFile(bytes);
    await disk.syncFile(segment.handle);
    segment.length += bytes.length;
  } catch (error) {
    // After a failed sync nobody knows what is on the disk: what is known to be there stays, and the next entries go elsewhere.
    await segments.seal(segment).catch(() => undefined);
    // A full disk must not leave an empty file for each who tries.
    if (segment.length === 0) await segments.remove(segment);
    throw error;
  }
  if (segment.isFull || segment.length >= MAX_SEGMENT_BYTES) await segments.seal(segment);
  return segment;
}
