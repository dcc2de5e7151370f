/**
 * How many repackages one client, or one zone, may cause per hour. A transcode is minutes of work for a request of a kilobyte,
 * so requests that start one are counted; requests for what is being made already are not.
 *
 * Counted in memory, per instance: a restart forgives.
 */

/** A bucket of tokens per name, refilled evenly over an hour. */
export interface Quota {
  /** Takes one token of `name`: 0, or the seconds until there is one again. */
  take(name: string): number;
  /** Gives one back: what it was taken for did not happen. */
  give(name: string): void;
}

interface Bucket {
  tokens: number;
  /** ms since the epoch */
  refilledAt: number;
}

/** Names kept at most; the one that was used longest ago is forgotten, which gives it a full bucket. */
const MAX_NAMES = 10_000;

/** @param perHour above 0; also the size of the bucket @param now ms since the epoch */
export function createQuota(perHour: number, now: () => number): Quota {
  const buckets = new Map<string, Bucket>();
  const perMs = perHour / 3_600_000;
  const refilled = (name: string): Bucket => {
    const at = now();
    const found = buckets.get(name) ?? { tokens: perHour, refilledAt: at };
    const tokens = Math.min(perHour, found.tokens + Math.max(0, at - found.refilledAt) * perMs);
    const bucket = { tokens, refilledAt: at };
    buckets.delete(name);
    buckets.set(name, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_NAMES && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  };
  return {
    take: (name) => {
      const bucket = refilled(name);
      if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perMs / 1000);
      bucket.tokens -= 1;
      return 0;
    },
    give: (name) => {
      const bucket = refilled(name);
      bucket.tokens = Math.min(perHour, bucket.tokens + 1);
    },
  };
}
