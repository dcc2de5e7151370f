/**
 * One media element, and whoever has to know what happens to it.
 */
import { createFrameNeed, type FrameNeedDeps } from "./frame-need.ts";
import { type Stall, watchFrames, watchStalls } from "./frames.ts";
import type { Playback } from "./playback.ts";
import type { Steering } from "./steering.ts";
import type { UserActions } from "./user-events.ts";

export interface FollowDeps extends Pick<FrameNeedDeps, "timeline" | "spots" | "now"> {
  readonly playback: Playback;
  readonly steering: Steering;
  readonly user: UserActions;
  readonly onTime: (streamTime: number) => void;
  readonly onStall: (media: HTMLMediaElement, stall: Stall) => void;
}

/** @returns what ends it */
export function followMedia(media: HTMLMediaElement, deps: FollowDeps): () => void {
  const { playback, steering, onTime, onStall } = deps;
  const need = createFrameNeed({ ...deps, isPlaying: () => playback.current() !== undefined });
  const stops = [
    watchFrames(media, {
      onFrame: (time, isShown) => {
        // the first frame of a player that nobody has started is on screen too, and is no impression
        const isSeen = isShown && !media.paused;
        if (steering.onFrame(media, time, isShown)) playback.show(time, media.playbackRate, isSeen);
      },
      onEnded: () => {
        playback.end();
        steering.release(media);
      },
      isNeeded: () => need.isNeeded(media),
    }),
    watchStalls(media, deps.now, (stall) => onStall(media, stall)),
    deps.user.watch(media),
    listen(media, {
      seeking: () => {
        need.onMoved();
        playback.seek();
        steering.onSeeking(media);
        onTime(media.currentTime);
      },
      seeked: steering.onSeeked,
      ratechange: () => steering.onRateChange(media),
      loadeddata: need.onMoved,
      emptied: steering.onEmptied,
      timeupdate: () => onTime(media.currentTime),
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    steering.release(media);
  };
}

function listen(media: HTMLMediaElement, listeners: Readonly<Record<string, () => void>>): () => void {
  const entries = Object.entries(listeners);
  for (const [name, listener] of entries) media.addEventListener(name, listener);
  return () => {
    for (const [name, listener] of entries) media.removeEventListener(name, listener);
  };
}
