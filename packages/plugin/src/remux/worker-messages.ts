/** What the page and its worker tell each other. */
import type { SkipReason } from "@interlude/core";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";

/** The bytes are the worker's from then on. */
export interface ToWorker {
  readonly id: number;
  readonly job: SegmentJob;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** First of all that it is there; then one answer for each job. */
export type FromWorker =
  | { readonly isUp: true }
  | { readonly id: number; readonly made: MadeSegment & { readonly busyMs: number } }
  | { readonly id: number; readonly refused: { readonly reason: SkipReason; readonly message: string } };
