/**
 * The policies at work on one media element, in any player: a seek that ends elsewhere than the viewer asked, a break that is passed
 * over before its first frame, the way on to the viewer's target behind a break.
 *
 * @see primetime.md §4.6
 */
import { createHelm, type HelmDeps } from "./helm.ts";
import type { Playhead, SteeredMedia } from "./playhead.ts";
import { createFrameSteering, type FrameDeps, type FrameSteering } from "./steer-frames.ts";
import { createRateSteering, type RateDeps, type RateSteering } from "./steer-rate.ts";
import { createSeekSteering, type SeekDeps, type SeekSteering } from "./steer-seeks.ts";

export type SteeringDeps = HelmDeps & FrameDeps & SeekDeps & RateDeps;

export interface Steering
  extends FrameSteering, SeekSteering, Omit<RateSteering, "holdRate">, Pick<Playhead, "onSeeked"> {
  /** A seek that no policy is asked about. */
  readonly move: (media: SteeredMedia, target: number) => void;
  /** The element has nothing any more: another one, another source, or the player starts over. */
  readonly onEmptied: () => void;
}

export function createSteering(deps: SteeringDeps): Steering {
  const helm = createHelm(deps);
  const { playhead } = helm;
  const rate = createRateSteering(deps, helm);
  const frames = createFrameSteering(deps, helm);
  return {
    ...createSeekSteering(deps, helm),
    onRateChange: rate.onRateChange,
    release: rate.release,
    onFrame: (media, time, isShown) => {
      rate.holdRate(media);
      return frames.onFrame(media, time, isShown);
    },
    onSeeked: playhead.onSeeked,
    move: playhead.move,
    onEmptied: () => {
      frames.onEmptied();
      playhead.onEmptied();
    },
  };
}
