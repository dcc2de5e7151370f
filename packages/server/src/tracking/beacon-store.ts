/** The happenings in the database, one by one. */
import type { Queryable } from "../database/queryable.ts";
import type { Beacon } from "./beacon.ts";

/** `id` grows in the order of loading. */
export interface StoredBeacon extends Omit<Beacon, "request" | "isZoneKnown"> {
  readonly id: string;
  /** By how many milliseconds our clock was ahead of the player's; undefined where the player told none. */
  readonly skewMs: number | undefined;
  /** How many ads the answer had, where the event is `adRequest`; 0 elsewhere. */
  readonly amount: number;
}

/** All that are given must fit; `limit` is a number of beacons. */
export interface BeaconFilter {
  readonly session?: string;
  readonly zone?: string;
  readonly event?: string;
  /** `YYYY-MM-DD`, UTC. Without a session these tell how much is read to find the rare. */
  readonly firstDay?: string;
  readonly lastDay?: string;
  /** Only those after this id. */
  readonly after?: string;
  readonly limit: number;
}

interface BeaconRow {
  readonly id: string;
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
  readonly upstream: string;
  readonly sent_at: Date | null;
  readonly skew_ms: string | null;
  readonly playhead: number | null;
  readonly content_playhead: number | null;
  readonly error: number | null;
  readonly reason: Beacon["reason"];
  readonly amount: number;
  readonly signature: Beacon["signature"];
  readonly mark: Beacon["mark"];
  readonly extra: Readonly<Record<string, string>>;
}

/** In the order of loading. */
export async function listBeacons(query: Queryable["query"], filter: BeaconFilter): Promise<readonly StoredBeacon[]> {
  const rows = await query<BeaconRow>(
    `select id::text as id, received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, upstream,
       sent_at, skew_ms::text as skew_ms, playhead, content_playhead, error, reason, amount, signature, mark, extra
     from tracking_event as event_row
     where ($1::text is null or session = $1) and ($2::text is null or zone = $2) and ($3::text is null or event = $3)
       and event_row.id > $4::bigint and event_row.day between $6::date and $7::date
     order by event_row.id limit $5::integer`,
    [
      filter.session ?? null,
      filter.zone ?? null,
      filter.event ?? null,
      filter.after ?? "0",
      filter.limit,
      filter.firstDay ?? "-infinity",
      filter.lastDay ?? "infinity",
    ],
  );
  return rows.map(({ received_at, line_item, sent_at, skew_ms, content_playhead, playhead, error, ...row }) => ({
    ...row,
    receivedAt: received_at,
    lineItem: line_item,
    sentAt: sent_at ?? undefined,
    skewMs: skew_ms === null ? undefined : Number(skew_ms),
    playhead: playhead ?? undefined,
    contentPlayhead: content_playhead ?? undefined,
    error: error ?? undefined,
  }));
}
