/**
 * What hls.js has loaded, and where: fragments under way, waiting to be appended, and in the buffer. Sound and pictures may be loaded to
 * different times, and a seek leaves gaps.
 */
import type { EngineFragment } from "./hls-engine.ts";
import { findBufferedEnd } from "../viewing/frames.ts";

export interface Loaded {
  readonly begin: (fragment: EngineFragment) => void;
  /** It is here, but may still have to be appended. */
  readonly add: (fragment: EngineFragment) => void;
  /** It is in the buffer. */
  readonly keep: (fragment: EngineFragment) => void;
  /** It will not come, or could not be read. */
  readonly remove: (fragment: EngineFragment) => void;
  /** The viewer has sought to a time: what is under way elsewhere is given up by the player. */
  readonly abandon: (time: number) => void;
  /** What follows a time is gone. */
  readonly forgetFrom: (time: number) => void;
  /** Seconds up to which media of all these types goes on from a time without a gap; the time itself: something is not there. */
  readonly reach: (time: number, buffered: TimeRanges, types: readonly string[]) => number;
  /** Whether a time is loaded, or under way, in each of these types. */
  readonly covers: (time: number, types: readonly string[]) => boolean;
  /** The fragment of pictures, or of both in one, that is loaded just before a time; it may really end a little after it. */
  readonly findBefore: (time: number) => EngineFragment | undefined;
  /** Of anything, wherever it is; the fragment that is under way counts. */
  readonly end: () => number;
  /** The highest number of a discontinuity that was ever loaded, parsed or not: hls.js remembers how its media is timed. */
  readonly lastDiscontinuity: () => number;
  readonly isUnderWay: () => boolean;
}

interface Item {
  readonly fragment: EngineFragment;
  state: "loading" | "loaded" | "buffered";
}

/** Seconds by which fragments may be apart and yet follow one another. */
const GAP = 0.25;
const MAX_KNOWN = 1000;

export function createLoaded(): Loaded {
  const items = new Map<string, Item>();
  let discontinuity = 0;
  const set = (fragment: EngineFragment, state: Item["state"]): void => {
    if (fragment.bitrateTest || fragment.sn === "initSegment") return;
    const name = nameOf(fragment);
    items.delete(name);
    // a player loads one fragment of each type at a time, and tells of none that a seek has ended
    if (state === "loading")
      for (const [other, item] of items)
        if (item.state === "loading" && item.fragment.type === fragment.type) items.delete(other);
    items.set(name, { fragment, state });
    // what was only begun may never have come
    if (state !== "loading") discontinuity = Math.max(discontinuity, fragment.cc);
    const [oldest] = items.keys();
    if (oldest !== undefined && items.size > MAX_KNOWN) items.delete(oldest);
  };
  /** Told by what is in the buffer of both, or is there of one type alone. */
  const isEvicted = ({ fragment, state }: Item, buffered: TimeRanges): boolean => {
    const middle = (fragment.start + fragment.end) / 2;
    if (state !== "buffered" || findBufferedEnd(buffered, middle) > middle) return false;
    const types = new Set([...items.values()].map((item) => item.fragment.type));
    return [...types].every((type) => covers(middle, [type]));
  };
  const covers = (time: number, types: readonly string[]): boolean =>
    types.every((type) =>
      [...items.values()].some(
        ({ fragment }) => fragment.type === type && fragment.start <= time + GAP && time < fragment.end - GAP,
      ),
    );
  return {
    begin: (fragment) => set(fragment, "loading"),
    add: (fragment) => set(fragment, "loaded"),
    keep: (fragment) => set(fragment, "buffered"),
    remove: (fragment) => items.delete(nameOf(fragment)),
    abandon: (time) => {
      for (const [name, { fragment, state }] of items)
        if (state === "loading" && (time < fragment.start || time > fragment.end)) items.delete(name);
    },
    forgetFrom: (time) => {
      for (const [name, { fragment }] of items) if (fragment.start >= time - GAP) items.delete(name);
    },
    covers,
    findBefore: (time) =>
      [...items.values()]
        .map(({ fragment }) => fragment)
        .find(({ type, start, end }) => type === "main" && start < time - GAP && end >= time - GAP),
    end: () => Math.max(0, ...[...items.values()].map(({ fragment }) => fragment.end)),
    lastDiscontinuity: () => discontinuity,
    isUnderWay: () => [...items.values()].some(({ state }) => state !== "buffered"),
    reach: (time, buffered, types) => {
      const there = [...items.values()].filter((item) => !isEvicted(item, buffered)).map(({ fragment }) => fragment);
      const end = findBufferedEnd(buffered, time);
      return Math.min(
        ...types.map((type) =>
          follow(
            there.filter((fragment) => fragment.type === type),
            end,
          ),
        ),
      );
    },
  };
}

/** Where fragments that follow one another from a time on end. */
function follow(fragments: readonly EngineFragment[], time: number): number {
  const next = fragments.find(({ start, end }) => start <= time + GAP && end > time + GAP);
  return next ? follow(fragments, next.end) : time;
}

function nameOf({ type, sn }: EngineFragment): string {
  return `${type} ${sn}`;
}
