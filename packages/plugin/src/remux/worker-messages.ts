/** What the page and its worker tell each other. */
import type { SkipReason } from "@interlude/core";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";

/** The bytes are the worker's from then on. One at a time. */
export interface ToWorker {
  readonly job: SegmentJob;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What became of a job. */
export type MakerAnswer =
  | { readonly made: MadeSegment & { readonly busyMs: number } }
  | { readonly refused: { readonly reason: SkipReason; readonly message: string } };

/** First of all that it is there; then one answer for each job. */
export type FromWorker = { readonly isUp: true } | MakerAnswer;
