/**
 * What a creative's plan may ask of the network. A file of many samples may lie scattered, and CORS may hide how long it is.
 */
import { sumRanges } from "./byte-ranges.ts";
import { countRequests } from "./byte-requests.ts";
import { MediaRefusal } from "./movie.ts";
import type { RemuxPlan } from "./segment-job.ts";

/** Each is a round trip, and there are three at a time. */
const MAX_SEGMENT_REQUESTS = 200;
const MAX_REQUESTS = 1000;

/**
 * @param maxBytes of the file
 * @param size of the file, bytes; undefined: not known
 * @throws MediaRefusal `unsupported-media-file` where it is too much; `source-unreadable` where the file ends before
 */
export function checkPlan({ segments }: Pick<RemuxPlan, "segments">, maxBytes: number, size: number = Infinity): void {
  checkMost("bytes", [sum(segments.map(({ ranges }) => sumRanges(ranges)))], maxBytes);
  const ends = segments.map(({ ranges }) => ranges.at(-1)?.end ?? 0);
  const end = ends.reduce((most, one) => Math.max(most, one), 0);
  if (end > size)
    throw new MediaRefusal("source-unreadable", `movie: expected media up to byte ${end}, got a file of ${size}`);
  checkMost("bytes", [end], maxBytes);
  const requests = segments.map(({ ranges }) => countRequests(ranges));
  checkMost("requests for a segment", requests, MAX_SEGMENT_REQUESTS);
  checkMost("requests", [sum(requests)], MAX_REQUESTS);
}

function checkMost(what: string, counts: readonly number[], most: number): void {
  const excess = counts.find((count) => count > most);
  if (excess !== undefined)
    throw new MediaRefusal("unsupported-media-file", `movie: expected at most ${most} ${what}, got ${excess}`);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
