/**
 * What is written into the playlists of one break of one session at every refresh, made once. Bounded by its characters: what was
 * used longest ago leaves, and is made again, the same, where it is needed once more.
 */
export interface BreakCache<T> {
  /** The entry of a break; `make` is called where there is none. */
  readonly open: (sessionId: string, breakId: string, make: () => T) => CachedBreak<T>;
}

export interface CachedBreak<T> {
  readonly value: T;
  /** Tells that the entry has grown. */
  readonly grow: (characters: number) => void;
}

/** What a break without any text of its own weighs. */
const EMPTY_WEIGHT = 500;

export function createBreakCache<T>(maxCharacters: number): BreakCache<T> {
  const entries = new Map<string, CachedBreak<T> & { weight: number }>();
  let total = 0;

  const shrink = (): void => {
    for (const [key, entry] of entries) {
      if (total <= maxCharacters) return;
      entries.delete(key);
      total -= entry.weight;
    }
  };

  return {
    open: (sessionId, breakId, make) => {
      const key = `${sessionId} ${breakId}`;
      const known = entries.get(key);
      if (known) {
        entries.delete(key);
        entries.set(key, known);
        return known;
      }
      const entry = {
        value: make(),
        weight: EMPTY_WEIGHT,
        grow: (characters: number): void => {
          if (entries.get(key) !== entry) return;
          entry.weight += characters;
          total += characters;
          shrink();
        },
      };
      entries.set(key, entry);
      total += EMPTY_WEIGHT;
      shrink();
      return entry;
    },
  };
}
