/**
 * The worker: makes segments of jobs, one after the other. It asks the network for nothing.
 */
import { makeSegment } from "./make-segment.ts";
import { MediaRefusal } from "./movie.ts";
import type { FromWorker, MakerAnswer, ToWorker } from "./worker-messages.ts";

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  const answer = makeWhole(data);
  const made = "made" in answer ? answer.made : undefined;
  const buffers = [made?.main.buffer, made?.audio?.buffer].filter((buffer) => buffer !== undefined);
  post(answer, buffers);
});
post({ isUp: true }, []);

function post(message: FromWorker, transfer: ArrayBuffer[]): void {
  self.postMessage(message, { transfer });
}

function makeWhole({ job, bytes }: ToWorker): MakerAnswer {
  try {
    const begunAt = performance.now();
    const making = makeSegment(job, bytes);
    let step = making.next();
    while (!step.done) step = making.next();
    return { made: { ...step.value, busyMs: performance.now() - begunAt } };
  } catch (cause) {
    const reason = cause instanceof MediaRefusal ? cause.reason : "media-unavailable";
    return { refused: { reason, message: cause instanceof Error ? cause.message : String(cause) } };
  }
}
