/** Proves that what was cut can be spliced: nothing is published that was not looked at. */
import type { CutPlan, SegmentFacts, WrittenTrack } from "./cut-plan.ts";
import { segmentDurations } from "./cut-times.ts";
import { AAC_FRAME, SAMPLE_RATE } from "./ffmpeg-args.ts";
import { framesPerSecond } from "./frame-rate.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** ffmpeg puts several AAC frames into one PES packet, at most this long. Seconds. */
const MAX_SOUND_PACKET = 0.2;
/** In TS, sound that is heard before a picture is shown may stand behind it: pictures are sent before they are shown. Seconds. */
const MAX_SOUND_LEAD = 0.2;
/** Of a clock of 90 kHz, with room for the rounding of both ends. Seconds. */
const ROUNDING = 1e-4;
/** How far the clock of TS may begin above 0. Seconds. */
const MAX_OFFSET = 1;
/** A remux says less exactly than a ladder where it ends. Seconds. */
const MAX_REMUX_TAIL = 0.1;

/**
 * Sound and picture of all tracks begin at one time; each segment begins with a key frame, at its cut, and nearly at its sound;
 * every picture lies in its segment; none rounds above the target duration; sound ends with the picture; timed metadata is all
 * there.
 *
 * @throws RepackageFailure `output-invalid`
 */
export function verifyCut(plan: CutPlan, tracks: readonly WrittenTrack[]): void {
  const offset = firstTime(tracks[0]);
  if (offset > (tracks.some(({ track }) => track.mapUri !== undefined) ? 0 : MAX_OFFSET)) {
    throw new RepackageFailure("output-invalid", `package: expected times from 0 s, got ${offset} s`);
  }
  for (const { track, facts } of tracks) {
    const fail = (what: string): never => {
      throw new RepackageFailure("output-invalid", `track ${track.name}, ${plan.targetDuration} s: ${what}`);
    };
    if (facts.length !== plan.cuts.length) fail(`expected ${plan.cuts.length} segments, got ${facts.length}`);
    const hasPictures = track.kind !== "audio";
    const hasSound = track.kind !== "video";
    for (const [index, segment] of facts.entries()) {
      const expected = expect(plan, index, offset);
      const duration = track.segments[index]?.duration ?? 0;
      const fault =
        (hasPictures ? findPictureFault(segment, expected) : undefined) ??
        (hasSound ? findSoundFault(segment, expected) : undefined) ??
        (hasPictures ? findTagFault(segment, expected) : undefined) ??
        findDecodingFault(segment, facts[index - 1]) ??
        (Math.round(duration) > plan.targetDuration ? `expected a shorter one, got ${duration} s` : undefined);
      if (fault !== undefined) fail(`segment ${index}: ${fault}`);
    }
  }
}

function firstTime(written: WrittenTrack | undefined): number {
  return written?.facts[0]?.videoTimes[0] ?? Number.POSITIVE_INFINITY;
}

interface Expected {
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** On the clock of the files, seconds. */
  readonly start: number;
  readonly end: number;
  readonly frame: number;
  /** undefined: as many as there are. */
  readonly pictures: number | undefined;
  readonly tags: readonly number[];
  /** How much earlier than the end the last picture or sound may end. */
  readonly tail: number;
}

function expect({ cuts, encoding, tags }: CutPlan, index: number, offset: number): Expected {
  const frame = 1 / framesPerSecond(encoding.frameRate);
  const cut = cuts[index] ?? 0;
  const length = segmentDurations(cuts, encoding.duration)[index] ?? 0;
  const isRemux = encoding.keyTimes !== undefined;
  return {
    isFirst: index === 0,
    isLast: index === cuts.length - 1,
    start: offset + cut,
    end: offset + cut + length,
    frame,
    pictures: isRemux ? undefined : Math.round(length / frame),
    tags: tags
      .map(({ time }) => time)
      .filter((time) => time >= cut && time < cut + length)
      .map((time) => time + offset),
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

function findSoundFault({ audioTimes, decoding }: SegmentFacts, expected: Expected): string | undefined {
  const { start, end, isFirst, isLast, tail } = expected;
  const [first] = audioTimes;
  const last = audioTimes.at(-1);
  if (first === undefined || last === undefined) return "expected sound, got none";
  const aacFrame = AAC_FRAME / SAMPLE_RATE;
  const isExact = decoding !== undefined;
  const lead = isFirst ? ROUNDING : isExact ? aacFrame : MAX_SOUND_LEAD;
  if (Math.abs(first - start) > lead) return `expected sound from ${start} s, got ${first} s`;
  const soundEnd = isExact ? decoding.end : last + MAX_SOUND_PACKET;
  if (isLast && soundEnd < end - aacFrame - tail) return `expected sound until ${end} s, got ${soundEnd} s`;
  return undefined;
}

function findTagFault({ metadataTimes }: SegmentFacts, { tags }: Expected): string | undefined {
  const isRight =
    metadataTimes.length === tags.length &&
    metadataTimes.every((time, index) => Math.abs(time - (tags[index] ?? 0)) < ROUNDING);
  return isRight ? undefined : `expected timed metadata at ${tags.join(", ")} s, got ${metadataTimes.join(", ")} s`;
}

/** Fragments are decoded one after the other, the first at 0. */
function findDecodingFault({ decoding }: SegmentFacts, before: SegmentFacts | undefined): string | undefined {
  const expected = before?.decoding?.end ?? 0;
  if (decoding === undefined || Math.abs(decoding.start - expected) < ROUNDING) return undefined;
  return `expected decoding from ${expected} s, got ${decoding.start} s`;
}
