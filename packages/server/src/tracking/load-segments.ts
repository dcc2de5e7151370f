/** Which segments are loaded, and the removal of their files. */
import type { Segment } from "./journal-segments.ts";
import { type Loader, UnreadableSegment } from "./loader.ts";

/** A journal of this process or of one that is gone. */
export interface SegmentOwner {
  readonly segments: () => readonly Segment[];
  readonly remove: (segment: Segment) => Promise<void>;
}

export interface SegmentLoader {
  /**
   * Loads what is not loaded. One that cannot be read keeps nothing from those behind it.
   *
   * @param isOver asked between transactions
   * @returns false where it was over before all were loaded
   * @throws UnreadableSegment, when all others are loaded; the database's error, at once
   */
  load(segments: readonly Segment[], isOver: () => boolean): Promise<boolean>;
  /**
   * Removes the files of segments a minute after they were loaded: the embedded database leaves it to the system when its own files reach
   * the disk, and after a power cut loads from here again what it has lost.
   */
  removeLoaded(owner: SegmentOwner): Promise<void>;
}

const KEEP_MS = 60_000;

/** @param now ms since the epoch */
export function createSegmentLoader(loader: Pick<Loader, "load" | "forget">, now: () => number): SegmentLoader {
  const loadedAt = new Map<string, Date>();
  return {
    load: async (segments, isOver) => {
      let unreadable: UnreadableSegment | undefined;
      for (const segment of segments) {
        if (loadedAt.has(segment.id)) continue;
        if (isOver()) return false;
        const { isSealed } = segment;
        try {
          if (!(await loader.load(segment, isOver))) return false;
          if (isSealed) loadedAt.set(segment.id, new Date(now()));
        } catch (error) {
          if (!(error instanceof UnreadableSegment)) throw error;
          unreadable ??= error;
        }
      }
      if (unreadable) throw unreadable;
      return true;
    },
    removeLoaded: async ({ segments, remove }) => {
      for (const segment of segments()) {
        const at = loadedAt.get(segment.id);
        if (at === undefined || now() - at.getTime() < KEEP_MS) continue;
        await remove(segment);
        await loader.forget(segment);
        loadedAt.delete(segment.id);
      }
    },
  };
}
