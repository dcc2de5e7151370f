/**
 * When the presentation of a track begins within its media: one pause before it and one piece of it, which is what muxers
 * write for a late start, the reordering of pictures and the priming of an audio encoder.
 *
 * Pictures are shown from the key frame at or before the piece's begin, since nothing is decoded without being shown.
 *
 * @see ISO/IEC 14496-12 §8.6.5, §8.6.6
 */
import { ByteReader, unreadable, unsupported } from "./bytes.ts";
import type { SampleTable } from "./movie.ts";

/** Ticks of the track's timescale. */
export interface Edit {
  /** What is added to each time of the media. */
  readonly shift: number;
  /** When the piece ends, in the presentation; Infinity: with the media. */
  readonly end: number;
}

/** Seconds of a film's hidden beginning that may be seen after all. */
const MAX_HIDDEN = 0.5;

/**
 * @param elst undefined: the media as they are
 * @throws MediaRefusal `unsupported-media-file` when there are several pieces, or one at another speed
 */
export function readEdit(elst: Uint8Array | undefined, movieTimescale: number, timescale: number): Edit {
  if (!elst) return { shift: 0, end: Infinity };
  const reader = new ByteReader(elst, "MP4 elst");
  const isLong = reader.readU8() === 1;
  reader.skip(3);
  const count = reader.readCount(isLong ? 20 : 12);
  let pause = 0;
  let edit: Edit | undefined;
  for (let left = count; left > 0; left--) {
    const duration = ((isLong ? reader.readU64() : reader.readU32()) * timescale) / movieTimescale;
    const mediaTime = isLong ? reader.readI64() : reader.readI32();
    const rate = reader.readU32();
    if (mediaTime < -1) throw unreadable(`MP4 elst: expected a time of the media, got ${mediaTime}`);
    if (mediaTime === -1) {
      pause += duration;
      continue;
    }
    if (edit) throw unsupported("MP4 elst: expected one piece of the media, got several");
    if (rate !== 0x10000) throw unsupported(`MP4 elst: expected a rate of 1, got ${rate / 0x10000}`);
    edit = { shift: Math.round(pause) - mediaTime, end: duration === 0 ? Infinity : pause + duration };
  }
  if (count > 0 && !edit) throw unsupported("MP4 elst: expected a piece of the media, got a pause alone");
  return edit ?? { shift: 0, end: Infinity };
}

/**
 * Pictures that the edit leaves out, shifted times. Samples are left out at both ends alone, in decoding order: others may be
 * needed to decode what is shown.
 *
 * @throws MediaRefusal `unsupported-media-file` when more than half a second would be seen that the edit hides
 */
export function editPictures(samples: SampleTable, edit: Edit, timescale: number): SampleTable {
  const first = findFirstShown(samples, edit.shift);
  const hidden = first > 0 || edit.shift < 0 ? -((samples.times[first] ?? 0) + edit.shift) / timescale : 0;
  if (hidden > MAX_HIDDEN) {
    throw unsupported(`MP4 elst: expected a key frame at most ${MAX_HIDDEN} s before the begin, got ${hidden} s`);
  }
  return slice(samples, first, edit);
}

/** Frames before the begin stay, with times below 0: the plan drops those that the first picture is not met by. */
export function editSound(samples: SampleTable, edit: Edit): SampleTable {
  return slice(samples, 0, edit);
}

/** The last key frame that is shown by the begin. */
function findFirstShown({ count, times, durations, isKey }: SampleTable, shift: number): number {
  let first = 0;
  for (let index = 0; index < count; index++) {
    if (isKey[index] !== 1) continue;
    // half a picture: times that were rounded
    if ((times[index] ?? 0) + shift > (durations[index] ?? 0) / 2) break;
    first = index;
  }
  return first;
}

function slice(samples: SampleTable, first: number, { shift, end }: Edit): SampleTable {
  let last = samples.count;
  while (last > first && (samples.times[last - 1] ?? 0) + shift >= end) last -= 1;
  const move = (time: number): number => time + shift;
  return {
    count: last - first,
    offsets: samples.offsets.slice(first, last),
    sizes: samples.sizes.slice(first, last),
    decodeTimes: samples.decodeTimes.slice(first, last).map(move),
    times: samples.times.slice(first, last).map(move),
    durations: samples.durations.slice(first, last),
    isKey: samples.isKey.slice(first, last),
    entries: samples.entries.slice(first, last),
  };
}
