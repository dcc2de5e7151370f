/** What hls.js has loaded of the content around the viewer, in all that he needs to play on. */
import { findBufferedEnd } from "../viewing/frames.ts";
import type { Engine, EngineAudioTrack, EngineFragment } from "./hls-engine.ts";
import { createLoaded, type Loaded } from "./hls-loaded.ts";

export interface Ahead {
  readonly loaded: Loaded;
  /** Seconds up to which the viewer can play from a time on. */
  readonly reachOf: (media: HTMLMediaElement, time: number) => number;
  readonly isLoadedAt: (media: HTMLMediaElement) => boolean;
  /** Whether the viewer needs more, or will soon. */
  readonly isShort: (media: HTMLMediaElement) => boolean;
  /** Whether a fragment is what comes before a break, and all before it is there. */
  readonly leadsTo: (fragment: EngineFragment, streamTime: number) => boolean;
  /** The viewer may have sought. */
  readonly follow: (media: HTMLMediaElement) => void;
}

/** Seconds by which buffered media may reach over a segment boundary: audio frames, B-frames. */
export const OVERLAP = 0.25;
/** Segments that the viewer keeps ahead while loading pauses. */
const KEPT_SEGMENTS = 1.5;

export function createAhead(engine: Engine, targetDuration: () => number): Ahead {
  const loaded = createLoaded();
  let soughtTo: number | undefined;
  return {
    loaded,
    reachOf: ({ buffered }, time) => loaded.reach(time, buffered, listTypes(engine)),
    isLoadedAt: ({ buffered, currentTime }) =>
      findBufferedEnd(buffered, currentTime) > currentTime || loaded.covers(currentTime, listTypes(engine)),
    // not what was ever loaded: after a seek back that lies beyond a gap
    isShort: ({ buffered, currentTime }) =>
      findBufferedEnd(buffered, currentTime) - currentTime < KEPT_SEGMENTS * targetDuration(),
    // pictures alone, or sound alone, are nothing to see
    leadsTo: (fragment, time) =>
      isBefore(fragment, time - OVERLAP) && loaded.covers(time - 2 * OVERLAP, listTypes(engine)),
    follow: ({ seeking, currentTime }) => {
      // once: what the player loads for the seek follows
      if (seeking && soughtTo !== currentTime) loaded.abandon(currentTime);
      soughtTo = seeking ? currentTime : undefined;
    },
  };
}

export function isBefore({ start, end }: EngineFragment, time: number): boolean {
  return start < time && end >= time;
}

/** What the player loads of the content. */
function listTypes({ audioTracks, audioTrack = -1, allAudioTracks }: Engine): readonly string[] {
  const selected = audioTracks?.[audioTrack];
  const isApart = selected ? hasAddress(selected) : allAudioTracks.some(hasAddress);
  return isApart ? ["main", "audio"] : ["main"];
}

/** Sound without an address is in the segments of the pictures. */
function hasAddress({ url }: EngineAudioTrack): boolean {
  return Boolean(url);
}
