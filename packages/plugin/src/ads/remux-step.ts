/**
 * Creatives that the page repackages itself: the code for it is loaded with the first one, and each is opened once for all breaks that
 * show it, as long as it is open.
 *
 *   two are being opened            → the next one has its turn when one of them is open or given up, what is due first before all others
 *   the insertion ends              → what is still being opened is given up; what a playlist may list lives on
 *   the player goes                 → all of it ends
 *   no break shows it after all     → it is let go
 *   nobody asks for a minute, or a fifth one is open, or it has failed   → it is closed, while playlists go on listing it: whoever asks
 *                                     for it has it read again at once, and the next break opens it anew
 *
 * @see media-keeper.ts (what is closed, and when)
 */
import type { MediaFile, SkipReason, SpliceNeeds, StepOutcome } from "@interlude/core";
import type { RemuxModule } from "../load-remux.ts";
import { type FetchRange, type FirstRange, selectFirstRange } from "../remux/fetch-range.ts";
import type { SegmentMaker } from "../remux/maker.ts";
import { isMediaRefusal, MediaRefusal } from "../remux/movie.ts";
import type { RemuxedCreative } from "../remux/remuxed-creative.ts";
import { readBitrate } from "./media-choice.ts";
import { createMediaKeeper, type MediaKeeper } from "./media-keeper.ts";
import type { OpenedRemux } from "./first-encounter.ts";
import { createOpeningTurns, type OpeningTurns } from "./opening-turns.ts";
import type { FoundMedia } from "./hls-copy.ts";
import type { VirtualMedia, VirtualMediaShelf } from "./virtual-media.ts";

export interface RemuxStepDeps {
  /** @throws whatever `import()` throws */
  readonly load: () => Promise<RemuxModule>;
  readonly shelf: VirtualMediaShelf;
  readonly fetchRange: FetchRange;
  /** Of the largest file. */
  readonly maxBytes: number;
  readonly now: () => number;
  readonly createId: () => string;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

/** What of a file is wanted. */
export interface WantedRemux {
  readonly file: MediaFile;
  /** Seconds, as VAST declares it. */
  readonly duration: number;
  readonly needs: SpliceNeeds;
  /** Seconds until its break is due, whatever is least for what the viewer begins with; asked anew, since the viewer gets on. */
  readonly timeToBreak: () => number;
  /** As the player has measured it; undefined: it has not. */
  readonly bandwidthBps?: (() => number | undefined) | undefined;
  /** Has the player get what is on the shelf; @throws where it will not. */
  readonly serve: (shelf: VirtualMediaShelf) => Promise<void>;
}

/** Of a file that can only be read whole. */
const MAX_WHOLE_BYTES = 12_000_000;
const TIMEOUT_MS = 4000;
/** At once: the first range and the tables of each compete with the content, and with what is due before it. */
const MAX_OPENING = 2;

export function createRemuxStep(deps: RemuxStepDeps): (wanted: WantedRemux) => OpenedRemux {
  const { shelf, ended } = deps;
  const opened = new Map<string, Opening>();
  const own = {
    ...deps,
    keeper: createMediaKeeper(),
    turns: createOpeningTurns(MAX_OPENING),
    load: createLoader(deps),
  };
  // where the player has nothing of it, nothing outlives the insertion
  const endEmpty = (): void => {
    if (ended.aborted && shelf.isEmpty()) shelf.release();
  };
  ended.addEventListener("abort", endEmpty);
  return (wanted) => {
    const { href } = new URL(wanted.file.url.trim());
    const forget = (): void => {
      if (opened.get(href) === opening) opened.delete(href);
    };
    const users = opened.get(href)?.users ?? new Set([wanted]);
    const opening = opened.get(href) ?? open(users, wanted, new URL(href), own, () => forget());
    opened.set(href, opening);
    users.add(wanted);
    return {
      outcome: opening.outcome,
      leave: () => {
        users.delete(wanted);
        if (users.size > 0) return;
        forget();
        opening.abort();
        endEmpty();
      },
    };
  };
}

type LoadedRemux = RemuxModule & { readonly maker: SegmentMaker };

/** What cannot be loaded is asked for again by the next ad. */
function createLoader({ load, shelf }: RemuxStepDeps): () => Promise<LoadedRemux> {
  let loading: Promise<LoadedRemux> | undefined;
  const begin = async (): Promise<LoadedRemux> => {
    const remux = await load();
    const maker = remux.createMaker(shelf.released);
    maker.warmUp();
    return { ...remux, maker };
  };
  return () =>
    (loading ??= begin().catch((cause: unknown) => {
      loading = undefined;
      throw cause;
    }));
}

interface OpeningDeps extends Omit<RemuxStepDeps, "load"> {
  readonly load: () => Promise<LoadedRemux>;
  readonly keeper: MediaKeeper;
  readonly turns: OpeningTurns;
}

interface Opening {
  readonly outcome: Promise<StepOutcome<FoundMedia>>;
  /** Ends its requests, and lets go what was made. */
  readonly abort: () => void;
  /** Ads that are played from it, or may be. */
  readonly users: Set<WantedRemux>;
}

/** @param onClose it is closed: its segments are still to be had, from a file that is read anew */
function open(users: Set<WantedRemux>, wanted: WantedRemux, url: URL, deps: OpeningDeps, onClose: () => void): Opening {
  const { shelf, ended, keeper } = deps;
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, shelf.released]);
  const leave = (): void => left.abort();
  const dueIn = (): number => Math.min(...Array.from(users, ({ timeToBreak }) => timeToBreak()));
  let id: string | undefined;
  const shelve = async (): Promise<StepOutcome<FoundMedia>> => {
    try {
      const [, made] = await Promise.all([wanted.serve(shelf), readInTurn(wanted, url, deps, signal, dueIn)]);
      if (signal.aborted) made.media.release();
      signal.throwIfAborted();
      const { id: name, media, renditions, duration } = made;
      id = name;
      // whatever this function names is held as long as the media may be opened again: nothing that was made
      shelf.add(name, keeper.keep({ media, onClose, open: () => readAgain(name, duration, wanted, url, deps) }));
      return { media: { renditions, duration, misfit: undefined, mediaUrl: url.href } };
    } catch (cause) {
      left.abort();
      return { skipped: readReason(cause), message: cause instanceof Error ? cause.message : String(cause) };
    } finally {
      ended.removeEventListener("abort", leave);
    }
  };
  ended.addEventListener("abort", leave);
  const abort = (): void => {
    left.abort();
    if (id !== undefined) shelf.remove(id);
  };
  return { outcome: shelve(), abort, users };
}

/** @throws as {@link read}; the signal's reason where its turn does not come */
async function readInTurn(
  wanted: WantedRemux,
  url: URL,
  deps: OpeningDeps,
  signal: AbortSignal,
  dueIn: () => number,
): Promise<RemuxedCreative> {
  const endTurn = await deps.turns.take(dueIn, signal);
  try {
    return await read(wanted, url, deps, signal, askFirst(wanted, url, deps, signal));
  } finally {
    endTurn();
  }
}

function askFirst(
  { file, duration }: WantedRemux,
  url: URL,
  { fetchRange }: OpeningDeps,
  signal: AbortSignal,
): FirstRange {
  const range = selectFirstRange(readBitrate(file, duration));
  const first: FirstRange = { range, answer: fetchRange(url, range, signal) };
  // whoever reads it is told
  first.answer.catch(() => undefined);
  return first;
}

/** @throws MediaRefusal; whatever `import()` throws */
async function read(
  { file, duration, needs: { packaging, targetDuration, isLive }, bandwidthBps }: WantedRemux,
  url: URL,
  { load, fetchRange, maxBytes, now, createId }: OpeningDeps,
  signal: AbortSignal,
  first: FirstRange | undefined,
): Promise<RemuxedCreative> {
  const { openRemux, maker } = await load();
  const limits = { maxBytes, maxWholeBytes: MAX_WHOLE_BYTES, timeoutMs: TIMEOUT_MS };
  const needs = { packaging, targetDuration: isLive ? targetDuration : undefined };
  const source = { url, first, bitrateKbps: readBitrate(file, duration), bandwidthBps };
  return openRemux(source, needs, limits, { now, createId, fetchRange, signal, maker });
}

/**
 * @param duration seconds, as playlists list it
 * @throws as {@link read}; MediaRefusal `source-unreadable` where the file is another by now
 */
async function readAgain(
  id: string,
  duration: number,
  wanted: WantedRemux,
  url: URL,
  deps: OpeningDeps,
): Promise<VirtualMedia> {
  const again = { ...deps, createId: () => id };
  // what is listed is played whatever has become of the connection
  const made = await read({ ...wanted, bandwidthBps: undefined }, url, again, deps.shelf.released, undefined);
  if (made.duration === duration) return made.media;
  made.media.release();
  throw new MediaRefusal("source-unreadable", `${url.href}: expected ${duration} s as before, got ${made.duration}`);
}

/** A chunk or a player's part that cannot be loaded is no fault of the creative's. */
function readReason(cause: unknown): SkipReason {
  return isMediaRefusal(cause) ? cause.reason : "media-unavailable";
}
