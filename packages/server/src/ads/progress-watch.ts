/** The long poll: waits until a creative's status changes, the time is up, or nobody waits any more. */
import type { CreativeState } from "@interlude/core";
import type { CreativeProgress, RepackagePort } from "./admission.ts";

/** Long polls on the status of creatives. */
export interface ProgressWatch {
  /** The status after the wait; undefined: CRS does not know the creative. An end state is answered at once. */
  wait(subject: WatchedCreative, waitMs: number, aborted: AbortSignal): Promise<CreativeProgress | undefined>;
  /** Lets every waiting request go. */
  release(): void;
}

interface WatchedCreative {
  readonly zone: string;
  readonly key: string;
}

/** Nothing more will happen by itself. */
const END_STATES: readonly CreativeState[] = ["ready", "failed", "blocked", "absent"];
/** A change of progress alone is told at most this often. */
const PROGRESS_INTERVAL_MS = 500;
/** More waiting requests than this are answered at once. */
const MAX_WAITING = 2_000;

/** Holds no timer and no listener while nobody waits. */
export function createProgressWatch(crs: Pick<RepackagePort, "status" | "subscribe">): ProgressWatch {
  const waiting = new Set<() => void>();
  return {
    wait: async (subject, waitMs, aborted) => {
      const change = watchChange(crs, subject);
      try {
        const status = await crs.status(subject.zone, subject.key);
        const isOver = waitMs === 0 || waiting.size >= MAX_WAITING || aborted.aborted;
        if (isOver || !status || END_STATES.includes(status.state)) return status;
        await change.next(nameStage(status), waitMs, aborted, waiting);
        return await crs.status(subject.zone, subject.key);
      } finally {
        change.end();
      }
    },
    release: () => {
      for (const end of waiting) end();
    },
  };
}

/** What is told at once when it changes: the state, and what can be played. */
function nameStage({ state, packages }: CreativeProgress): string {
  return [state, ...packages.map(({ path }) => path)].join(" ");
}

interface Change {
  /** Resolves at a new state, when something can be played, at progress after a short while, or when it is over. */
  next(from: string, waitMs: number, aborted: AbortSignal, waiting: Set<() => void>): Promise<void>;
  end(): void;
}

/** Listens from now on, so that no change between reading the status and waiting is lost. */
function watchChange(crs: Pick<RepackagePort, "subscribe">, subject: WatchedCreative): Change {
  let latest: string | undefined;
  let onChange: (() => void) | undefined;
  const end = crs.subscribe((status) => {
    if (status.zone !== subject.zone || status.key !== subject.key) return;
    latest = nameStage(status);
    onChange?.();
  });
  const next: Change["next"] = (from, waitMs, aborted, waiting) =>
    new Promise((resolve) => {
      const timers: NodeJS.Timeout[] = [];
      const finish = (): void => {
        onChange = undefined;
        for (const timer of timers) clearTimeout(timer);
        waiting.delete(finish);
        aborted.removeEventListener("abort", finish);
        resolve();
      };
      onChange = () => {
        if (latest !== from) finish();
        else if (timers.length < 2) timers.push(setTimeout(finish, PROGRESS_INTERVAL_MS));
      };
      timers.push(setTimeout(finish, waitMs));
      waiting.add(finish);
      aborted.addEventListener("abort", finish, { once: true });
      if (latest !== undefined) onChange();
    });
  return { next, end };
}
