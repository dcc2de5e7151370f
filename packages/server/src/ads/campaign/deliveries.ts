/**
 * Impressions of line items that have a goal or a frequency cap: delivered, as the database has them for all instances; and under way,
 * from the answer that names an ad until the database has its impression, kept in this process.
 */
import type { Queryable } from "../../database/queryable.ts";
import type { Campaigns } from "./campaign.ts";
import { removeDeliveries } from "./delivery-store.ts";
import { createDeliveryTotals } from "./delivery-totals.ts";
import type { DeliveryCounts } from "./pick-pod.ts";
import { createUnderWay, type Offer } from "./under-way.ts";

export interface Deliveries {
  /** Counts for one viewer (empty: unknown). They include what is offered after they were made. Never rejects. */
  countsFor(viewer: string): Promise<DeliveryCounts>;
  /** An answer named these ads. */
  offer(viewer: string, offers: readonly Offer[]): void;
  /** Removes from the database what no frequency cap needs any more; to be called each minute. Never rejects. */
  tidy(): Promise<void>;
}

export interface DeliveriesDeps {
  readonly query: Queryable["query"];
  readonly campaigns: () => Campaigns;
  /** ms since the epoch */
  readonly now: () => number;
  readonly onError: (error: unknown, message: string) => void;
}

const HOUR_MS = 3_600_000;

export function createDeliveries({ query, campaigns, now, onError }: DeliveriesDeps): Deliveries {
  const underWay = createUnderWay(now);
  const totals = createDeliveryTotals({ query, now, listAwaited: underWay.list, onDelivered: underWay.settle });
  const oldest = (): Date => {
    const caps = [...campaigns().lineItems.values()].flatMap(({ frequency }) => frequency);
    return new Date(now() - Math.max(24, ...caps.map(({ hours }) => hours)) * HOUR_MS);
  };
  const readSeen = (viewer: string): Promise<readonly SeenRow[]> =>
    query<SeenRow>(
      "select happening, line_item, delivered_at from delivery where viewer = $1 and delivered_at > $2 limit 10000",
      [viewer, oldest()],
    );
  const complain = (error: unknown): undefined =>
    void onError(
      error,
      "deliveries were not read: line items with a cap, or a goal that was never read, are not picked",
    );

  return {
    countsFor: async (viewer) => {
      const items = [...campaigns().lineItems.values()];
      const isCapped = viewer !== "" && items.some(({ frequency }) => frequency.length > 0);
      const hasGoals = items.some(({ goal }) => goal !== undefined);
      const [seen] = await Promise.all([
        isCapped ? readSeen(viewer).catch(complain) : undefined,
        hasGoals ? totals.refresh().catch(complain) : undefined,
      ]);
      const known = new Set(seen?.map(({ happening }) => happening));
      return {
        impressionsOf: (lineItem) => {
          const total = totals.totalOf(lineItem);
          return total === undefined ? undefined : total + underWay.expectedOf(lineItem);
        },
        seenOf: (lineItem) =>
          seen && [
            ...seen.filter((row) => row.line_item === lineItem).map((row) => row.delivered_at),
            ...underWay.timesOf(lineItem, viewer, known),
          ],
      };
    },
    offer: (viewer, offers) => {
      for (const offer of offers) underWay.add(viewer, offer);
    },
    tidy: () =>
      removeDeliveries(query, oldest()).catch((error: unknown) => onError(error, "old deliveries were not removed")),
  };
}

interface SeenRow {
  readonly happening: string;
  readonly line_item: string;
  readonly delivered_at: Date;
}
