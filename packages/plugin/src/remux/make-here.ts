/**
 * Makes segments on the page's own thread, where no worker may be: in slices, between which the page goes on. A tab in the background has
 * them made as fast.
 */
import { makeSegment } from "./make-segment.ts";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";

export interface MadeHere extends MadeSegment {
  /** Milliseconds, of all slices. */
  readonly busyMs: number;
  readonly longestSliceMs: number;
}

/** A slice ends with the step in which so much time has passed; a step takes under 2 ms. */
const SLICE_MS = 8;

/** Absent members: the page's own. */
export interface MakeHereDeps {
  /** Milliseconds. */
  readonly now: () => number;
  /** Lets the page go on. */
  readonly pause: () => Promise<void>;
}

/** @throws MediaRefusal */
export async function makeHere(
  job: SegmentJob,
  bytes: Uint8Array<ArrayBuffer>,
  deps?: MakeHereDeps,
): Promise<MadeHere> {
  const turns = deps ? undefined : createTurns();
  const { now, pause } = deps ?? { now: () => performance.now(), pause: () => turns?.next() ?? Promise.resolve() };
  let busyMs = 0;
  let longestSliceMs = 0;
  try {
    for (const making = makeSegment(job, bytes); ; await pause()) {
      const begunAt = now();
      let step = making.next();
      while (!step.done && now() - begunAt < SLICE_MS) step = making.next();
      const sliceMs = now() - begunAt;
      busyMs += sliceMs;
      longestSliceMs = Math.max(longestSliceMs, sliceMs);
      if (step.done) return { ...step.value, busyMs, longestSliceMs };
    }
  } finally {
    turns?.end();
  }
}

/** Messages come in the next turn; timers and frames would be late in a tab in the background. */
function createTurns(): { readonly next: () => Promise<void>; readonly end: () => void } {
  const { port1, port2 } = new MessageChannel();
  port1.start();
  return {
    next: () =>
      new Promise((resolve) => {
        port1.addEventListener("message", () => resolve(), { once: true });
        port2.postMessage(undefined);
      }),
    end: () => {
      port1.close();
      port2.close();
    },
  };
}
