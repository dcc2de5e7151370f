/**
 * The viewer's seeks, each decided on with those just before it.
 */
import type { Helm, HelmDeps } from "./helm.ts";
import type { SteeredMedia } from "./playhead.ts";
import { decideSeek, type SeekDecision, type SeekFacts } from "./seeking.ts";
import { follow } from "./turns.ts";
import type { Watched } from "./watched.ts";

export interface SeekDeps extends Pick<HelmDeps, "spots" | "rules" | "playing" | "now"> {
  readonly watched: Watched;
  readonly toContentTime: (streamTime: number) => number;
  /** The viewer has sought, and no policy has sent him elsewhere. */
  readonly onSeek?: (from: number, to: number) => void;
}

export interface SeekSteering {
  readonly onSeeking: (media: SteeredMedia) => void;
  /** The viewer's seek, now that its breaks are known. */
  readonly seekFrom: (media: SteeredMedia, from: number, to: number) => void;
}

/** Seeks in quick succession, one drag of a slider, and what was when they began. */
interface Gesture extends Pick<SeekFacts, "from" | "playing"> {
  readonly watched: ReadonlySet<string>;
  readonly at: number;
}

const GESTURE_MS = 1000;

export function createSeekSteering(deps: SeekDeps, helm: Helm): SeekSteering {
  const { playhead, course, trickPlay } = helm;
  let last: Gesture | undefined;

  const readGesture = (from: number): Gesture => {
    const at = deps.now();
    const isSame = last !== undefined && at - last.at < GESTURE_MS;
    last = isSame && last ? { ...last, at } : { from, playing: deps.playing(), watched: deps.watched.breakIds(), at };
    return last;
  };
  const decide = (media: SteeredMedia, facts: Omit<SeekFacts, "isTrickPlay">): SeekDecision => {
    const { from, to } = facts;
    const decision = decideSeek({ ...facts, isTrickPlay: trickPlay.isOn }, deps.rules);
    trickPlay.leftOut = [...trickPlay.leftOut, ...decision.leftOut];
    helm.take(media, follow(decision, course.plan, to, deps.toContentTime(to)), from);
    return decision;
  };
  return {
    seekFrom: (media, from, to) => {
      playhead.move(media, to);
      decide(media, { from, to, spots: deps.spots(), playing: undefined });
    },
    onSeeking: (media) => {
      const position = playhead.seek(media);
      if (position === undefined) return;
      helm.onSought();
      const { from, playing, watched } = readGesture(position);
      const to = media.currentTime;
      const spots = deps.spots().map((spot) => ({ ...spot, watched: watched.has(spot.breakId) }));
      const { reason } = decide(media, { from, to, spots, playing });
      if (reason === undefined && !trickPlay.isOn) deps.onSeek?.(from, to);
    },
  };
}
