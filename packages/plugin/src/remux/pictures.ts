/**
 * Which pictures of a track are played, and when each is due: from the first one on that can be decoded.
 */
import { MediaRefusal, type VideoTrack } from "./movie.ts";

/** In decoding order; times are seconds from the first picture, which is shown before all others. */
export interface Pictures {
  readonly count: number;
  /** Index of each in the sample table. */
  readonly samples: Uint32Array;
  readonly times: Float64Array;
  /** The same times, as they are shown. */
  readonly shown: Float64Array;
  readonly isKey: Uint8Array;
  /** When the last one ends. */
  readonly end: number;
  /** When the first picture is due in the movie, from which its sound is counted. */
  readonly start: number;
}

/** Seconds: more is no ad. */
const LONGEST = 300;

/**
 * All from the first key frame on, but for what is shown before it: it was coded from pictures that are not there.
 *
 * @throws MediaRefusal `unsupported-media-file` where there is no key frame, or no duration that an ad has
 */
export function selectPictures({ samples: table, timescale }: VideoTrack): Pictures {
  const first = table.isKey.indexOf(1);
  const origin = table.times[first];
  if (origin === undefined || !(timescale > 0)) throw refuse("expected a key frame, got none");
  const samples = Uint32Array.from({ length: table.count - first }, (_, index) => first + index).filter(
    (sample) => sample === first || (table.times[sample] ?? 0) > origin,
  );
  const times = Float64Array.from(samples, (sample) => ((table.times[sample] ?? 0) - origin) / timescale);
  const shown = times.toSorted();
  const isKey = Uint8Array.from(samples, (sample) => table.isKey[sample] ?? 0);
  const end = findEnd(times, shown, (index) => (table.durations[samples[index] ?? 0] ?? 0) / timescale);
  if (!(end > 0 && end <= LONGEST)) throw refuse(`expected at most ${LONGEST} s, got ${end} s`);
  return { count: samples.length, samples, times, shown, isKey, end, start: origin / timescale };
}

/** Some writers give the last picture no duration: it lasts as long as the one before. */
function findEnd(times: Float64Array, shown: Float64Array, durationOf: (index: number) => number): number {
  const last = shown.at(-1) ?? 0;
  const end = times.reduce((latest, time, index) => Math.max(latest, time + durationOf(index)), last);
  return end > last ? end : last + last - (shown.at(-2) ?? last);
}

function refuse(message: string): MediaRefusal {
  return new MediaRefusal("unsupported-media-file", `pictures: ${message}`);
}
