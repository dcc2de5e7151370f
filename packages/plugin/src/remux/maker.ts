/**
 * Where segments are made.
 */
import { MediaRefusal } from "./movie.ts";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";

/** A segment, and what it took. */
export interface Made extends MadeSegment {
  /** Milliseconds that a thread was busy with it. */
  readonly busyMs: number;
}

/** What making cost so far. */
export interface MakerStats {
  /** Undefined: nothing was made yet. */
  readonly place: "worker" | "page" | undefined;
  /** Milliseconds that the page's own thread was held at a time; 0 where a worker did it all. */
  readonly longestSliceMs: number;
}

/** One thread for all creatives of an insertion. */
export interface SegmentMaker {
  /** Starts the thread, so that it is there when the bytes are. */
  readonly warmUp: () => void;
  /**
   * @param bytes of the job's ranges laid end to end; theirs no more
   * @throws MediaRefusal
   */
  readonly make: (job: SegmentJob, bytes: Uint8Array<ArrayBuffer>) => Promise<Made>;
  readonly stats: () => MakerStats;
  readonly release: () => void;
}

/** @param signal ends it, as `release` does */
export function createMaker(signal: AbortSignal): SegmentMaker {
  signal.throwIfAborted();
  return {
    warmUp: () => undefined,
    make: () => Promise.reject(new MediaRefusal("unsupported-media-file", "no maker of segments yet")),
    stats: () => ({ place: undefined, longestSliceMs: 0 }),
    release: () => undefined,
  };
}
