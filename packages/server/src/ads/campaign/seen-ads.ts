/** What one viewer has seen of the line items, as the database has it. */
import type { Queryable } from "../../database/queryable.ts";
import { inTime } from "../../in-time.ts";

export interface SeenAd {
  readonly happening: string;
  readonly line_item: string;
  readonly delivered_at: Date;
}

export interface SeenAdsDeps {
  readonly query: Queryable["query"];
  readonly waitMs: number;
  readonly onError: (error: unknown) => void;
}

/** So many statements may be late; while they are, no connection is spent on another one. */
const MAX_LATE = 5;
const MAX_ROWS = 10_000;

/** Since a time. undefined: nobody knows, the database does not say, or not in time. Never rejects. */
export type ReadSeenAds = (viewer: string, since: Date) => Promise<readonly SeenAd[] | undefined>;

export function createSeenAds({ query, waitMs, onError }: SeenAdsDeps): ReadSeenAds {
  let late = 0;
  const endLate = (): void => void late--;
  return async (viewer, since) => {
    if (late >= MAX_LATE) return undefined;
    const reading = query<SeenAd>(
      "select happening, line_item, delivered_at from delivery where viewer = $1 and delivered_at > $2 limit $3",
      [viewer, since, MAX_ROWS],
    );
    try {
      return await inTime(reading, "the database", waitMs);
    } catch (error) {
      onError(error);
      late++;
      void reading.then(endLate, endLate);
      return undefined;
    }
  };
}
