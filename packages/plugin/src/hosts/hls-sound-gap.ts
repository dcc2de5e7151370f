/**
 * The edge from content to an ad, where the content's pictures end later than its sound, as in CMAF whose B-frames nobody has
 * compensated, and in TS where what followed the content was thrown away: the ad's sound begins with its pictures, and a hole is left in
 * the sound. Playback would stand still there, and hls.js would seek a tenth of a second past the hole, over the first pictures of the
 * ad. Silence fills it.
 *
 * @see hls.js 1.7 gap-controller.ts, `_trySkipBufferHole`; buffer-controller.ts, `onBufferAppending`
 */
import type { PlacedAd } from "@interlude/core";
import type { Timeline } from "../viewing/timeline.ts";
import { type Engine, ENGINE_EVENT, type EngineEventData, type EngineFragment } from "./hls-engine.ts";
import { createSilence } from "./silent-aac.ts";

/** Seconds: browsers play over less, and more is something else than the edge. */
const LEAST_HOLE = 0.02;
const MOST_HOLE = 0.25;

interface Hole {
  readonly start: number;
  readonly end: number;
}

export type SoundGapTimeline = Pick<Timeline, "breaks" | "startOf" | "endOf">;

export interface SoundGapFiller {
  /** hls.js has made the buffers. */
  readonly onBuffers: (created: EngineEventData) => void;
  /** What hls.js remuxes begins with an initialisation segment of its own. */
  readonly onCodecs: (parsed: EngineEventData) => void;
  readonly onFragmentBuffered: (fragment: EngineFragment) => void;
  /** The buffers are taken away. */
  readonly forget: () => void;
}

export function createSoundGapFiller(engine: Engine, timeline: SoundGapTimeline): SoundGapFiller {
  let sound: { readonly buffered: TimeRanges } | undefined;
  let remuxed: Uint8Array | undefined;
  const isAtEdge = ({ end }: Hole): boolean => {
    const isNear = (time: number): boolean => Math.abs(time - end) < MOST_HOLE;
    const isEdge = (ad: PlacedAd): boolean => isNear(timeline.startOf(ad)) || isNear(timeline.endOf(ad));
    return timeline.breaks().some(({ ads }) => ads.some(isEdge));
  };
  return {
    onBuffers: ({ tracks }) => {
      sound = tracks?.audio?.buffer ?? sound;
    },
    onCodecs: ({ audio }) => {
      remuxed = audio?.initSegment ?? remuxed;
    },
    onFragmentBuffered: (frag) => {
      const times = frag.elementaryStreams?.audio;
      const init = frag.initSegment?.data ?? remuxed;
      if (!sound || !times || !init) return;
      const isBeside = ({ start, end }: Hole): boolean => isSame(end, times.startPTS) || isSame(start, times.endPTS);
      for (const hole of listHoles(sound.buffered).filter((one) => isBeside(one) && isAtEdge(one))) {
        const data = createSilence(init, hole.end - hole.start);
        if (data) engine.trigger(ENGINE_EVENT.bufferAppending, describeAppend(frag, hole.start, data));
      }
    },
    forget: () => {
      sound = undefined;
      remuxed = undefined;
    },
  };
}

/** As hls.js tells itself to append a chunk of a fragment, beside the fragment as a whole. */
function describeAppend(frag: EngineFragment, offset: number, data: Uint8Array): object {
  const { level, sn, type: parent } = frag;
  const timing = { start: 0, executeStart: 0, executeEnd: 0, end: 0 };
  const part = { part: -1, partial: true, iframe: false };
  const chunkMeta = { level, sn, id: 0, size: data.length, duration: 0, ...part, buffering: { audio: timing } };
  return { type: "audio", parent, frag, part: null, chunkMeta, offset, data };
}

function listHoles(ranges: TimeRanges): readonly Hole[] {
  const holes: Hole[] = [];
  for (let index = 1; index < ranges.length; index++) {
    const hole = { start: ranges.end(index - 1), end: ranges.start(index) };
    const length = hole.end - hole.start;
    if (length > LEAST_HOLE && length < MOST_HOLE) holes.push(hole);
  }
  return holes;
}

/** Whether a range in the buffer ends where a fragment does, less what its last frames were trimmed by. */
function isSame(one: number, other: number): boolean {
  return Math.abs(one - other) < LEAST_HOLE;
}
