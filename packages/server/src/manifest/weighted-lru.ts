/** A cache that forgets what was not asked for longest once it holds too much. */

export interface WeightedLru<Value> {
  /** Counts as use. */
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value, weight: number) => void;
  readonly delete: (key: string) => void;
  /** Of all that it holds. */
  readonly weight: () => number;
}

/** A value heavier than `maxWeight` is not kept at all. */
export function createWeightedLru<Value>(maxWeight: number): WeightedLru<Value> {
  const entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  let total = 0;
  const remove = (key: string): void => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  return {
    get: (key) => {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set: (key, value, weight) => {
      remove(key);
      if (weight > maxWeight) return;
      entries.set(key, { value, weight });
      total += weight;
      for (const oldest of entries.keys()) {
        if (total <= maxWeight) return;
        remove(oldest);
      }
    },
    delete: remove,
    weight: () => total,
  };
}
