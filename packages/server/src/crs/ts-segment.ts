/**
 * Reads what matters of a TS segment that is about to be published: when its pictures, its sound and its timed metadata are
 * presented, and whether it begins with a key frame.
 *
 * @see ISO/IEC 13818-1 §2.4.3.7 (PES)
 */
import type { SegmentFacts } from "./cut-plan.ts";
import { AAC_FRAME } from "./ffmpeg-args.ts";
import { readAdts } from "./fmp4-adts.ts";
import {
  type PesTimes,
  readPackets,
  readPesBody,
  readPesTimes,
  readProgramPid,
  readStreamTypes,
  TS_AAC,
  TS_H264,
  TS_METADATA,
} from "./ts-packets.ts";

/** @throws Error when it is not a transport stream, or its last sound is not ADTS */
export function readSegment(bytes: Buffer): SegmentFacts {
  const times = new Map<number, PesTimes[]>([TS_H264, TS_AAC, TS_METADATA].map((type) => [type, []]));
  const lastSound: Buffer[] = [];
  let streams: ReadonlyMap<number, number> = new Map();
  let programPid: number | undefined;
  let startsWithKey: boolean | undefined;
  for (const { pid, isStart, isRandomAccess, payload } of readPackets(bytes)) {
    const type = streams.get(pid);
    if (type === TS_AAC) {
      if (isStart) lastSound.length = 0;
      lastSound.push(payload);
    }
    if (!isStart) continue;
    if (pid === 0) programPid = readProgramPid(payload);
    else if (pid === programPid) streams = readStreamTypes(payload);
    else {
      const pes = type === undefined ? undefined : readPesTimes(payload);
      if (type === undefined || pes === undefined) continue;
      if (type === TS_H264) startsWithKey ??= isRandomAccess;
      times.get(type)?.push(pes);
    }
  }
  const presented = (type: number): readonly number[] => times.get(type)?.map(({ presentation }) => presentation) ?? [];
  const audioTimes = presented(TS_AAC);
  return {
    videoTimes: presented(TS_H264),
    videoDecodeTimes: times.get(TS_H264)?.map(({ decoding }) => decoding) ?? [],
    audioTimes,
    audioEnd: (audioTimes.at(-1) ?? 0) + soundLength(lastSound),
    metadataTimes: presented(TS_METADATA),
    startsWithKey: startsWithKey ?? false,
  };
}

/** Of one PES packet, seconds. */
function soundLength(payloads: readonly Buffer[]): number {
  if (payloads.length === 0) return 0;
  const { frames, sampleRate } = readAdts(readPesBody(Buffer.concat(payloads)));
  return (frames.length * AAC_FRAME) / sampleRate;
}
