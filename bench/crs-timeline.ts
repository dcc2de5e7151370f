/** When things happen to one creative: its states, and what comes to a CDN, in seconds from its submission. */
import { isMasterPlaylist } from "@interlude/core";
import type { CreativeStatus } from "../packages/server/src/crs/crs.ts";
import type { PublishTarget } from "../packages/server/src/crs/publish-target.ts";

/** What is looked for: a state begins, the first upload begins, the first master is on a CDN. */
export type Moment = "fetching" | "transcoding" | "uploading" | "playable" | "publishing" | "ready";

export interface Timeline {
  /** Seconds; undefined: not yet. Only the first time of each counts. */
  at(moment: Moment): number | undefined;
  /** The master that made it playable. */
  readonly firstMaster: Promise<string>;
  see(status: CreativeStatus): void;
  /** A CDN that tells what comes to it. */
  watch(target: PublishTarget): PublishTarget;
  /** Everything is forgotten, and now is zero. */
  restart(): void;
}

/** Zero is now. */
export function startTimeline(): Timeline {
  let zero = performance.now();
  let found = Promise.withResolvers<string>();
  const moments = new Map<Moment, number>();
  const note = (moment: Moment): void => {
    if (!moments.has(moment)) moments.set(moment, (performance.now() - zero) / 1000);
  };
  return {
    at: (moment) => moments.get(moment),
    get firstMaster() {
      return found.promise;
    },
    see: ({ state }) => {
      if (state === "fetching" || state === "transcoding" || state === "publishing" || state === "ready") note(state);
    },
    watch: (target) => ({
      name: target.name,
      put: async (path, body, options) => {
        note("uploading");
        await target.put(path, body, options);
        if (typeof body !== "string" || !isMasterPlaylist(body)) return;
        note("playable");
        found.resolve(body);
      },
      remove: (path) => target.remove(path),
      removeFolder: (path) => target.removeFolder(path),
    }),
    restart: () => {
      moments.clear();
      found = Promise.withResolvers();
      zero = performance.now();
    },
  };
}

/** `0.02 s until it is begun, …`: what the time to the first playable layer consists of. */
export function describeStart(timeline: Timeline): string {
  const parts: readonly (readonly [Moment, string])[] = [
    ["fetching", "until begun"],
    ["transcoding", "fetch and probe"],
    ["uploading", "make and cut"],
    ["playable", "upload"],
  ];
  let before = 0;
  const texts = parts.map(([moment, what]) => {
    const at = timeline.at(moment) ?? before;
    const text = `${what} ${(at - before).toFixed(2)} s`;
    before = at;
    return text;
  });
  return texts.join(", ");
}
