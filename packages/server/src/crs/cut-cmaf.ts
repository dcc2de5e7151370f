/**
 * Packaging `cmaf`: each rendition as fragmented MP4 of pictures alone, and the sound that they share as a track of its own. No
 * ffmpeg: stored samples are put into new boxes, byte for byte.
 */
import { type FileHandle, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SOUND_LEAD } from "@interlude/core";
import type { CutSegment } from "./cut-package.ts";
import { type CutPlan, type SegmentFacts, tagsBetween, type WrittenTrack } from "./cut-plan.ts";
import { segmentDurations } from "./cut-times.ts";
import { SILENT_FRAMES } from "./cut-timing.ts";
import type { EncodedRendition } from "./encoding.ts";
import { AAC_FRAME } from "./ffmpeg-args.ts";
import { readAdts } from "./fmp4-adts.ts";
import { type InitFacts, readInitSegment, readMediaSegment } from "./fmp4-segment.ts";
import { type FragmentSample, type FragmentTrack, formatInitSegment, formatMediaSegment } from "./fmp4-write.ts";
import { readSampleTable, type SampleTable, type StoredSample } from "./mp4-samples.ts";
import { formatEventMessage } from "./timed-metadata-emsg.ts";

/** The folder and the playlist of the sound. */
export const AUDIO_TRACK = "audio";
const INIT = "init.mp4";
/** AAC-LC, stereo, 48 kHz. */
const SILENT_FRAME = Buffer.from([0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80]);

/** @throws Error when a stored file cannot be read */
export async function cutCmaf(plan: CutPlan, signal: AbortSignal): Promise<readonly WrittenTrack[]> {
  const tracks: WrittenTrack[] = [];
  for (const rendition of plan.encoding.renditions) {
    signal.throwIfAborted();
    tracks.push(await cutVideo(plan, rendition));
  }
  return [...tracks, await cutAudio(plan)];
}

async function cutVideo(plan: CutPlan, rendition: EncodedRendition): Promise<WrittenTrack> {
  const file = await open(join(plan.encoding.folder, `${rendition.name}.mp4`));
  try {
    const table = await readSampleTable(file);
    const writer = await createTrackWriter(plan, rendition.name, { ...table, kind: "video" });
    const { cuts, encoding, tags } = plan;
    const lead = Math.round(SOUND_LEAD * table.timescale);
    const halfFrame = (table.samples[0]?.duration ?? 0) / 2;
    const starts = cuts.map((cut) => findKey(table, cut * table.timescale - halfFrame));
    for (const [index, first] of starts.entries()) {
      const samples = table.samples.slice(first, starts[index + 1]);
      const [start = 0, end = encoding.duration] = cuts.slice(index, index + 2);
      await writer.write({
        duration: end - start,
        decodeTime: lead + (samples[0]?.decodeTime ?? 0),
        samples: samples.map(({ time, ...sample }) => ({ ...sample, delay: time - sample.decodeTime })),
        media: await readMedia(file, samples),
        events: tagsBetween(tags, start, end).map((tag) =>
          formatEventMessage({ ...tag, time: tag.time + SOUND_LEAD }, tags.indexOf(tag), table.timescale),
        ),
      });
    }
    return { track: { ...writer.track, kind: "video", rendition }, facts: writer.facts };
  } finally {
    await file.close();
  }
}

/** The first key frame that is shown at or after a time; beyond the last: the end. */
function findKey({ samples }: SampleTable, ticks: number): number {
  const found = samples.findIndex(({ isKey, time }) => isKey && time >= ticks);
  return found < 0 ? samples.length : found;
}

/** What lies between the first sample and the last, which is all theirs where the file holds nothing else. */
async function readMedia(file: FileHandle, samples: readonly StoredSample[]): Promise<Buffer> {
  const start = samples.reduce((least, { offset }) => Math.min(least, offset), Number.POSITIVE_INFINITY);
  const end = samples.reduce((most, { offset, size }) => Math.max(most, offset + size), 0);
  const bytes = Buffer.alloc(Math.max(0, end - start));
  await file.read(bytes, 0, bytes.length, start);
  return Buffer.concat(samples.map(({ offset, size }) => bytes.subarray(offset - start, offset - start + size)));
}

/** Cut as near to the pictures' cuts as its frames permit; its playlist says what that of the pictures says. */
async function cutAudio(plan: CutPlan): Promise<WrittenTrack> {
  const { cuts, encoding } = plan;
  const sound = readAdts(await readFile(join(encoding.folder, "audio.aac")));
  const { sampleRate: timescale, description } = sound;
  const track = { kind: "audio", timescale, description, width: 0, height: 0 } as const;
  const writer = await createTrackWriter(plan, AUDIO_TRACK, track);
  const frames = [...Array.from({ length: SILENT_FRAMES }, () => SILENT_FRAME), ...sound.frames];
  const perSecond = timescale / AAC_FRAME;
  // Sound never ends before the pictures do: players stall at holes in either.
  const last = Math.ceil(encoding.duration * perSecond - ROUNDING);
  const ends = [...cuts.slice(1).map((time) => Math.round(time * perSecond)), last];
  const durations = segmentDurations(cuts, encoding.duration);
  let first = 0;
  for (const [index, end] of ends.entries()) {
    const taken = frames.slice(first, SILENT_FRAMES + end);
    await writer.write({
      duration: durations[index] ?? 0,
      decodeTime: first * AAC_FRAME,
      samples: taken.map((frame) => ({ size: frame.length, duration: AAC_FRAME, delay: 0, isKey: true })),
      media: Buffer.concat(taken),
      events: [],
    });
    first += taken.length;
  }
  return { track: { ...writer.track, kind: "audio" }, facts: writer.facts };
}

/** Frames. */
const ROUNDING = 1e-3;

interface SegmentToWrite {
  /** Seconds. */
  readonly duration: number;
  /** Ticks. */
  readonly decodeTime: number;
  readonly samples: readonly FragmentSample[];
  readonly media: Buffer;
  readonly events: readonly Buffer[];
}

interface TrackWriter {
  /** As far as it is written. */
  readonly track: { readonly name: string; readonly mapUri: string; readonly segments: readonly CutSegment[] };
  readonly facts: readonly SegmentFacts[];
  write(segment: SegmentToWrite): Promise<void>;
}

/** Writes the initialization segment; what its files say is read back from their bytes. */
async function createTrackWriter(plan: CutPlan, name: string, track: FragmentTrack): Promise<TrackWriter> {
  const folder = join(plan.folder, name);
  const init = formatInitSegment(track);
  const initFacts = readInitSegment(init);
  await writeFile(join(folder, INIT), init);
  const segments: CutSegment[] = [];
  const facts: SegmentFacts[] = [];
  return {
    track: { name, mapUri: INIT, segments },
    facts,
    write: async ({ duration, ...fragment }) => {
      const uri = `${String(segments.length).padStart(5, "0")}.m4s`;
      const bytes = formatMediaSegment({ ...fragment, sequence: segments.length + 1 });
      await writeFile(join(folder, uri), bytes);
      facts.push(describe(bytes, initFacts));
      segments.push({ uri, duration, bytes: bytes.length });
    },
  };
}

function describe(bytes: Buffer, { handler, timescale }: InitFacts): SegmentFacts {
  const { times, decodeTime, decodeEnd, startsWithKey, eventTimes } = readMediaSegment(bytes, timescale);
  const isVideo = handler === "vide";
  return {
    videoTimes: isVideo ? times : [],
    videoDecodeTimes: isVideo ? [decodeTime] : [],
    audioTimes: isVideo ? [] : times,
    audioEnd: isVideo ? 0 : decodeEnd,
    metadataTimes: eventTimes,
    startsWithKey,
    decoding: { start: decodeTime, end: decodeEnd },
  };
}
