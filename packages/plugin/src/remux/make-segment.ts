/**
 * Makes one virtual segment of a creative's own samples, in the packaging that the content has: nothing is decoded.
 */
import { writeFragments } from "./fmp4-segment.ts";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";
import { writeTransportStream } from "./ts-segment.ts";

/**
 * Stops about every 64 kB, so that who has no worker can let the page go on in between.
 *
 * @param bytes the segment's ranges laid end to end
 * @throws MediaRefusal `source-unreadable` where the bytes are not what the job says, `unsupported-media-file` where they cannot be written
 */
export function* makeSegment(job: SegmentJob, bytes: Uint8Array): Generator<void, MadeSegment> {
  if (job.packaging === "cmaf") return yield* writeFragments(job, bytes);
  return { main: yield* writeTransportStream(job, bytes), audio: undefined };
}
