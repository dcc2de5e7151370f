/** What line items have delivered in all, as it was in the database a moment ago. */
import type { Queryable } from "../../database/queryable.ts";
import { inTime } from "../../in-time.ts";

export interface DeliveryTotals {
  /**
   * Resolves when what is known is not older than five seconds, or can be waited for no longer; those who ask at once wait for one
   * statement together. Never rejects.
   */
  refresh(): Promise<void>;
  /** 0 where nothing was delivered; undefined: the database was not read yet. */
  totalOf(lineItem: string): number | undefined;
}

/** For how long an answer is kept waiting by the database, in ms. */
export interface DeliveryWaits {
  /** For what nobody knows yet. */
  readonly unknownMs: number;
  /** For news of what is known. */
  readonly knownMs: number;
}

export interface DeliveryTotalsDeps {
  readonly query: Queryable["query"];
  /** ms since the epoch */
  readonly now: () => number;
  readonly waits: DeliveryWaits;
  /** Happenings of which somebody needs to know whether the totals have them. */
  readonly listAwaited: () => readonly string[];
  /** Told of those that have come: the totals of this moment have them, those before had not. */
  readonly onDelivered: (happenings: readonly string[]) => void;
  /** The database's error, or that it is silent while nothing is known; what was known before stays. */
  readonly onError: (error: unknown) => void;
}

const MAX_AGE_MS = 5_000;
/** From a failure to the next try. */
const RETRY_MS = 1_000;

/** Of one moment, so that no impression is in both or in neither. */
const TOTALS = `
  select line_item as name, impressions::double precision as total from delivery_total
  union all
  select happening, null from delivery where happening in (select jsonb_array_elements_text($1::jsonb))`;

export function createDeliveryTotals(deps: DeliveryTotalsDeps): DeliveryTotals {
  const { query, now, waits, listAwaited, onDelivered, onError } = deps;
  let totals: ReadonlyMap<string, number> | undefined;
  let nextAtMs = -Infinity;
  /** Of the statement that runs: resolves when it has ended, or when it has been waited for long enough. */
  let waiting: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const startedAtMs = now();
    try {
      const rows = await query<TotalRow>(TOTALS, [JSON.stringify(listAwaited())]);
      totals = new Map(rows.flatMap(({ name, total }) => (total === null ? [] : [[name, total]])));
      onDelivered(rows.flatMap(({ name, total }) => (total === null ? [name] : [])));
      nextAtMs = startedAtMs + MAX_AGE_MS;
    } catch (error) {
      nextAtMs = now() + RETRY_MS;
      onError(error);
    } finally {
      waiting = undefined;
    }
  };

  const wait = async (): Promise<void> => {
    try {
      await inTime(read(), "the database", totals ? waits.knownMs : waits.unknownMs);
    } catch (error) {
      if (!totals) onError(error);
    }
  };

  return {
    refresh: async () => {
      if (!waiting && now() < nextAtMs) return;
      waiting ??= wait();
      return waiting;
    },
    totalOf: (lineItem) => totals && (totals.get(lineItem) ?? 0),
  };
}

/** A line item with its total, or a happening without one. */
interface TotalRow {
  readonly name: string;
  readonly total: number | null;
}
