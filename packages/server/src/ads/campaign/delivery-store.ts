/**
 * Impressions of line items, in the database: written in the transaction that stores the beacons, so that the goals count what the
 * report counts, whatever becomes of the process. All line items are counted, since the instance that stores an impression need not
 * have the campaign file that served it.
 */
import { createHash } from "node:crypto";
import type { Queryable } from "../../database/queryable.ts";
import { viewerKey } from "../break-call.ts";

/** What is used of a beacon that was stored; texts are empty where it does not tell. */
export interface StoredBeacon {
  /** A UUID that is its own. */
  readonly key: string;
  readonly received_at: string;
  readonly event: string;
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  readonly ad: string;
  readonly line_item: string;
  readonly signature: string;
  readonly mark: string;
  /** `v`: the viewer's key, where the tag named a viewer. */
  readonly extra: Readonly<Record<string, string>>;
}

/** A row of the table `delivery`. */
interface Delivery {
  readonly happening: string;
  readonly line_item: string;
  readonly viewer: string;
  readonly delivered_at: string;
}

/** Names an impression by its place in somebody's viewing. */
export function happeningKey(place: Pick<StoredBeacon, "zone" | "session" | "break" | "position" | "ad">): string {
  const text = JSON.stringify([place.zone, place.session, place.break, place.position, place.ad]);
  return createHash("sha256").update(text).digest("base64url");
}

/**
 * Counts the impressions among beacons that are stored for the first time. What anybody could have written, or no viewer has seen, ends
 * no line item: only what is signed and not marked counts.
 *
 * @param tx the transaction that stores them
 */
export async function storeDeliveries(tx: Queryable, beacons: readonly StoredBeacon[]): Promise<void> {
  const found = beacons.filter(
    ({ event, line_item, signature, mark }) =>
      event === "impression" && line_item !== "" && signature === "signed" && mark === "",
  );
  if (found.length === 0) return;
  await tx.query(INSERT, [JSON.stringify(found.map(describeDelivery))]);
}

/** The order of the rows keeps two instances from waiting for each other. */
const INSERT = `
  with fresh as (
    insert into delivery (happening, line_item, viewer, delivered_at)
    select happening, line_item, viewer, delivered_at
    from jsonb_to_recordset($1::jsonb) as row (happening text, line_item text, viewer text, delivered_at timestamptz)
    order by happening
    on conflict do nothing
    returning line_item)
  insert into delivery_total (line_item, impressions)
  select line_item, count(*) from fresh group by line_item order by line_item
  on conflict (line_item) do update set impressions = delivery_total.impressions + excluded.impressions`;

function describeDelivery(beacon: StoredBeacon): Delivery {
  const { key, zone, session, line_item, extra, received_at } = beacon;
  const viewer = extra["v"] ?? "";
  return {
    happening: session === "" ? key : happeningKey(beacon),
    line_item,
    viewer: /^[\w-]{22}$/.test(viewer) ? viewer : viewerKey(zone, "", session),
    delivered_at: received_at,
  };
}

/** More than three hundred a second, where this is done each minute. */
const MAX_REMOVED = 20_000;

/** Removes rows that no frequency cap needs any more; what they add up to stays. */
export async function removeDeliveries(query: Queryable["query"], before: Date): Promise<void> {
  await query(
    `delete from delivery where happening in (
       select happening from delivery where delivered_at < $1 order by delivered_at limit $2 for update skip locked)`,
    [before, MAX_REMOVED],
  );
}
