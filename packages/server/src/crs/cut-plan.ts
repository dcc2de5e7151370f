/** What is to be cut, and what came out of it before anything is believed. */
import type { CutTrack } from "./cut-package.ts";
import type { Encoding } from "./encoding.ts";
import type { TimedMetadata } from "./timed-metadata.ts";

export interface CutPlan {
  readonly encoding: Encoding;
  /** When segments begin, seconds, 0 first. */
  readonly cuts: readonly number[];
  readonly targetDuration: number;
  /** Empty: the segments carry none. */
  readonly tags: readonly TimedMetadata[];
  /** Below which the tracks' folders are. */
  readonly folder: string;
}

/** A track with what its files say of themselves, segment by segment. */
export interface WrittenTrack {
  readonly track: CutTrack;
  readonly facts: readonly SegmentFacts[];
}

/** Times are seconds, in the order of the file; lists are empty where there is no such stream. */
export interface SegmentFacts {
  /** When pictures are shown, and when they are decoded. */
  readonly videoTimes: readonly number[];
  readonly videoDecodeTimes: readonly number[];
  /** When packets of sound begin, and the last one ends. */
  readonly audioTimes: readonly number[];
  readonly audioEnd: number;
  readonly metadataTimes: readonly number[];
  /** Whether the first picture is marked as a point where decoding can begin. */
  readonly startsWithKey: boolean;
  /** Fragmented MP4 says when decoding begins and ends; players place the segment by it. */
  readonly decoding?: { readonly start: number; readonly end: number };
}

/** The tags whose times lie in one segment. */
export function tagsBetween(tags: readonly TimedMetadata[], start: number, end: number): readonly TimedMetadata[] {
  return tags.filter(({ time }) => time >= start && time < end);
}
