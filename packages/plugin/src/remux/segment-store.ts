/**
 * The segments of one creative that are made or under way: three at most, made ahead of who takes them.
 *
 *   taken                         the two after it are read, one after the other, and never before it is whole
 *   room is needed for the next   whatever everybody has taken gives way, the first of it first
 *   room for one that is asked for   also what is farthest from it, where nobody waits for it
 *   the last one was taken        nothing is held any more
 *
 * Sound and pictures may be taken apart, from the same segment: whoever was second once is waited for from then on.
 */
import { createDeferred, type Deferred } from "../deferred.ts";
import { MediaRefusal } from "./movie.ts";

type OnProgress = (loaded: number, total: number) => void;

export interface SegmentStoreDeps<Read, Segment> {
  /** How many segments there are. */
  readonly count: number;
  /** How many take each; 1: it may turn out to be two. */
  readonly takers: 1 | 2;
  readonly read: (index: number, signal: AbortSignal, onProgress: OnProgress) => Promise<Read>;
  readonly make: (index: number, read: Read) => Promise<Segment>;
}

export interface SegmentStore<Segment> {
  /** Starts a segment that nobody asks for yet, where there is room. */
  readonly begin: (index: number) => void;
  /**
   * What is given may be given to others, too.
   *
   * @throws MediaRefusal; the signal's reason: then it goes on being made
   */
  readonly take: (index: number, signal: AbortSignal, onProgress: OnProgress) => Promise<Segment>;
  /** Segments that are made or under way. */
  readonly held: () => readonly number[];
  readonly release: (cause: unknown) => void;
}

const MAX_HELD = 3;

interface Entry<Segment> {
  readonly index: number;
  readonly controller: AbortController;
  readonly segment: Promise<Segment>;
  readonly listeners: Set<OnProgress>;
  isRead: boolean;
  waiting: number;
  taken: number;
}

interface Store<Read, Segment> {
  readonly deps: SegmentStoreDeps<Read, Segment>;
  readonly entries: Map<number, Entry<Segment>>;
  takers: number;
  /** The segment that says what is made ahead. */
  latest: number;
  /** To be made ahead, in this order. */
  ahead: readonly number[];
  /** Settles when room may have come. */
  room: Deferred<undefined>;
  ended: { readonly cause: unknown } | undefined;
}

export function createSegmentStore<Read, Segment>(deps: SegmentStoreDeps<Read, Segment>): SegmentStore<Segment> {
  const store: Store<Read, Segment> = {
    deps,
    entries: new Map(),
    takers: deps.takers,
    latest: 0,
    ahead: [],
    room: createDeferred(),
    ended: undefined,
  };
  return {
    begin: (index) => {
      store.ahead = [index];
      readAhead(store);
    },
    take: (index, signal, onProgress) => take(store, index, signal, onProgress),
    held: () => [...store.entries.keys()],
    release: (cause) => {
      store.ended ??= { cause };
      for (const { controller } of store.entries.values()) controller.abort(cause);
      store.entries.clear();
      leaveRoom(store);
    },
  };
}

async function take<Read, Segment>(
  store: Store<Read, Segment>,
  index: number,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Segment> {
  const { count } = store.deps;
  if (index >= count) throw new MediaRefusal("media-unavailable", `segment ${index}: expected one of ${count}`);
  const isHeld = store.entries.has(index);
  const entry = await findOrStart(store, index, signal);
  entry.listeners.add(onProgress);
  store.takers = Math.max(store.takers, Math.min(entry.waiting + entry.taken, 2));
  // who comes second to one that is held is no measure of how far playback is
  if (!isHeld || index >= store.latest) {
    store.latest = index;
    store.ahead = [index + 1, index + 2].filter((next) => next < count);
  }
  readAhead(store);
  try {
    const segment = await unlessAborted(entry.segment, signal);
    entry.taken += 1;
    store.takers = Math.max(store.takers, Math.min(entry.taken, 2));
    return segment;
  } finally {
    entry.waiting -= 1;
    entry.listeners.delete(onProgress);
    leaveRoom(store);
  }
}

/** It counts as waited for already: nobody makes it give way before it is looked at. */
async function findOrStart<Read, Segment>(
  store: Store<Read, Segment>,
  index: number,
  signal: AbortSignal,
): Promise<Entry<Segment>> {
  for (;;) {
    signal.throwIfAborted();
    if (store.ended) throw store.ended.cause;
    const hasRoom = store.entries.size < MAX_HELD;
    const entry = store.entries.get(index) ?? (hasRoom ? start(store, index) : undefined);
    if (entry) {
      entry.waiting += 1;
      return entry;
    }
    const [leaving] = [...store.entries.values()]
      .filter(({ waiting }) => waiting === 0)
      .toSorted((a, b) => rank(store, b, index) - rank(store, a, index));
    if (leaving) drop(store, leaving);
    else await unlessAborted(store.room.promise, signal);
  }
}

/** The higher, the sooner it gives way to `wanted`. */
function rank<Read, Segment>(store: Store<Read, Segment>, entry: Entry<Segment>, wanted: number): number {
  return Math.abs(entry.index - wanted) + (isDone(store, entry) ? store.deps.count : 0);
}

function isDone<Read, Segment>({ takers }: Store<Read, Segment>, { waiting, taken }: Entry<Segment>): boolean {
  return waiting === 0 && taken >= takers;
}

function drop<Read, Segment>({ entries }: Store<Read, Segment>, { index, controller }: Entry<Segment>): void {
  entries.delete(index);
  controller.abort();
}

/** After somebody has taken one, or has given up waiting. */
function leaveRoom<Read, Segment>(store: Store<Read, Segment>): void {
  store.room.resolve(undefined);
  store.room = createDeferred();
  const entries = [...store.entries.values()];
  const isLastTaken = entries.some((entry) => entry.index === store.deps.count - 1 && isDone(store, entry));
  if (isLastTaken && entries.every(({ waiting }) => waiting === 0)) for (const entry of entries) drop(store, entry);
  else readAhead(store);
}

function readAhead<Read, Segment>(store: Store<Read, Segment>): void {
  for (;;) {
    const entries = [...store.entries.values()];
    if (store.ended || entries.some(({ isRead }) => !isRead)) return;
    const index = store.ahead.find((next) => !store.entries.has(next));
    if (index === undefined) return;
    const [leaving] = entries.filter((entry) => isDone(store, entry)).toSorted((a, b) => a.index - b.index);
    if (entries.length >= MAX_HELD && !leaving) return;
    if (entries.length >= MAX_HELD && leaving) drop(store, leaving);
    store.ahead = store.ahead.filter((next) => next > index);
    start(store, index);
  }
}

function start<Read, Segment>(store: Store<Read, Segment>, index: number): Entry<Segment> {
  const controller = new AbortController();
  const listeners = new Set<OnProgress>();
  const tell: OnProgress = (loaded, total) => {
    for (const listener of listeners) listener(loaded, total);
  };
  const read = store.deps.read(index, controller.signal, tell);
  const segment = read.then((bytes) => {
    entry.isRead = true;
    readAhead(store);
    return store.deps.make(index, bytes);
  });
  const entry: Entry<Segment> = { index, controller, segment, listeners, isRead: false, waiting: 0, taken: 0 };
  store.entries.set(index, entry);
  segment.catch(() => {
    // whoever asks again has it made again
    if (store.entries.get(index) === entry) store.entries.delete(index);
    leaveRoom(store);
  });
  return entry;
}

/** @throws the signal's reason; the promise goes on */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
