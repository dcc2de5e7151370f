/**
 * The segments of one creative that are made or under way: three at most, made ahead of who takes them.
 *
 *   taken                         the two after it are read, one after the other, and never before it is whole
 *   room is needed for the next   whatever everybody has taken gives way, the first of it first
 *   room for one that is asked for   also what is farthest from it, where nobody waits for it
 *   nobody waits any more         nothing further is read, and what is being read for a moment only: they may ask again
 *   the last one was taken        nothing is held any more
 *
 * Sound and pictures may be taken apart, from the same segment: whoever comes second is waited for, until he is three segments behind.
 */
import { createDeferred, type Deferred } from "../deferred.ts";
import { MediaRefusal } from "./movie.ts";
import { unlessAborted } from "./unless-aborted.ts";

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
   * @throws MediaRefusal; the signal's reason: then it is read on for a second
   */
  readonly take: (index: number, signal: AbortSignal, onProgress: OnProgress) => Promise<Segment>;
  /** Segments that are made or under way. */
  readonly held: () => readonly number[];
  readonly release: (cause: unknown) => void;
}

const MAX_HELD = 3;
/** Players that end a load ask again at once, if at all. */
const LEFT_MS = 1000;

interface Entry<Segment> {
  readonly index: number;
  readonly controller: AbortController;
  readonly segment: Promise<Segment>;
  readonly listeners: Set<OnProgress>;
  isRead: boolean;
  isMade: boolean;
  waiting: number;
  taken: number;
  /** Since the last who waited has given up. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Store<Read, Segment> {
  readonly deps: SegmentStoreDeps<Read, Segment>;
  readonly entries: Map<number, Entry<Segment>>;
  takers: 1 | 2;
  /** How many segments in a row nobody has come second for. */
  alone: number;
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
    alone: 0,
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
      for (const entry of store.entries.values()) drop(store, entry, cause);
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
  // who comes second to one that is held is no measure of how far playback is
  if (!isHeld || index >= store.latest) {
    store.latest = index;
    store.ahead = [index + 1, index + 2].filter((next) => next < count);
  }
  readAhead(store);
  try {
    const segment = await unlessAborted(entry.segment, signal);
    countTaker(store, entry);
    return segment;
  } finally {
    entry.waiting -= 1;
    entry.listeners.delete(onProgress);
    if (signal.aborted) giveUp(store, entry);
    leaveRoom(store);
  }
}

/** One alone may take a segment twice, as after a flush: that is no second taker. */
function countTaker<Read, Segment>(store: Store<Read, Segment>, entry: Entry<Segment>): void {
  entry.taken += 1;
  store.alone = entry.taken === 1 ? store.alone + 1 : 0;
  if (store.alone === 0) store.takers = 2;
  else if (store.alone >= MAX_HELD) store.takers = store.deps.takers;
}

/** Ends what is read for nobody, unless he who has left comes back. */
function giveUp<Read, Segment>(store: Store<Read, Segment>, left: Entry<Segment>): void {
  const entries = [...store.entries.values()];
  const isIdle = entries.every(({ waiting }) => waiting === 0);
  if (isIdle) store.ahead = [];
  for (const entry of isIdle ? entries : entries.filter((one) => one === left && one.waiting === 0)) {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      if (!entry.isRead) drop(store, entry);
    }, LEFT_MS);
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
      clearTimeout(entry.timer);
      return entry;
    }
    const [leaving] = [...store.entries.values()]
      // what is being made takes room until it is there
      .filter(({ waiting, isRead, isMade }) => waiting === 0 && isRead === isMade)
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

function drop<Read, Segment>(
  { entries }: Store<Read, Segment>,
  { index, controller, timer }: Entry<Segment>,
  cause?: unknown,
): void {
  clearTimeout(timer);
  entries.delete(index);
  controller.abort(cause);
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
  const segment = store.deps.read(index, controller.signal, tell).then((bytes) => {
    entry.isRead = true;
    readAhead(store);
    return store.deps.make(index, bytes);
  });
  const progress = { isRead: false, isMade: false, waiting: 0, taken: 0, timer: undefined };
  const entry: Entry<Segment> = { index, controller, segment, listeners, ...progress };
  store.entries.set(index, entry);
  segment.then(
    () => {
      entry.isMade = true;
      leaveRoom(store);
    },
    () => {
      // whoever asks again has it made again
      if (store.entries.get(index) === entry) store.entries.delete(index);
      leaveRoom(store);
    },
  );
  return entry;
}
