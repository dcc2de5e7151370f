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

/** @returns what is done when the rate has changed */
export function createRateSteering(deps: RateDeps, helm: Helm): (media: SteeredMedia) => void {
  const { rules } = deps;
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
  return (media) => {
    const rate = media.playbackRate;
    const playing = deps.playing();
    const spot = deps.spots().find(({ breakId }) => breakId === playing);
    if (spot && rules.keepInAds && rate > 1) {
      media.playbackRate = 1;
      return;
    }
    const wasOn = trickPlay.isOn;
    trickPlay.isOn = rate > deps.trickPlayRate;
    if (trickPlay.isOn === wasOn) return;
    if (wasOn) makeUp(media);
    else if (spot) helm.passOver(media, playhead.position(), spot, "trick-play");
  };
}
