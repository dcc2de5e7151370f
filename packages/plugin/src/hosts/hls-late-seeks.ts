/** A seek over a break that is not decided yet: it goes on when the break is, and hls.js knows where it is. */
import type { BreakEntry } from "../ads/break-entry.ts";
import type { Engine } from "./hls-engine.ts";

export interface LateSeek {
  readonly from: number;
  /** Seconds of content. */
  readonly target: number;
}

export interface LateSeeks {
  readonly begin: (seek: LateSeek, entry: BreakEntry) => void;
  readonly isWaiting: () => boolean;
  /** It is not waited for any more. */
  readonly drop: () => void;
  /**
   * @param bindFrom binds the break, which begins at a stream time or later
   * @returns whether the break is decided
   */
  readonly settle: (bindFrom: (from: number) => boolean) => boolean;
  /** The viewer has sought once more, while the break is on its way to hls.js. */
  readonly aimAt: (target: number) => void;
  /** Lets it go on, if hls.js has the break by now. */
  readonly finish: () => void;
  readonly forget: () => void;
}

/** @param onReady told both ends as stream times */
export function createLateSeeks(
  engine: Engine,
  toStreamTime: (contentTime: number) => number,
  onReady: (from: number, to: number) => void,
): LateSeeks {
  let awaited: { readonly seek: LateSeek; readonly entry: BreakEntry } | undefined;
  /** It goes on as soon as hls.js knows where the break is. */
  let due: LateSeek | undefined;
  const drop = (): void => {
    awaited = undefined;
  };
  return {
    begin: (seek, entry) => {
      awaited = { seek, entry };
    },
    isWaiting: () => awaited !== undefined,
    drop,
    settle: (bindFrom) => {
      if (!awaited || awaited.entry.status === "pending") return false;
      const { seek, entry } = awaited;
      if (entry.status === "ready" && bindFrom(seek.from)) due = seek;
      return true;
    },
    aimAt: (target) => {
      if (due) due = { from: due.from, target };
    },
    finish: () => {
      if (!due || !engine.media || !engine.levels.some(({ details }) => details)) return;
      const to = toStreamTime(due.target);
      // the playlists are longer than before, the media is not yet
      if (to > engine.media.duration) return;
      const { from } = due;
      due = undefined;
      onReady(from, to);
    },
    forget: () => {
      due = undefined;
      drop();
    },
  };
}
