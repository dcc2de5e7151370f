/** What line items have delivered in all, as it was in the database a moment ago. */
import type { Queryable } from "../../database/queryable.ts";

export interface DeliveryTotals {
  /**
   * Resolves when what is known is not older than five seconds; those who ask at once wait for one statement together.
   *
   * @throws the database's error; what was known before stays
   */
  refresh(): Promise<void>;
  /** 0 where nothing was delivered; undefined: the database was not read yet. */
  totalOf(lineItem: string): number | undefined;
}

export interface DeliveryTotalsDeps {
  readonly query: Queryable["query"];
  /** ms since the epoch */
  readonly now: () => number;
  /** Happenings of which somebody needs to know whether the totals have them. */
  readonly listAwaited: () => readonly string[];
  /** Told of those that have come: the totals of this moment have them, those before had not. */
  readonly onDelivered: (happenings: readonly string[]) => void;
}

const MAX_AGE_MS = 5_000;

/** Of one moment, so that no impression is in both or in neither. */
const TOTALS = `
  select line_item as name, impressions::double precision as total from delivery_total
  union all
  select happening, null from delivery where happening in (select jsonb_array_elements_text($1::jsonb))`;

export function createDeliveryTotals({ query, now, listAwaited, onDelivered }: DeliveryTotalsDeps): DeliveryTotals {
  let totals: ReadonlyMap<string, number> | undefined;
  let readAtMs = -Infinity;
  let reading: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const startedAtMs = now();
    try {
      const rows = await query<TotalRow>(TOTALS, [JSON.stringify(listAwaited())]);
      totals = new Map(rows.flatMap(({ name, total }) => (total === null ? [] : [[name, total]])));
      onDelivered(rows.flatMap(({ name, total }) => (total === null ? [name] : [])));
      readAtMs = startedAtMs;
    } finally {
      reading = undefined;
    }
  };

  return {
    refresh: async () => {
      if (now() - readAtMs < MAX_AGE_MS) return;
      reading ??= read();
      return reading;
    },
    totalOf: (lineItem) => totals && (totals.get(lineItem) ?? 0),
  };
}

/** A line item with its total, or a happening without one. */
interface TotalRow {
  readonly name: string;
  readonly total: number | null;
}
