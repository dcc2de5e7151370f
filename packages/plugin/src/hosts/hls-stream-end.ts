/**
 * The end of a film with a hole in its buffer: Firefox lists one where the pictures behind an ad begin later than its own end. hls.js plays
 * over it, but takes what lies behind for a stretch that the rest has yet to reach, never says that all of the film is there, and the
 * element waits at the last picture without ending. It is told so.
 *
 * @see hls.js 1.7 base-stream-controller.ts, `_streamEnded`: with `maxBufferHole`, `start` is that of the first stretch
 */
import { findBufferedEnd } from "../viewing/frames.ts";
import { type Engine, ENGINE_EVENT } from "./hls-engine.ts";

/** What is read of hls.js. */
export interface EndingEngine extends Pick<Engine, "levels" | "loadLevel" | "bufferingEnabled" | "trigger"> {
  readonly media: Pick<HTMLMediaElement, "ended" | "currentTime" | "duration" | "buffered"> | null;
}

/** Seconds before the end of the film. */
const NEAR = 1;
/** Seconds by which sound and pictures may end apart. */
const APART = 0.1;

/** Has an element whose film is loaded end. To be called as the viewer gets on; what has ended already hls.js leaves as it is. */
export function endStream(engine: EndingEngine): void {
  const { media, levels, loadLevel = 0 } = engine;
  // while loading pauses a break is still to come
  if (!media || media.ended || media.buffered.length < 2 || !engine.bufferingEnabled) return;
  if (levels[loadLevel]?.details?.live !== false) return;
  const { buffered, currentTime, duration } = media;
  const isNear = duration - currentTime < NEAR;
  if (isNear && findBufferedEnd(buffered, currentTime) > duration - APART) engine.trigger(ENGINE_EVENT.bufferEos, {});
}
