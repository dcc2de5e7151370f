/**
 * Beacons on disk. A beacon is acknowledged when it is stored; those that arrive while a statement is under way share the next.
 */
import type { Queryable } from "../database/database.ts";
import { HttpError } from "../http-error.ts";
import type { Beacon } from "./beacon.ts";

/** `id` grows in order of arrival. */
export interface StoredBeacon extends Beacon {
  readonly id: string;
}

/** All that are given must fit; `limit` is a number of beacons. */
export interface BeaconFilter {
  readonly session?: string;
  readonly zone?: string;
  readonly event?: string;
  /** Only those after this id. */
  readonly after?: string;
  readonly limit: number;
}

/** Appends and reads; nothing is changed or removed. */
export interface BeaconStore {
  /**
   * Resolves when it is stored.
   *
   * @throws HttpError `overload` where more wait than can be kept; the database's error
   */
  append(beacon: Beacon): Promise<void>;
  /** In order of arrival. */
  list(filter: BeaconFilter): Promise<readonly StoredBeacon[]>;
}

const MAX_WAITING = 20_000;
const MAX_BATCH = 500;

interface Waiting {
  readonly beacon: Beacon;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** On the `beacon` table; one statement is under way at a time. */
export function createBeaconStore(query: Queryable["query"]): BeaconStore {
  let waiting: Waiting[] = [];
  let isWriting = false;

  const write = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      await insert(
        query,
        batch.map((entry) => entry.beacon),
      ).then(
        () => batch.forEach((entry) => entry.resolve()),
        (error: unknown) => batch.forEach((entry) => entry.reject(error)),
      );
    }
    isWriting = false;
  };

  return {
    append: (beacon) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= MAX_WAITING) {
          const message = `beacons: expected fewer than ${MAX_WAITING} to wait, got as many`;
          reject(new HttpError("overload", message, { retryAfterSeconds: 5 }));
          return;
        }
        waiting.push({ beacon, resolve, reject });
        void write();
      }),
    list: (filter) => list(query, filter),
  };
}

async function insert(query: Queryable["query"], beacons: readonly Beacon[]): Promise<void> {
  const rows = beacons.map((beacon) => ({
    ...beacon,
    received_at: beacon.receivedAt,
    line_item: beacon.lineItem,
    sent_at: beacon.sentAt,
    content_playhead: beacon.contentPlayhead,
  }));
  // The order of the list is the order of the ids: identity values are drawn as the rows come.
  await query(
    `insert into beacon (received_at, event, zone, session, break, position, ad, occurrence, creative, line_item,
       sent_at, playhead, content_playhead, error, extra)
     select received_at, event, zone, session, break, position, ad, occurrence, creative, line_item,
       sent_at, playhead, content_playhead, error, extra
     from jsonb_to_recordset($1::jsonb) as row (received_at timestamptz, event text, zone text, session text, break text,
       position integer, ad text, occurrence integer, creative text, line_item text,
       sent_at timestamptz, playhead double precision, content_playhead double precision, error integer, extra jsonb)`,
    [JSON.stringify(rows)],
  );
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
  readonly sent_at: Date | null;
  readonly playhead: number | null;
  readonly content_playhead: number | null;
  readonly error: number | null;
  readonly extra: Readonly<Record<string, string>>;
}

async function list(query: Queryable["query"], filter: BeaconFilter): Promise<readonly StoredBeacon[]> {
  const rows = await query<BeaconRow>(
    `select id::text as id, received_at, event, zone, session, break, position, ad, occurrence, creative, line_item,
       sent_at, playhead, content_playhead, error, extra
     from beacon
     where ($1::text is null or session = $1) and ($2::text is null or zone = $2) and ($3::text is null or event = $3)
       and beacon.id > $4::bigint
     order by beacon.id limit $5::integer`,
    [filter.session ?? null, filter.zone ?? null, filter.event ?? null, filter.after ?? "0", filter.limit],
  );
  return rows.map(({ received_at, line_item, sent_at, content_playhead, playhead, error, ...row }) => ({
    ...row,
    receivedAt: received_at,
    lineItem: line_item,
    sentAt: sent_at ?? undefined,
    playhead: playhead ?? undefined,
    contentPlayhead: content_playhead ?? undefined,
    error: error ?? undefined,
  }));
}
