/**
 * The viewer waits for media: told when that takes too long, and when VHS does nothing about it. Without a network neither is.
 */
import { isOnline } from "./online.ts";

/** What is read of a media element. */
export type GuardedMedia = Pick<HTMLMediaElement, "currentTime" | "buffered">;

/** Seconds between the playhead and the hole, where it has come to a halt. */
export const HALTED_EDGE = 0.5;
const LOOK_MS = 500;
/** How long the viewer waits for an ad whose segments do not come. */
const MAX_WAIT_MS = 5000;
/** How long VHS may ask for nothing while the viewer waits. */
const MAX_IDLE_MS = 1500;

export interface Wait {
  readonly isOn: () => boolean;
  /** A wait that is on goes on. */
  readonly begin: () => void;
  readonly end: () => void;
  /** VHS has been made to do something. */
  readonly stir: () => void;
}

export interface WaitDeps {
  readonly media: GuardedMedia;
  /** Whether VHS has all that it has asked for. */
  readonly isIdle: () => boolean;
  readonly onTooLong: () => void;
  readonly onIdle: () => void;
}

interface Waited {
  at: number;
  forMs: number;
  idleMs: number;
}

export function createWait({ media, isIdle, onTooLong, onIdle }: WaitDeps): Wait {
  let waited: Waited | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = (): void => {
    if (!waited) return;
    waited = lookAgain(waited, media.currentTime, isIdle());
    if (waited.forMs === MAX_WAIT_MS) onTooLong();
    else if (waited.idleMs === MAX_IDLE_MS) onIdle();
  };
  return {
    isOn: () => waited !== undefined,
    begin: () => {
      if (waited) return;
      waited = { at: media.currentTime, forMs: 0, idleMs: 0 };
      timer = setInterval(look, LOOK_MS);
    },
    end: () => {
      clearInterval(timer);
      waited = undefined;
    },
    stir: () => {
      if (waited) waited.idleMs = 0;
    },
  };
}

/** How long the viewer has waited, one look later: at another place he waits anew. */
function lookAgain(before: Waited, at: number, isIdle: boolean): Waited {
  if (!isOnline()) return { at: before.at, forMs: 0, idleMs: 0 };
  const isElsewhere = Math.abs(at - before.at) > HALTED_EDGE;
  return {
    at,
    forMs: isElsewhere ? 0 : before.forMs + LOOK_MS,
    idleMs: isIdle && !isElsewhere ? before.idleMs + LOOK_MS : 0,
  };
}
