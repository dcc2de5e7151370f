/**
 * Impressions of line items that have a goal or a frequency cap: delivered, as players tell, kept in the database, where all
 * instances see them; and under way, from the answer that names an ad to its impression, kept in this process.
 */
import { createHash, randomUUID } from "node:crypto";
import type { Queryable } from "../../database/database.ts";
import { viewerKey } from "../break-call.ts";
import { type Campaigns, isCounted } from "./campaign.ts";
import { createDeliveryWriter, type Delivery } from "./delivery-writer.ts";
import type { DeliveryCounts } from "./pick-pod.ts";
import { createUnderWay } from "./under-way.ts";

/** What is used of a tracking request. Texts are empty where it does not tell. */
export interface ToldEvent {
  readonly receivedAt: Date;
  readonly event: string;
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  readonly ad: string;
  readonly lineItem: string;
  /** What is marked, as a robot's, counts for nothing; empty or left out: counts. */
  readonly mark?: string;
  /** `v`: the viewer's key, where the tag named a viewer. */
  readonly extra: Readonly<Record<string, string>>;
}

/** An ad on its way to a viewer. */
export interface Offer {
  readonly lineItem: string;
  readonly happening: string;
}

export interface Deliveries {
  /** Counts for one viewer (empty: unknown). They include what is offered after they were made. Never rejects. */
  countsFor(viewer: string): Promise<DeliveryCounts>;
  /** An answer named these ads. */
  offer(viewer: string, offers: readonly Offer[]): void;
  /** A tracking request came; what is no impression of a line item that counts costs nothing. */
  note(event: ToldEvent): void;
  /** Resolves once everything noted so far is written, or could not be. */
  flush(): Promise<void>;
  /** The same, and what could not be written is given up. */
  close(): Promise<void>;
}

export interface DeliveriesDeps {
  readonly query: Queryable["query"];
  readonly campaigns: () => Campaigns;
  /** ms since the epoch */
  readonly now: () => number;
  readonly onError: (error: unknown, message: string) => void;
}

/** Names an impression. Without a session nothing tells two of them apart. */
export function happeningKey(place: Pick<ToldEvent, "zone" | "session" | "break" | "position" | "ad">): string {
  const { zone, session, position, ad } = place;
  if (session === "") return randomUUID();
  const text = JSON.stringify([zone, session, place.break, position, ad]);
  return createHash("sha256").update(text).digest("base64url");
}

/** Other instances' impressions are seen this much later, in ms; the own ones at once. */
const TOTALS_AGE_MS = 5_000;

export function createDeliveries({ query, campaigns, now, onError }: DeliveriesDeps): Deliveries {
  const totals = new Map<string, number>();
  let totalsAt = -Infinity;
  const underWay = createUnderWay(now);
  const keepHours = (): number =>
    Math.max(24, ...[...campaigns().lineItems.values()].flatMap((item) => item.frequency.map(({ hours }) => hours)));
  const writer = createDeliveryWriter({
    query,
    now,
    keepHours,
    onError,
    onTotal: (id, count) => totals.set(id, count),
  });

  const readTotals = async (): Promise<void> => {
    if (now() - totalsAt < TOTALS_AGE_MS) return;
    totalsAt = now();
    const rows = await query<TotalRow>(
      "select line_item, impressions::double precision as impressions from delivery_total",
    );
    for (const row of rows) totals.set(row.line_item, Math.max(row.impressions, totals.get(row.line_item) ?? 0));
  };

  const readSeen = (viewer: string): Promise<readonly SeenRow[]> =>
    query<SeenRow>(
      "select happening, line_item, delivered_at from delivery where viewer = $1 and delivered_at > $2 limit 10000",
      [viewer, new Date(now() - keepHours() * 3_600_000)],
    );

  return {
    countsFor: async (viewer) => {
      const items = [...campaigns().lineItems.values()];
      let seen: readonly SeenRow[] | undefined;
      try {
        if (items.some(({ goal }) => goal !== undefined)) await readTotals();
        if (viewer !== "" && items.some(({ frequency }) => frequency.length > 0)) seen = await readSeen(viewer);
      } catch (error) {
        totalsAt = -Infinity;
        onError(error, "deliveries were not read: line items with a frequency cap stay out of this answer");
      }
      const known = new Set(seen?.map(({ happening }) => happening));
      return {
        impressionsOf: (lineItem) => (totals.get(lineItem) ?? 0) + underWay.countOf(lineItem),
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
    note: ({ event, lineItem, zone, session, extra, receivedAt, mark = "", ...place }) => {
      if (event !== "impression" || lineItem === "" || mark !== "") return;
      const item = campaigns().lineItems.get(lineItem);
      if (!item || !isCounted(item)) return;
      const happening = happeningKey({ zone, session, ...place });
      const viewer = /^[\w-]{22}$/.test(extra["v"] ?? "") ? extra["v"] : undefined;
      const delivery: Delivery = {
        happening,
        line_item: lineItem,
        viewer: viewer ?? viewerKey(zone, "", session),
        delivered_at: receivedAt,
      };
      // Once it is written it is in the total, or was before
      writer.write(delivery, () => underWay.remove(happening));
    },
    flush: writer.flush,
    close: writer.close,
  };
}

interface TotalRow {
  readonly line_item: string;
  readonly impressions: number;
}

interface SeenRow {
  readonly happening: string;
  readonly line_item: string;
  readonly delivered_at: Date;
}
