/**
 * The edge from content to an ad, where the content's pictures end later than its sound, as in CMAF whose B-frames nobody has
 * compensated: the ad's sound begins with its pictures, and a hole is left in the sound. Playback would stand still there, and hls.js
 * would seek a tenth of a second past the hole, over the first pictures of the ad. Silence fills it.
 *
 * @see hls.js 1.7 gap-controller.ts, `_trySkipBufferHole`; buffer-controller.ts, `onBufferAppending`
 */
import type { PlacedAd } from "@interlude/core";
import type { Timeline } from "../viewing/timeline.ts";
import { type Engine, ENGINE_EVENT, type EngineEventData } from "./hls-engine.ts";
import { createSilence } from "./silent-aac.ts";

/** Seconds: browsers play over less, and more is something else than the edge. */
const LEAST_HOLE = 0.02;
const MOST_HOLE = 0.25;

interface Hole {
  readonly start: number;
  readonly end: number;
}

export type SoundGapTimeline = Pick<Timeline, "breaks" | "startOf" | "endOf">;

/** @returns to be called with what hls.js tells of each thing that it has appended */
export function createSoundGapFiller(engine: Engine, timeline: SoundGapTimeline): (appended: EngineEventData) => void {
  /** How the filling itself is told of. */
  let own: object | undefined;
  const isAtEdge = ({ end }: Hole): boolean => {
    const isNear = (time: number): boolean => Math.abs(time - end) < MOST_HOLE;
    const isEdge = (ad: PlacedAd): boolean => isNear(timeline.startOf(ad)) || isNear(timeline.endOf(ad));
    return timeline.breaks().some(({ ads }) => ads.some(isEdge));
  };
  return ({ type, frag, chunkMeta, timeRanges }) => {
    const times = frag?.elementaryStreams?.audio;
    const init = frag?.initSegment?.data;
    if (type !== "audio" || !times || !init || !chunkMeta || chunkMeta === own) return;
    for (const hole of listHoles(timeRanges?.audio)) {
      const isBeside = isSame(hole.end, times.startPTS) || isSame(hole.start, times.endPTS);
      const data = isBeside && isAtEdge(hole) ? createSilence(init, hole.end - hole.start) : undefined;
      if (!data) continue;
      own = { ...chunkMeta, partial: true, buffering: { audio: {} } };
      engine.trigger(ENGINE_EVENT.bufferAppending, {
        type,
        parent: frag.type,
        frag,
        part: null,
        chunkMeta: own,
        offset: hole.start,
        data,
      });
      return;
    }
  };
}

function listHoles(ranges: TimeRanges | undefined): readonly Hole[] {
  const holes: Hole[] = [];
  for (let index = 1; index < (ranges?.length ?? 0); index++) {
    const hole = { start: ranges?.end(index - 1) ?? 0, end: ranges?.start(index) ?? 0 };
    const length = hole.end - hole.start;
    if (length > LEAST_HOLE && length < MOST_HOLE) holes.push(hole);
  }
  return holes;
}

/** Whether a range in the buffer ends where a fragment does, less what its last frames were trimmed by. */
function isSame(one: number, other: number): boolean {
  return Math.abs(one - other) < LEAST_HOLE;
}
