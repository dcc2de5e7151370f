/** Which segments are loaded, and the removal of their files. */
import { isMissing, type Segment } from "./journal-segments.ts";
import { type Loader, UnreadableSegment } from "./loader.ts";

/** A journal of this process or of one that is gone. */
export interface SegmentOwner {
  readonly segments: () => readonly Segment[];
  /** Has no more written to it; left out where nothing is written any more. */
  readonly seal?: (segment: Segment) => Promise<void>;
  readonly remove: (segment: Segment) => Promise<void>;
  /** Lists it no longer: somebody has removed its file. */
  readonly drop: (segment: Segment) => Promise<void>;
}

export interface SegmentLoader {
  /**
   * Loads what is not loaded. A segment that cannot be read keeps nothing from those behind it: it is told once and tried again by each
   * call, its journal goes on in another, and one whose file is gone is dropped.
   *
   * @param isOver asked between transactions
   * @returns false where it was over before the end
   * @throws the database's error
   */
  load(owner: SegmentOwner, isOver: () => boolean): Promise<boolean>;
  /** Whether it could not be read the last time. */
  isUnreadable(segment: Segment): boolean;
  /** Bytes that are not in the database, as far as this process knows. */
  waiting(owner: SegmentOwner): number;
  /**
   * Removes the files of segments a minute after they were loaded: the embedded database leaves it to the system when its own files reach
   * the disk, and after a power cut loads from here again what it has lost.
   */
  removeLoaded(owner: SegmentOwner): Promise<void>;
}

export interface SegmentLoaderDeps {
  readonly loader: Pick<Loader, "load" | "loaded" | "forget">;
  /** ms since the epoch */
  readonly now: () => number;
  readonly onUnreadable: (error: UnreadableSegment) => void;
}

const KEEP_MS = 60_000;

export function createSegmentLoader({ loader, now, onUnreadable }: SegmentLoaderDeps): SegmentLoader {
  const loadedAt = new Map<string, Date>();
  const unreadable = new Set<string>();

  const passOver = async (owner: SegmentOwner, segment: Segment, error: UnreadableSegment): Promise<void> => {
    if (!unreadable.has(segment.id)) onUnreadable(error);
    unreadable.add(segment.id);
    if (isMissing(error.cause)) await owner.drop(segment);
    else await owner.seal?.(segment);
  };

  return {
    load: async (owner, isOver) => {
      for (const segment of owner.segments()) {
        if (loadedAt.has(segment.id)) continue;
        if (isOver()) return false;
        const { isSealed } = segment;
        try {
          if (!(await loader.load(segment, isOver))) return false;
          unreadable.delete(segment.id);
          if (isSealed) loadedAt.set(segment.id, new Date(now()));
        } catch (error) {
          if (!(error instanceof UnreadableSegment)) throw error;
          await passOver(owner, segment, error);
        }
      }
      return true;
    },
    isUnreadable: ({ id }) => unreadable.has(id),
    waiting: ({ segments }) =>
      segments()
        .filter(({ id }) => !loadedAt.has(id))
        .reduce((sum, segment) => sum + segment.length - loader.loaded(segment), 0),
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
