/**
 * What has been seen of the breaks, by the events that tell of it.
 */
import type { Emit } from "../events.ts";
import type { Rules } from "./rules.ts";
import type { Spot } from "./seeking.ts";
import type { Watched } from "./watched.ts";

export interface NoteDeps extends Pick<Rules, "selectWatched"> {
  readonly watched: Watched;
  readonly spots: () => readonly Spot[];
  readonly emit: Emit;
  /** Told after the event. */
  readonly onWatched: () => void;
}

/** Emits what it is given, and takes from it what has been seen, before anybody is told. */
export function noteWatched({ watched, spots, selectWatched, emit, onWatched }: NoteDeps): Emit {
  return (name, event) => {
    const isStart = name === "adbreakstart";
    if (!isStart && name !== "adbreakcomplete") return emit(name, event);
    if ("breakId" in event && typeof event.breakId === "string") {
      const { breakId } = event;
      const spot = isStart ? spots().find((item) => item.breakId === breakId) : undefined;
      if (spot) watched.begin(breakId, selectWatched(spot));
      if (!isStart) watched.end(breakId, "watched" in event && event.watched === true);
    }
    emit(name, event);
    onWatched();
  };
}
