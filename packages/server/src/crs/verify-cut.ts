/**
 * Proves that what was cut can be spliced: nothing is published that was not looked at. What sound and pictures must be like at
 * the edges, and why, is told in core's picture-times.ts.
 */
import { SOUND_LEAD } from "@interlude/core";
import type { CutPlan, SegmentFacts, WrittenTrack } from "./cut-plan.ts";
import { segmentDurations } from "./cut-times.ts";
import { decodingLead, isRetimed } from "./cut-timing.ts";
import { AAC_FRAME, SAMPLE_RATE } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/**
 * In TS, sound stands beside the pictures that are decoded, not shown, with it, several frames in one packet. So much may lie
 * between its start and that of the pictures, in any segment but the first. Seconds.
 */
const MAX_SOUND_DISTANCE = 0.2;
/** Of a clock of 90 kHz, with room for the rounding of both ends. Seconds. */
const ROUNDING = 1e-4;
/** Of the clocks of pictures and sound, which differ. Seconds. */
const MILLISECOND = 1e-3;
/** How far the clock of TS may begin above 0. Seconds. */
const MAX_OFFSET = 1;
/** How exactly the first picture of TS is decoded before it is shown. Seconds. */
const MAX_LEAD_ERROR = 4e-3;
/** A remux says less exactly than a ladder where it ends. Seconds. */
const MAX_REMUX_TAIL = 0.1;
const SOUND_FRAME = AAC_FRAME / SAMPLE_RATE;

/**
 * Pictures begin at one time in all tracks, and sound at its place before or with them; each segment begins with a key frame, at its
 * cut, and nearly at its sound; every picture lies in its segment; none rounds above the target duration; sound ends with the
 * pictures; timed metadata is all there.
 *
 * @throws RepackageFailure `output-invalid`
 */
export function verifyCut(plan: CutPlan, tracks: readonly WrittenTrack[]): void {
  const isFragmented = tracks.some(({ track }) => track.mapUri !== undefined);
  const offset = tracks[0]?.facts[0]?.videoTimes[0] ?? Number.POSITIVE_INFINITY;
  const isPlaced = isFragmented ? Math.abs(offset - SOUND_LEAD) < MILLISECOND : offset <= MAX_OFFSET;
  if (!isPlaced) throw new RepackageFailure("output-invalid", `package: expected pictures near 0 s, got ${offset} s`);
  for (const { track, facts } of tracks) {
    const fail = (what: string): never => {
      throw new RepackageFailure("output-invalid", `track ${track.name}, ${plan.targetDuration} s: ${what}`);
    };
    if (facts.length !== plan.cuts.length) fail(`expected ${plan.cuts.length} segments, got ${facts.length}`);
    for (const [index, segment] of facts.entries()) {
      const expected = expect(plan, index, { offset, isFragmented });
      const duration = track.segments[index]?.duration ?? 0;
      const fault =
        (track.kind === "audio" ? undefined : findPictureFault(segment, expected)) ??
        (track.kind === "audio" ? undefined : findTagFault(segment, expected)) ??
        (track.kind === "video" ? undefined : findSoundFault(segment, expected)) ??
        findDecodingFault(segment, facts[index - 1], expected) ??
        (Math.round(duration) > plan.targetDuration ? `expected a shorter one, got ${duration} s` : undefined);
      if (fault !== undefined) fail(`segment ${index}: ${fault}`);
    }
  }
}

/** Times are those of the files' own clock, seconds. */
interface Expected {
  readonly isFragmented: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Of the pictures. */
  readonly start: number;
  readonly end: number;
  readonly frame: number;
  /** undefined: as many as there are. */
  readonly pictures: number | undefined;
  /** How long before it is shown the first picture is decoded; undefined: as the source has it. */
  readonly lead: number | undefined;
  readonly tags: readonly number[];
  /** How much earlier than the end the last picture may end. */
  readonly tail: number;
}

function expect(
  { cuts, encoding, tags }: CutPlan,
  index: number,
  { offset, isFragmented }: { readonly offset: number; readonly isFragmented: boolean },
): Expected {
  const frame = 1 / framesPerSecond(encoding.frameRate);
  const cut = cuts[index] ?? 0;
  const length = segmentDurations(cuts, encoding.duration)[index] ?? 0;
  const isRemux = encoding.keyTimes !== undefined;
  const times = tags.map(({ time }) => time).filter((time) => time >= cut && time < cut + length);
  return {
    isFragmented,
    isFirst: index === 0,
    isLast: index === cuts.length - 1,
    start: offset + cut,
    end: offset + cut + length,
    frame,
    pictures: isRemux ? undefined : Math.round(length / frame),
    lead: isRetimed(encoding) && !isFragmented ? decodingLead(encoding.frameRate) : undefined,
    tags: times.map((time) => time + offset),
    tail: isRemux ? MAX_REMUX_TAIL : frame,
  };
}

function findPictureFault({ videoTimes, startsWithKey }: SegmentFacts, expected: Expected): string | undefined {
  const { start, end, frame, pictures, isLast, tail } = expected;
  const [first] = videoTimes;
  if (first === undefined) return "expected pictures, got none";
  if (!startsWithKey) return "expected a key frame first, got none";
  if (Math.abs(first - start) > ROUNDING) return `expected pictures from ${start} s, got ${first} s`;
  const early = videoTimes.find((time) => time < first);
  if (early !== undefined) return `expected its key frame to be shown first, got a picture at ${early} s`;
  const last = videoTimes.reduce((latest, time) => Math.max(latest, time), 0);
  if (last > end - frame / 2) return `expected pictures until ${end} s, got one at ${last} s`;
  if (isLast && last + frame < end - tail) return `expected pictures until ${end} s, got the last at ${last} s`;
  if (pictures !== undefined && pictures !== videoTimes.length) {
    return `expected ${pictures} pictures, got ${videoTimes.length}`;
  }
  return undefined;
}

function findSoundFault({ audioTimes, audioEnd }: SegmentFacts, expected: Expected): string | undefined {
  const { start, end, isFirst, isLast, isFragmented } = expected;
  const [first] = audioTimes;
  if (first === undefined) return "expected sound, got none";
  const begin = isFirst && isFragmented ? start - SOUND_LEAD : start;
  const distance = isFragmented ? SOUND_FRAME : MAX_SOUND_DISTANCE;
  if (Math.abs(first - begin) > (isFirst ? (isFragmented ? MILLISECOND : ROUNDING) : distance)) {
    return `expected sound from ${begin} s, got ${first} s`;
  }
  if (!isLast) return undefined;
  // In fragmented MP4 sound goes on past the pictures, in TS it does not.
  const [earliest, latest] = isFragmented ? [end, end + SOUND_FRAME] : [end - SOUND_FRAME * 2, end];
  const isRight = audioEnd > earliest - MILLISECOND && audioEnd < latest + MILLISECOND;
  return isRight ? undefined : `expected sound until ${latest} s, got ${audioEnd} s`;
}

function findTagFault({ metadataTimes }: SegmentFacts, { tags }: Expected): string | undefined {
  const isRight =
    metadataTimes.length === tags.length &&
    metadataTimes.every((time, index) => Math.abs(time - (tags[index] ?? 0)) < MILLISECOND);
  return isRight ? undefined : `expected timed metadata at ${tags.join(", ")} s, got ${metadataTimes.join(", ")} s`;
}

function findDecodingFault(
  segment: SegmentFacts,
  before: SegmentFacts | undefined,
  { lead, isFirst }: Expected,
): string | undefined {
  const { videoTimes, videoDecodeTimes, decoding } = segment;
  const [first = 0] = videoTimes;
  const [decoded = 0] = videoDecodeTimes;
  if (decoding) return findFragmentFault(decoding, isFirst ? (videoTimes[0] ?? 0) : before?.decoding?.end);
  if (isFirst && lead !== undefined && Math.abs(first - decoded - lead) > MAX_LEAD_ERROR) {
    return `expected the first picture ${lead} s before it is shown, got ${first - decoded} s`;
  }
  const isOrdered = videoDecodeTimes.every(
    (time, index) =>
      time > (videoDecodeTimes[index - 1] ?? before?.videoDecodeTimes.at(-1) ?? Number.NEGATIVE_INFINITY) &&
      time <= (videoTimes[index] ?? 0) + ROUNDING,
  );
  return isOrdered ? undefined : "expected every picture after the one before, and decoded before it is shown";
}

/** Fragments are decoded one after the other; the first picture is shown as soon as it is decoded, and sound begins at 0. */
function findFragmentFault(decoding: { readonly start: number }, expected = 0): string | undefined {
  if (Math.abs(decoding.start - expected) < ROUNDING) return undefined;
  return `expected decoding from ${expected} s, got ${decoding.start} s`;
}
