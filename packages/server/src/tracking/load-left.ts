/** Loads journals of processes that are gone, and removes them. */
import { takeLeftJournals, type LeftJournal } from "./left-journals.ts";
import type { SegmentLoader } from "./load-segments.ts";

export interface LeftLoader {
  /** Takes over what is there now. */
  take(): Promise<void>;
  /**
   * Loads for a while. Never rejects: what fails is told.
   *
   * @returns whether there is more
   */
  load(): Promise<boolean>;
  /** Removes what was loaded a while ago. */
  removeLoaded(): Promise<void>;
  /** Bytes in files that were not removed. */
  size(): number;
  /** Of them, those that are not in the database. */
  waiting(): number;
  /** Lets go. Nothing may be under way. */
  close(): Promise<void>;
}

export interface LeftLoaderDeps {
  /** The folder of all journals. */
  readonly directory: string;
  /** The name of this process's own. */
  readonly journalName: string;
  readonly segments: SegmentLoader;
  readonly isStopped: () => boolean;
  readonly onError: (error: unknown, what: string) => void;
}

/** Who waits for a beacon of this process waits no longer than that for others' journals. */
const PIECE_MS = 500;

export function createLeftLoader({ directory, journalName, segments, isStopped, onError }: LeftLoaderDeps): LeftLoader {
  let left: readonly LeftJournal[] = [];
  return {
    take: async () => {
      const names = new Set([journalName, ...left.map(({ name }) => name)]);
      const tell = (error: unknown): void => onError(error, "taking over a journal");
      left = [...left, ...(await takeLeftJournals(directory, (name) => names.has(name), tell))];
    },
    load: async () => {
      const until = performance.now() + PIECE_MS;
      const isOver = (): boolean => isStopped() || performance.now() > until;
      let isMore = false;
      for (const journal of left) {
        try {
          if (!(await segments.load(journal, isOver))) isMore = true;
        } catch (error) {
          onError(error, "loading beacons of a process that is gone");
        }
      }
      return isMore;
    },
    removeLoaded: async () => {
      for (const journal of left) await segments.removeLoaded(journal);
      const empty = left.filter((journal) => journal.segments().length === 0);
      left = left.filter((journal) => journal.segments().length > 0);
      for (const { release } of empty) await release();
    },
    size: () => left.flatMap((journal) => journal.segments()).reduce((sum, { length }) => sum + length, 0),
    waiting: () => left.reduce((sum, journal) => sum + segments.waiting(journal), 0),
    close: async () => {
      for (const { release } of left) await release();
    },
  };
}
