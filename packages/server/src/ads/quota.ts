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
  /** Saved-up time, ms: what one token costs is an hour divided by the tokens of an hour. */
  credit: number;
  /** ms since the epoch */
  creditedAt: number;
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
  const cost = HOUR_MS / perHour;
  const buckets = new Map<string, Bucket>();
  const open = (name: string): Bucket => {
    const at = now();
    const found = buckets.get(name) ?? { credit: HOUR_MS, creditedAt: at };
    const credit = Math.min(HOUR_MS, found.credit + Math.max(0, at - found.creditedAt));
    const bucket = { credit, creditedAt: at };
    buckets.delete(name);
    buckets.set(name, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_NAMES && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  };
  return {
    take: (name) => {
      const bucket = open(name);
      if (bucket.credit < cost) return Math.ceil((cost - bucket.credit) / 1000);
      bucket.credit -= cost;
      return 0;
    },
    give: (name) => {
      const bucket = open(name);
      bucket.credit = Math.min(HOUR_MS, bucket.credit + cost);
    },
  };
}
