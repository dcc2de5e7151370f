/**
 * Impressions of line items that have a goal or a frequency cap: delivered, as the database has them for all instances; and under way,
 * from the answer that names an ad until the database has its impression, kept in this process.
 */
import type { Queryable } from "../../database/queryable.ts";
import type { Campaigns } from "./campaign.ts";
import { removeDeliveries } from "./delivery-store.ts";
import { createDeliveryTotals, type DeliveryWaits } from "./delivery-totals.ts";
import type { DeliveryCounts } from "./pick-pod.ts";
import { createSeenAds } from "./seen-ads.ts";
import { createUnderWay, type Offer } from "./under-way.ts";

export interface Deliveries {
  /** Counts for one viewer (empty: unknown). They include what is offered after they were made. Never rejects. */
  countsFor(viewer: string): Promise<DeliveryCounts>;
  /** An answer named these ads. */
  offer(viewer: string, offers: readonly Offer[]): void;
  /** The answer went out without them. */
  takeBack(happenings: readonly string[]): void;
  /** Removes from the database what no frequency cap needs any more; to be called each minute. Never rejects. */
  tidy(): Promise<void>;
}

export interface DeliveriesDeps {
  readonly query: Queryable["query"];
  readonly campaigns: () => Campaigns;
  /** ms since the epoch */
  readonly now: () => number;
  readonly onError: (error: unknown, message: string) => void;
  readonly waits?: DeliveryWaits;
}

const HOUR_MS = 3_600_000;

/** A player gives its ads five seconds. So long only a few are kept waiting: then a database is known to be silent. */
const WAITS: DeliveryWaits = { unknownMs: 3_000, knownMs: 200 };

export function createDeliveries({ query, campaigns, now, onError, waits = WAITS }: DeliveriesDeps): Deliveries {
  const complain = (error: unknown): void =>
    onError(error, "deliveries were not read: line items with a cap, or a goal that was never read, are not picked");
  const underWay = createUnderWay(now);
  const totals = createDeliveryTotals({
    query,
    now,
    waits,
    listAwaited: underWay.list,
    onDelivered: underWay.settle,
    onError: complain,
  });
  const readSeen = createSeenAds({ query, waitMs: waits.unknownMs, onError: complain });
  const oldest = (): Date => new Date(now() - hoursNeeded(campaigns()) * HOUR_MS);

  return {
    countsFor: async (viewer) => {
      const items = [...campaigns().lineItems.values()];
      const isCapped = viewer !== "" && items.some(({ frequency }) => frequency.length > 0);
      const hasGoals = items.some(({ goal }) => goal !== undefined);
      const [seen] = await Promise.all([
        isCapped ? readSeen(viewer, oldest()) : undefined,
        hasGoals ? totals.refresh() : undefined,
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
    takeBack: underWay.takeBack,
    tidy: () =>
      removeDeliveries(query, oldest()).catch((error: unknown) => onError(error, "old deliveries were not removed")),
  };
}

/** For how long impressions are looked back at: as far as the longest cap, a day at least. */
function hoursNeeded({ lineItems }: Campaigns): number {
  const caps = [...lineItems.values()].flatMap(({ frequency }) => frequency);
  return Math.max(24, ...caps.map(({ hours }) => hours));
}
