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
  /** Saved-up time: what one token costs is an hour divided by the tokens of an hour. */
  creditMs: number;
  /** ms since the epoch */
  creditedAtMs: number;
}

const HOUR_MS = 3_600_000;
/** Names kept at most; the one that was used longest ago is forgotten, which gives it a full bucket. */
const MAX_NAMES = 10_000;

/** Of what a zone may start per hour: as much as may be without a ticket, so that whoever floods it leaves the rest for ad servers. */
export function ticketlessShare(perZonePerHour: number): number {
  return Math.max(1, Math.floor(perZonePerHour / 3));
}

/** @param perHour above 0; also the size of the bucket @param now ms since the epoch */
export function createQuota(perHour: number, now: () => number): Quota {
  const costMs = HOUR_MS / perHour;
  const buckets = new Map<string, Bucket>();
  const open = (name: string): Bucket => {
    const atMs = now();
    const found = buckets.get(name) ?? { creditMs: HOUR_MS, creditedAtMs: atMs };
    const creditMs = Math.min(HOUR_MS, found.creditMs + Math.max(0, atMs - found.creditedAtMs));
    const bucket = { creditMs, creditedAtMs: atMs };
    buckets.delete(name);
    buckets.set(name, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_NAMES && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  };
  return {
    take: (name) => {
      const bucket = open(name);
      if (bucket.creditMs < costMs) return Math.ceil((costMs - bucket.creditMs) / 1000);
      bucket.creditMs -= costMs;
      return 0;
    },
    give: (name) => {
      const bucket = open(name);
      bucket.creditMs = Math.min(HOUR_MS, bucket.creditMs + costMs);
    },
  };
}
