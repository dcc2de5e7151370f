/**
 * What is on screen, in any player: frames counted into breaks and ads, and no picture that stands still for good.
 */
import type { BeaconSender } from "./beacons.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Emit } from "../events.ts";
import { type Stall, watchFrames, watchStalls } from "./frames.ts";
import { createPlayback } from "./playback.ts";
import type { AdSpan, Timeline } from "./timeline.ts";

export interface ViewingDeps {
  readonly timeline: Timeline;
  readonly entries: () => readonly BreakEntry[];
  readonly beacons: BeaconSender;
  readonly emit: Emit;
  readonly toContentTime: (streamTime: number) => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** The playhead has moved on, a few times a second, or has been moved. */
  readonly onTime: (streamTime: number) => void;
}

export interface Viewing {
  /** Follows this element from now on, and no other; null: none. */
  readonly watch: (media: HTMLMediaElement | null) => void;
  /** The media is taken away from the element: what plays has ended. */
  readonly stop: () => void;
  /** The ad on screen. */
  readonly current: () => AdSpan | undefined;
}

export function createViewing(deps: ViewingDeps): Viewing {
  const { timeline, emit, now } = deps;
  const playback = createPlayback(deps);
  let unwatch: (() => void) | undefined;

  const onStall = (media: HTMLMediaElement, { target, nudges }: Stall): void => {
    const span = playback.current();
    if (target !== undefined) {
      media.currentTime = target;
      return;
    }
    if (!span) return;
    const message = `ad ${span.placed.breakId}/${span.placed.index}: the picture stood still after ${nudges - 1} nudges`;
    emit("error", { fatal: false, code: "playlist-malformed", message, cause: undefined });
    media.currentTime = timeline.endOf(span.placed) + 0.01;
  };
  const follow = (media: HTMLMediaElement): (() => void) => {
    const stops = [
      watchFrames(media, (time, isShown) => playback.show(time, media.playbackRate, isShown), playback.end),
      watchStalls(media, now, (stall) => onStall(media, stall)),
    ];
    const onTime = (): void => deps.onTime(media.currentTime);
    media.addEventListener("seeking", playback.seek);
    media.addEventListener("seeking", onTime);
    media.addEventListener("timeupdate", onTime);
    return () => {
      media.removeEventListener("seeking", playback.seek);
      media.removeEventListener("seeking", onTime);
      media.removeEventListener("timeupdate", onTime);
      for (const stop of stops) stop();
    };
  };

  return {
    watch: (media) => {
      unwatch?.();
      unwatch = media ? follow(media) : undefined;
    },
    stop: playback.stop,
    current: playback.current,
  };
}
