/**
 * Where segments are made: in a worker, which is started from text, since the address of a script of the plugin's own is not known in a
 * page that bundles it. Where the page's policy forbids that (CSP `worker-src`), or nothing is heard of it, on the page's own thread in
 * slices, by code that is loaded for it: until it is heard of, and for good where it fails or hangs.
 */
import { createDeferred, type Deferred } from "../deferred.ts";
import { MediaRefusal } from "./movie.ts";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";
import { type MakerThread, type StartThread, startWorker } from "./start-worker.ts";
import type { FromWorker, MakerAnswer } from "./worker-messages.ts";
import { WORKER_SOURCE } from "./worker-source.ts";

/** A segment, and what it took. */
export interface Made extends MadeSegment {
  /** Milliseconds that a thread was busy with it. */
  readonly busyMs: number;
}

/** What making cost so far. */
export interface MakerStats {
  /** Undefined: nothing was made yet. */
  readonly place: "worker" | "page" | undefined;
  /** Milliseconds that the page's own thread was held at a time; 0 where a worker did it all. */
  readonly longestSliceMs: number;
}

/** One thread for all creatives of an insertion. */
export interface SegmentMaker {
  /** Starts the thread, so that it is there when the bytes are. */
  readonly warmUp: () => void;
  /**
   * @param bytes of the job's ranges laid end to end; theirs no more
   * @throws MediaRefusal
   */
  readonly make: (job: SegmentJob, bytes: Uint8Array<ArrayBuffer>) => Promise<Made>;
  readonly stats: () => MakerStats;
  readonly release: () => void;
}

export interface MakerDeps {
  readonly startThread: StartThread;
  /** Milliseconds without a sign of life; until there is one it is done without. */
  readonly helloMs: number;
  /** Milliseconds that a segment may take; then it is done without the worker for good. */
  readonly jobMs: number;
  /** Milliseconds without work; then the thread is ended. */
  readonly idleMs: number;
}

/** @param signal ends it, as `release` does */
export function createMaker(signal: AbortSignal, deps: Partial<MakerDeps> = {}): SegmentMaker {
  const startThread: StartThread = (...heard) => startWorker(WORKER_SOURCE, ...heard);
  const state: MakerState = {
    deps: { startThread, helloMs: 500, jobMs: 10_000, idleMs: 5000, ...deps },
    thread: undefined,
    isForbidden: false,
    isReleased: signal.aborted,
    place: undefined,
    longestSliceMs: 0,
    line: Promise.resolve(),
  };
  const release = (): void => {
    state.isReleased = true;
    endThread(state, "the insertion has ended");
  };
  signal.addEventListener("abort", release);
  return {
    warmUp: () => void ensureThread(state),
    make: (job, bytes) => {
      // one after the other: who waits in line loses nothing with a worker that fails
      const made = state.line.then(() => make(state, job, bytes));
      state.line = made.catch(() => undefined);
      return made;
    },
    stats: () => ({ place: state.place, longestSliceMs: state.longestSliceMs }),
    release,
  };
}

interface MakerState {
  readonly deps: MakerDeps;
  thread: RunningThread | undefined;
  /** A worker was tried in vain. */
  isForbidden: boolean;
  isReleased: boolean;
  place: MakerStats["place"];
  longestSliceMs: number;
  /** What is being made, and all that waits for it. */
  line: Promise<unknown>;
}

interface RunningThread {
  readonly thread: MakerThread;
  /** Whether it has said hello; `late`: not in time, but it may yet. */
  phase: "starting" | "late" | "up";
  /** Settles when it is no longer `starting`. */
  readonly isStarted: Deferred<undefined>;
  /** What it is making. */
  job: Deferred<MakerAnswer> | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

async function make(state: MakerState, job: SegmentJob, bytes: Uint8Array<ArrayBuffer>): Promise<Made> {
  const running = ensureThread(state);
  if (running?.phase === "starting") await running.isStarted.promise;
  if (state.isReleased) throw refuse("the insertion has ended");
  if (running?.phase !== "up" || running !== state.thread) return makeOnPage(state, job, bytes);
  state.place = "worker";
  const answer = createDeferred<MakerAnswer>();
  running.job = answer;
  clearTimeout(running.timer);
  running.timer = setTimeout(() => forbid(state, running, "it takes too long"), state.deps.jobMs);
  running.thread.post({ job: copySets(job), bytes }, bytes.buffer);
  const outcome = await answer.promise;
  if ("made" in outcome) return outcome.made;
  throw new MediaRefusal(outcome.refused.reason, outcome.refused.message);
}

/** They are views of the file's tables, all of which would be sent along. */
function copySets(job: SegmentJob): SegmentJob {
  const copy = (sets: readonly Uint8Array[]): readonly Uint8Array[] => sets.map((set) => new Uint8Array(set));
  const configs = job.video.configs.map(({ lengthSize, sps, pps }) => ({ lengthSize, sps: copy(sps), pps: copy(pps) }));
  return { ...job, video: { ...job.video, configs } };
}

async function makeOnPage(state: MakerState, job: SegmentJob, bytes: Uint8Array<ArrayBuffer>): Promise<Made> {
  const { makeHere } = await import("./make-here.ts").catch((cause: unknown) => {
    throw refuse(`its code cannot be loaded: ${String(cause)}`);
  });
  if (state.isReleased) throw refuse("the insertion has ended");
  state.place = "page";
  const { longestSliceMs, ...made } = await makeHere(job, bytes);
  state.longestSliceMs = Math.max(state.longestSliceMs, longestSliceMs);
  return made;
}

function refuse(why: string): MediaRefusal {
  return new MediaRefusal("media-unavailable", `a segment could not be made: ${why}`);
}

/** Undefined where there can be none. */
function ensureThread(state: MakerState): RunningThread | undefined {
  if (state.thread || state.isForbidden || state.isReleased) return state.thread;
  const { startThread, helloMs } = state.deps;
  try {
    const thread = startThread(
      (message) => void hear(state, running, message),
      () => forbid(state, running, "the worker has failed"),
    );
    const isStarted = createDeferred<undefined>();
    const running: RunningThread = { thread, phase: "starting", isStarted, job: undefined, timer: undefined };
    running.timer = setTimeout(() => {
      running.phase = "late";
      isStarted.resolve(undefined);
    }, helloMs);
    state.thread = running;
  } catch {
    state.isForbidden = true;
  }
  return state.thread;
}

function hear(state: MakerState, running: RunningThread, message: FromWorker): void {
  if (state.thread !== running) return;
  running.phase = "up";
  running.isStarted.resolve(undefined);
  if (!("isUp" in message)) {
    running.job?.resolve(message);
    running.job = undefined;
  }
  clearTimeout(running.timer);
  running.timer = setTimeout(() => endThread(state, "idle"), state.deps.idleMs);
}

/** No worker is tried any more. */
function forbid(state: MakerState, running: RunningThread, why: string): void {
  state.isForbidden = true;
  if (state.thread === running) endThread(state, why);
}

function endThread(state: MakerState, why: string): void {
  const running = state.thread;
  if (!running) return;
  state.thread = undefined;
  clearTimeout(running.timer);
  running.thread.end();
  running.isStarted.resolve(undefined);
  const { message, reason } = refuse(why);
  running.job?.resolve({ refused: { reason, message } });
}
