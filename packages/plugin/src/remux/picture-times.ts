/**
 * When each picture of a creative is decoded and shown, whatever its file says of decoding.
 *
 * MPEG-TS: as the first layer of CRS would be if it were encoded anew. The first picture is decoded a little before it is shown however
 * deep the reordering, the second one is shown late; within a second all are where they were, and evenly decoded as far ahead as their
 * order asks for.
 *
 * Over a cut, decoding goes on by the step that it took before: hls.js takes the last step of a segment for the length of its last
 * picture, and moves the pictures of the next one where they are not decoded just then.
 *
 * Fragmented MP4: the n-th picture is decoded when the n-th is shown, so that the first is shown as soon as it is decoded.
 *
 * @see core/hls/picture-times.ts; hls.js 1.7.4, mp4-remuxer `remuxVideo`; ISO/IEC 14496-12 §8.8.8 (negative composition offsets)
 */
import { decodedAhead, DECODED_AHEAD, decodingLead, isRetimed, pictureDelay, type PictureLead } from "@interlude/core";
import type { Cut } from "./cuts.ts";
import { MediaRefusal } from "./movie.ts";
import type { Pictures } from "./pictures.ts";

/** In decoding order; decode times rise. */
export interface PictureTimes {
  readonly decodeTimes: Float64Array;
  readonly times: Float64Array;
}

/** Of frames: the least step of decoding, so small that all that is decoded before the second picture fits behind the first. */
const LEAST_STEP = 1 / 16;
/** Seconds: two ticks of 90 kHz. */
const SHORTEST_STEP = 2 / 90_000;
/** Seconds: 16 pictures, which is all that a decoder holds, at 16 per second. */
const LONGEST_LEAD = 1;

/**
 * For MPEG-TS, in seconds from when the first picture is shown; nothing is decoded later than shown.
 *
 * @throws MediaRefusal `unsupported-media-file` where pictures are decoded long before they are shown
 */
export function timePictures(pictures: Pictures, cuts: readonly Cut[]): PictureTimes & { readonly lead: PictureLead } {
  const { count, times: due, shown, end } = pictures;
  const frame = shown[1] ?? end;
  const isElastic = isRetimed(frame, end);
  const times = isElastic ? due.map((time) => time + pictureDelay(time, frame)) : due;
  const late = isElastic ? shown.map((time) => time + pictureDelay(time, frame)) : shown;
  const reordering = findReordering(pictures);
  const ahead = Math.max(isElastic ? DECODED_AHEAD * frame : 0, reordering);
  const step = Math.max(frame * LEAST_STEP, SHORTEST_STEP);
  const decodeTimes = new Float64Array(count);
  for (let index = count - 1, next = Infinity; index >= 0; index--) {
    const distance = isElastic ? decodedAhead(shown[index] ?? 0, frame, ahead) : ahead;
    next = Math.min((late[index] ?? 0) - distance, times[index] ?? 0, next - step);
    decodeTimes[index] = next;
  }
  const first = isElastic ? decodingLead(frame) : ahead;
  decodeTimes[0] = Math.min(0 - first, (decodeTimes[1] ?? Infinity) - step);
  keepSteps(decodeTimes, cuts);
  const seconds = Math.abs(decodeTimes[0]);
  if (Math.max(seconds, reordering) > LONGEST_LEAD)
    throw new MediaRefusal(
      "unsupported-media-file",
      `pictures: expected reordering within ${LONGEST_LEAD} s, got more`,
    );
  return { decodeTimes, times, lead: { seconds, isElastic } };
}

/** How much later than in order a picture is decoded at most. */
function findReordering({ times, shown }: Pictures): number {
  return times.reduce((most, time, index) => Math.max(most, (shown[index] ?? 0) - time), 0);
}

/** Only ever decodes earlier. */
function keepSteps(decodeTimes: Float64Array, cuts: readonly Cut[]): void {
  for (const { picture } of cuts) {
    const [before, last, next] = decodeTimes.subarray(Math.max(0, picture - 2), picture + 1);
    if (before === undefined || last === undefined || next === undefined) continue;
    decodeTimes[picture] = Math.min(next, last + last - before);
    decodeTimes[picture - 1] = Math.min(last, (before + next) / 2);
  }
}

/**
 * For fragmented MP4, in ticks.
 *
 * @param lead when the first picture is shown
 */
export function orderPictures({ times, shown }: Pictures, timescale: number, lead: number): PictureTimes {
  const toTicks = (time: number): number => lead + Math.round(time * timescale);
  const decodeTimes = new Float64Array(shown.length);
  let least = lead;
  for (const [index, time] of shown.entries()) {
    least = Math.max(least, toTicks(time));
    decodeTimes[index] = least;
    least += 1;
  }
  return { decodeTimes, times: times.map(toTicks) };
}
