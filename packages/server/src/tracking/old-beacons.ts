/**
 * Beacons of the release before, which kept them in a table of their own: stored and counted like those of a journal, also those that an
 * instance of that release still writes while instances are replaced.
 */
import type { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import { type Happening, happeningOfBeacon } from "./happening.ts";
import { storeDay } from "./load-statement.ts";
import { lockTracking } from "./partitions.ts";

const MAX_BATCH = 1000;

interface OldRow {
  readonly received_at: Date;
  readonly event: string;
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  readonly ad: string;
  readonly occurrence: number;
  readonly creative: string;
  readonly line_item: string;
  readonly sent_at: Date | null;
  readonly playhead: number | null;
  readonly content_playhead: number | null;
  readonly error: number | null;
  readonly extra: Readonly<Record<string, string>>;
}

/** @returns whether there may be more */
export async function countOldBeacons({ transaction }: Pick<Database, "transaction">): Promise<boolean> {
  return transaction(async (tx) => {
    await lockTracking(tx);
    const rows = await tx.query<OldRow>(
      `with batch as (select id from beacon where not is_counted order by id limit ${MAX_BATCH} for update),
       taken as (update beacon set is_counted = true from batch where beacon.id = batch.id returning beacon.*)
       select * from taken order by id`,
    );
    const happenings = rows.map(readOld);
    for (const day of new Set(happenings.map((happening) => happening.day))) {
      const ofDay = happenings.filter((happening) => happening.day === day);
      await storeDay(tx, day, ofDay);
    }
    return rows.length === MAX_BATCH;
  });
}

function readOld({ received_at, line_item, sent_at, playhead, content_playhead, error, ...row }: OldRow): Happening {
  return happeningOfBeacon({
    ...row,
    receivedAt: received_at,
    lineItem: line_item,
    upstream: "",
    sentAt: sent_at ?? undefined,
    playhead: playhead ?? undefined,
    contentPlayhead: content_playhead ?? undefined,
    error: error ?? undefined,
    reason: "",
    request: "",
    signature: "",
    mark: "",
  });
}

/** Removes those that are counted and older than the raw happenings are kept. */
export async function removeOldBeacons(query: Queryable["query"], before: Date): Promise<void> {
  await query("delete from beacon where is_counted and received_at < $1", [before]);
}
