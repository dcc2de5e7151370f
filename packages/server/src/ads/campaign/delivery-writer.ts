/** Writes impressions down, many in one statement, each counted once however often it is told. */
import type { Queryable } from "../../database/database.ts";

/** A row of the table `delivery`. */
export interface Delivery {
  readonly happening: string;
  readonly line_item: string;
  readonly viewer: string;
  readonly delivered_at: Date;
}

export interface DeliveryWriter {
  /** `onWritten` is called once the row is there, by this call or an earlier one. */
  write(delivery: Delivery, onWritten: () => void): void;
  /** Resolves once everything before is written, or has failed once. */
  flush(): Promise<void>;
  /** The same, and nothing is tried again. */
  close(): Promise<void>;
}

export interface DeliveryWriterDeps {
  readonly query: Queryable["query"];
  /** ms since the epoch */
  readonly now: () => number;
  /** For how long rows are of use. */
  readonly keepHours: () => number;
  readonly onError: (error: unknown, message: string) => void;
  /** The new total of a line item. */
  readonly onTotal: (lineItem: string, impressions: number) => void;
}

const MAX_BATCH = 1_000;
const MAX_WAITING = 50_000;
const RETRY_MS = 1_000;
/** More than three hundred a second, of what is not needed any more. */
const CLEAN_MS = 60_000;
const MAX_CLEANED = 20_000;

interface Waiting {
  readonly delivery: Delivery;
  readonly onWritten: () => void;
}

export function createDeliveryWriter({ query, now, keepHours, onError, onTotal }: DeliveryWriterDeps): DeliveryWriter {
  const waiting: Waiting[] = [];
  let running: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;
  let cleanedAt = now();

  /** False where it failed: what it was to write waits again. */
  const writeBatch = async (): Promise<boolean> => {
    const batch = waiting.splice(0, MAX_BATCH);
    try {
      for (const [lineItem, impressions] of await insert(query, batch)) onTotal(lineItem, impressions);
      for (const { onWritten } of batch) onWritten();
      return true;
    } catch (error) {
      waiting.unshift(...batch);
      onError(error, "deliveries were not written: tried again in a moment");
      return false;
    }
  };

  const run = async (): Promise<void> => {
    try {
      await clean();
      while (waiting.length > 0) {
        if (await writeBatch()) continue;
        if (!isClosed) retry = setTimeout(start, RETRY_MS).unref();
        return;
      }
    } finally {
      // At once, so that what comes next finds nobody at work
      running = undefined;
    }
  };

  const start = async (): Promise<void> => {
    clearTimeout(retry);
    if (waiting.length > 0) running ??= run();
    return running;
  };

  const clean = async (): Promise<void> => {
    if (now() - cleanedAt < CLEAN_MS) return;
    cleanedAt = now();
    const before = new Date(now() - keepHours() * 3_600_000);
    await query(
      "delete from delivery where happening in (select happening from delivery where delivered_at < $1 limit $2)",
      [before, MAX_CLEANED],
    ).catch((error: unknown) => onError(error, "old deliveries were not removed"));
  };

  return {
    write: (delivery, onWritten) => {
      if (waiting.length >= MAX_WAITING) return;
      waiting.push({ delivery, onWritten });
      void start();
    },
    flush: start,
    close: async () => {
      isClosed = true;
      await start();
      clearTimeout(retry);
    },
  };
}

/** The order of the rows keeps two instances from waiting for each other. */
async function insert(
  query: Queryable["query"],
  batch: readonly Waiting[],
): Promise<readonly (readonly [string, number])[]> {
  const rows = await query<{ readonly line_item: string; readonly impressions: number }>(
    `with fresh as (
       insert into delivery (happening, line_item, viewer, delivered_at)
       select happening, line_item, viewer, delivered_at
       from jsonb_to_recordset($1::jsonb) as row (happening text, line_item text, viewer text, delivered_at timestamptz)
       order by happening
       on conflict do nothing
       returning line_item)
     insert into delivery_total (line_item, impressions)
     select line_item, count(*) from fresh group by line_item order by line_item
     on conflict (line_item) do update set impressions = delivery_total.impressions + excluded.impressions
     returning line_item, impressions::double precision as impressions`,
    [JSON.stringify(batch.map(({ delivery }) => delivery))],
  );
  return rows.map((row) => [row.line_item, row.impressions]);
}
