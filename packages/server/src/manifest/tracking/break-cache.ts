/**
 * What is written into the playlists of one break of one session at every refresh, made once. Bounded by its characters: what was
 * used longest ago leaves, and is made again, the same, where it is needed once more.
 */
import { createWeightedLru } from "../weighted-lru.ts";

/** Entries by session and break. */
export interface BreakCache<T> {
  /** The entry of a break; `make` is called where there is none. */
  readonly open: (sessionId: string, breakId: string, make: () => T) => CachedBreak<T>;
}

/** What is remembered of one break; it stays usable after it was forgotten. */
export interface CachedBreak<T> {
  readonly value: T;
  /** Tells that the entry has grown. */
  readonly grow: (characters: number) => void;
}

/** What a break without any text of its own weighs. */
const EMPTY_WEIGHT = 500;

/** Holds about as many characters. */
export function createBreakCache<T>(maxCharacters: number): BreakCache<T> {
  const entries = createWeightedLru<CachedBreak<T>>(maxCharacters);
  return {
    open: (sessionId, breakId, make) => {
      const key = `${sessionId} ${breakId}`;
      const known = entries.get(key);
      if (known) return known;
      let weight = EMPTY_WEIGHT;
      const entry: CachedBreak<T> = {
        value: make(),
        grow: (characters) => {
          weight += characters;
          entries.set(key, entry, weight);
        },
      };
      entries.set(key, entry, weight);
      return entry;
    },
  };
}
