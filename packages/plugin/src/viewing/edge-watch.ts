/**
 * The next edge of a break by the clock: a busy page is told of frames late, and one too many would be on screen.
 */

/** What is read of a media element. */
export type ClockedMedia = Pick<HTMLMediaElement, "currentTime" | "playbackRate" | "paused" | "seeking">;

export interface EdgeWatch {
  /** Tells of the first of these edges that comes up soon, shortly before it is reached; forgets the one before. */
  readonly set: (media: ClockedMedia, edges: readonly number[], onEdge: (edge: number) => void) => void;
  readonly clear: () => void;
}

/** Seconds by the clock: how long before an edge it is looked for, and how long before it is too late. */
const AHEAD = 0.5;
const MARGIN = 0.03;

export function createEdgeWatch(): EdgeWatch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const clear = (): void => clearTimeout(timer);
  return {
    clear,
    set: (media, edges, onEdge) => {
      clear();
      const { currentTime, playbackRate } = media;
      const edge = edges.find((at) => at > currentTime && at < currentTime + AHEAD * playbackRate);
      if (edge === undefined) return;
      const delay = (edge - currentTime) / playbackRate - MARGIN;
      timer = setTimeout(
        () => {
          if (!media.paused && !media.seeking) onEdge(edge);
        },
        Math.max(0, delay * 1000),
      );
    },
  };
}
