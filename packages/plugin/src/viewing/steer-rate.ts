/**
 * The playbackRate: trick play, and who is to be kept in an ad.
 */
import type { Helm, HelmDeps } from "./helm.ts";
import type { SteeredMedia } from "./playhead.ts";
import { NEAR } from "./seeking.ts";
import { playFrom } from "./turns.ts";

export interface RateDeps extends Pick<HelmDeps, "spots" | "rules" | "playing"> {
  /** Above it, ads are left out. */
  readonly trickPlayRate: number;
  readonly toContentTime: (streamTime: number) => number;
}

export interface RateSteering {
  readonly onRateChange: (media: SteeredMedia) => void;
  /** With each frame: in an ad that the viewer is to be kept in a faster rate waits for its end. */
  readonly holdRate: (media: SteeredMedia) => void;
  /** The element is followed no more, or has played all that it has: what waits is due. */
  readonly release: (media: SteeredMedia) => void;
}

export function createRateSteering(deps: RateDeps, helm: Helm): RateSteering {
  const { rules } = deps;
  /** Faster than an ad may play. */
  let waiting: number | undefined;
  const isKept = (): boolean => rules.keepInAds && deps.playing() !== undefined;
  const release = (media: SteeredMedia): void => {
    if (waiting !== undefined) media.playbackRate = waiting;
    waiting = undefined;
  };
  const { playhead, trickPlay } = helm;
  /** The breaks that were left out play now, as the rules have it. */
  const makeUp = (media: SteeredMedia): void => {
    const to = media.currentTime;
    const { leftOut } = trickPlay;
    trickPlay.leftOut = [];
    const behind = deps.spots().filter(({ breakId, end }) => leftOut.includes(breakId) && end <= to + NEAR);
    const chosen = rules.selectToPlay(behind[0]?.start ?? to, to, behind);
    const [first] = chosen;
    const queue = chosen.map(({ breakId }) => breakId);
    if (first) helm.take(media, playFrom(first, { queue, goal: deps.toContentTime(to), reason: "return" }, to));
  };
  return {
    release,
    holdRate: (media) => {
      if (!isKept()) return release(media);
      if (media.playbackRate <= 1) return;
      waiting ??= media.playbackRate;
      media.playbackRate = 1;
    },
    onRateChange: (media) => {
      const rate = media.playbackRate;
      if (isKept()) {
        if (rate > 1) media.playbackRate = 1;
        // the viewer wants it slower now
        if (rate < 1) waiting = undefined;
        return;
      }
      const wasOn = trickPlay.isOn;
      trickPlay.isOn = rate > deps.trickPlayRate;
      if (trickPlay.isOn === wasOn) return;
      if (wasOn) return makeUp(media);
      const playing = deps.playing();
      const spot = deps.spots().find(({ breakId }) => breakId === playing);
      if (spot) helm.passOver(media, playhead.position(), spot, "trick-play");
    },
  };
}
