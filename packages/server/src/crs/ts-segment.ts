/**
 * Reads what matters of a TS segment that is about to be published: when its pictures, its sound and its timed metadata are
 * presented, and whether it begins with a key frame.
 *
 * @see ISO/IEC 13818-1 §2.4.3.7 (PES)
 */
import type { SegmentFacts } from "./cut-plan.ts";
import {
  readPackets,
  readPresentationTime,
  readProgramPid,
  readStreamTypes,
  TS_AAC,
  TS_H264,
  TS_METADATA,
} from "./ts-packets.ts";

/** @throws Error when it is not a transport stream */
export function readSegment(bytes: Buffer): SegmentFacts {
  const times = new Map<number, number[]>([TS_H264, TS_AAC, TS_METADATA].map((type) => [type, []]));
  let streams: ReadonlyMap<number, number> = new Map();
  let programPid: number | undefined;
  let startsWithKey: boolean | undefined;
  for (const { pid, isStart, isRandomAccess, payload } of readPackets(bytes)) {
    if (!isStart) continue;
    if (pid === 0) programPid = readProgramPid(payload);
    else if (pid === programPid) streams = readStreamTypes(payload);
    else {
      const type = streams.get(pid);
      const time = type === undefined ? undefined : readPresentationTime(payload);
      if (type === undefined || time === undefined) continue;
      if (type === TS_H264) startsWithKey ??= isRandomAccess;
      times.get(type)?.push(time);
    }
  }
  return {
    videoTimes: times.get(TS_H264) ?? [],
    audioTimes: times.get(TS_AAC) ?? [],
    metadataTimes: times.get(TS_METADATA) ?? [],
    startsWithKey: startsWithKey ?? false,
  };
}
