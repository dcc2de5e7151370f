/**
 * Where segments are made: in a worker, which is started from text, since the address of a script of the plugin's own is not known in a
 * page that bundles it. Where the page's policy forbids that (CSP `worker-src`), or nothing is heard of it, on the page's own thread in
 * slices, by code that is loaded for it.
 */
import { createDeferred, type Deferred } from "../deferred.ts";
import { MediaRefusal } from "./movie.ts";
import type { MadeSegment, SegmentJob } from "./segment-job.ts";
import type { FromWorker, ToWorker } from "./worker-messages.ts";
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

/** The part of a `Worker` that is used here. */
export interface MakerThread {
  readonly post: (message: ToWorker, bytes: ArrayBuffer) => void;
  readonly end: () => void;
}

/** Throws, or calls `onFail`, where there can be no worker. */
export type StartThread = (onMessage: (message: FromWorker) => void, onFail: () => void) => MakerThread;

export interface MakerDeps {
  readonly startThread: StartThread;
  /** Milliseconds without a sign of life; then it is done without. */
  readonly helloMs: number;
  /** Milliseconds without work; then the thread is ended. */
  readonly idleMs: number;
}

/** @param signal ends it, as `release` does */
export function createMaker(signal: AbortSignal, deps: Partial<MakerDeps> = {}): SegmentMaker {
  const { startThread = startWorker, helloMs = 500, idleMs = 5000 } = deps;
  const state: MakerState = {
    deps: { startThread, helloMs, idleMs },
    thread: undefined,
    isForbidden: false,
    isReleased: signal.aborted,
    place: undefined,
    longestSliceMs: 0,
    page: Promise.resolve(),
  };
  const release = (): void => {
    state.isReleased = true;
    endThread(state, "the insertion has ended");
  };
  signal.addEventListener("abort", release);
  return {
    warmUp: () => void ensureThread(state),
    make: (job, bytes) => make(state, job, bytes),
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
  /** What is being made on the page's thread. */
  page: Promise<unknown>;
}

interface RunningThread {
  readonly thread: MakerThread;
  /** Whether it has said hello. */
  readonly isUp: Deferred<boolean>;
  readonly jobs: Map<number, Deferred<FromWorker>>;
  nextId: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

async function make(state: MakerState, job: SegmentJob, bytes: Uint8Array<ArrayBuffer>): Promise<Made> {
  if (state.isReleased) throw refuse("the insertion has ended");
  const running = ensureThread(state);
  if (!running || !(await running.isUp.promise)) return makeOnPage(state, job, bytes);
  state.place = "worker";
  const answer = createDeferred<FromWorker>();
  const id = running.nextId++;
  running.jobs.set(id, answer);
  clearTimeout(running.timer);
  running.thread.post({ id, job: copySets(job), bytes }, bytes.buffer);
  const made = await answer.promise;
  if ("made" in made) return made.made;
  throw "refused" in made ? new MediaRefusal(made.refused.reason, made.refused.message) : refuse("no answer");
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
  // two at a time would hold the page for two slices
  const making = state.page.then(() => makeHere(job, bytes));
  state.page = making.catch(() => undefined);
  const { longestSliceMs, ...made } = await making;
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
  const jobs = new Map<number, Deferred<FromWorker>>();
  const isUp = createDeferred<boolean>();
  const onFail = (): void => {
    state.isForbidden = true;
    if (state.thread?.isUp === isUp) endThread(state, "the worker has failed");
    isUp.resolve(false);
  };
  const onMessage = (message: FromWorker): void => {
    isUp.resolve(true);
    if ("id" in message) {
      jobs.get(message.id)?.resolve(message);
      jobs.delete(message.id);
    }
    if (running && jobs.size === 0) endWhenIdle(state, running);
  };
  let running: RunningThread | undefined;
  try {
    running = { thread: startThread(onMessage, onFail), isUp, jobs, nextId: 0, timer: setTimeout(onFail, helloMs) };
    state.thread = running;
  } catch {
    state.isForbidden = true;
  }
  return running;
}

function endWhenIdle(state: MakerState, running: RunningThread): void {
  clearTimeout(running.timer);
  running.timer = setTimeout(() => {
    if (state.thread === running) endThread(state, "idle");
  }, state.deps.idleMs);
}

function endThread(state: MakerState, why: string): void {
  const running = state.thread;
  if (!running) return;
  state.thread = undefined;
  clearTimeout(running.timer);
  running.thread.end();
  running.isUp.resolve(false);
  const { message, reason } = refuse(why);
  for (const [id, job] of running.jobs) job.resolve({ id, refused: { reason, message } });
}

/** @throws Error where the build has embedded none; whatever `Worker` throws */
function startWorker(onMessage: (message: FromWorker) => void, onFail: () => void): MakerThread {
  if (!WORKER_SOURCE) throw new Error("no worker in this build");
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  const revoke = (): void => URL.revokeObjectURL(url);
  const worker = new Worker(url);
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    revoke();
    onMessage(data);
  });
  worker.addEventListener("error", (event) => {
    // told here, not on the page's console
    event.preventDefault();
    revoke();
    onFail();
  });
  return {
    post: (message, bytes) => worker.postMessage(message, [bytes]),
    end: () => {
      revoke();
      worker.terminate();
    },
  };
}
