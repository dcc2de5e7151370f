/**
 * Frame by frame: breaks that are reached, and the way on behind them.
 */
import { createEdgeWatch } from "./edge-watch.ts";
import type { Helm, HelmDeps } from "./helm.ts";
import type { SteeredMedia } from "./playhead.ts";
import { findSpot, type Spot } from "./seeking.ts";
import { goOn, goTo, type StartGoal, type TurnFacts } from "./turns.ts";

export interface FrameDeps extends Pick<HelmDeps, "spots" | "rules" | "playing" | "onFinish"> {
  readonly toStreamTime: (contentTime: number) => number;
  /** Undefined: nothing is to be done at the start. */
  readonly startGoal: () => StartGoal | undefined;
}

export interface FrameSteering {
  /** @returns whether the frame is one that the viewer is to see */
  readonly onFrame: (media: SteeredMedia, time: number, isShown: boolean) => boolean;
  readonly onEmptied: () => void;
}

export function createFrameSteering(deps: FrameDeps, helm: Helm): FrameSteering {
  const { toStreamTime } = deps;
  const { canPlay } = deps.rules;
  const { playhead, course, trickPlay } = helm;
  const edgeWatch = createEdgeWatch();
  let isStarted = false;

  const readFacts = (time: number): TurnFacts => ({ time, spots: deps.spots(), canPlay, toStreamTime });
  const start = (media: SteeredMedia, time: number): boolean => {
    isStarted = true;
    const goal = deps.startGoal();
    const turn = goal && goTo(goal, readFacts(time));
    return !turn || helm.take(media, turn);
  };
  const reach = (media: SteeredMedia, time: number, spot: Spot): boolean => {
    const { breakId, watched } = spot;
    if (trickPlay.isOn) {
      trickPlay.leftOut = [...trickPlay.leftOut, breakId];
      return helm.passOver(media, time, spot, "trick-play");
    }
    if (!canPlay(spot)) return helm.passOver(media, time, spot, watched ? "watched" : "skipped");
    course.admitted = breakId;
    return true;
  };
  /** @param next when the next frame comes */
  const look = (media: SteeredMedia, time: number, next: number): boolean => {
    const spots = deps.spots();
    const { plan } = course;
    const due = plan && spots.find(({ breakId }) => breakId === plan.queue[0]);
    if (!due) course.plan = undefined;
    else if (next >= due.end) {
      const turn = goOn(plan, due, readFacts(time));
      if (turn.reason !== undefined) deps.onFinish(time);
      return helm.take(media, turn);
    } else if (time < due.start) return true;
    const ahead = spots.find(({ start }) => start > time && start <= next);
    const touched = [findSpot(spots, time), ahead].filter((spot) => spot !== undefined);
    const reached = touched.find(({ breakId }) => breakId !== course.admitted && breakId !== deps.playing());
    if (reached) return reach(media, time, reached);
    if (touched.length === 0) course.admitted = undefined;
    return true;
  };
  const watchEdges = (media: SteeredMedia): void => {
    const due = course.plan?.queue[0];
    const edges = deps.spots().flatMap(({ breakId, start, end }) => (breakId === due ? [start, end] : [start]));
    edgeWatch.set(media, edges, (edge) => void look(media, media.currentTime, edge));
  };
  return {
    onFrame: (media, time, isShown) => {
      if (!playhead.show(media, time, deps.spots())) return false;
      if (!isStarted && !start(media, time)) return false;
      const isWanted = look(media, time, isShown ? playhead.next(media, time) : time);
      if (isShown) watchEdges(media);
      return isWanted;
    },
    onEmptied: edgeWatch.clear,
  };
}
