/**
 * Takes a returning viewer of a stitched playlist to where they were: at once, or behind a pre-roll that plays. The server writes
 * the same playlist for everyone who comes, so this is the player's.
 */
import type { BreakSnapshot } from "@interlude/plugin/hls";
import { toStreamTime } from "../content-time.ts";

export interface Resume {
  /** With the first sidecar: from then on it is known where the film goes on. */
  readonly begin: (breaks: readonly BreakSnapshot[]) => void;
  readonly destroy: () => void;
}

/** More often than frames come at 25 per second, so that one of them at most is shown in between. */
const LOOK_MS = 30;
const FIRST = 0.2;

/**
 * Plays `video` from a second of content; 0: from its start, at once.
 *
 * @param beforeJump called right before the playhead leaves a pre-roll that is through
 */
export function createResume(video: HTMLVideoElement, contentTime: number, beforeJump: () => void): Resume {
  let timer: ReturnType<typeof setInterval> | undefined;
  let isBegun = contentTime === 0;
  const play = (): void => void video.play().catch(() => undefined);
  const end = (): void => clearInterval(timer);
  const jumpBehind = (preRollEnd: number, target: number): void => {
    if (video.currentTime < preRollEnd) return;
    end();
    beforeJump();
    // who has gone further meanwhile stays there
    if (video.currentTime < target) video.currentTime = target;
  };
  if (isBegun) play();
  return {
    begin: (breaks) => {
      if (isBegun) return;
      isBegun = true;
      const target = toStreamTime(contentTime, breaks);
      const preRoll = breaks.find(({ state, startTime }) => state === "placed" && startTime < FIRST);
      const preRollEnd = preRoll ? preRoll.startTime + preRoll.duration : 0;
      if (preRoll) timer = setInterval(() => jumpBehind(preRollEnd, target), LOOK_MS);
      else seekOnce(video, target);
      play();
    },
    destroy: end,
  };
}

/** An element without media yet takes no seek. */
function seekOnce(video: HTMLVideoElement, target: number): void {
  const seek = (): void => {
    video.currentTime = target;
  };
  if (video.readyState > 0) seek();
  else video.addEventListener("loadedmetadata", seek, { once: true });
}
