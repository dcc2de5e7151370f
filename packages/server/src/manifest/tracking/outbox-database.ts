/**
 * Beacons that wait in the database. Each instance sends what it took in; what one has left lying another one sends, and
 * `for update skip locked` gives each row to one of them.
 */
import { randomUUID } from "node:crypto";
import type { Database } from "../../database/database.ts";
import { admit, countStanding } from "./outbox-bounds.ts";
import type { OutboxBeacon, OutboxBounds, OutboxRows } from "./outbox-rows.ts";

export interface DatabaseOutboxOptions extends Pick<Database, "query" | "isEmbedded"> {
  readonly bounds: OutboxBounds;
}

/**
 * How long a row is its owner's alone after it is due. An instance knows best what it took in itself: addresses that are its own,
 * and hosts that it has connections to.
 */
const OWNERS_MS = 5000;
const COUNT_MS = 1000;

/** One per process. */
export function createDatabaseOutbox({ query, isEmbedded, bounds }: DatabaseOutboxOptions): OutboxRows {
  const owner = randomUUID();
  const admitAll = createAdmission(query, bounds);
  return {
    add: async (beacons, now) => {
      const given = beacons.map((beacon) => ({ beacon, host: new URL(beacon.url).host }));
      const hosts = given.map(({ host }) => host);
      const admitted = await admitAll(hosts, now);
      const kept = given.filter((_, index) => admitted[index]);
      const texts = kept.map(({ beacon }) => JSON.stringify(beacon));
      if (kept.length > 0) await query(ADD, [kept.map(({ host }) => host), texts, owner, new Date(now)]);
      return admitted;
    },
    take: async ({ free, perHost, active, held }, now) => {
      const busy = [...active].map(([host, count]) => ({ host, count }));
      const times = [new Date(now), new Date(now - OWNERS_MS)];
      const rows = await query<TakenRow>(TAKE, [...times, owner, JSON.stringify(busy), held, perHost, free]);
      return rows.map(({ id, host, beacon, attempts: attempt, created_at: createdAt }) => {
        return { id, host, beacon, attempt, createdAt: createdAt.getTime() };
      });
    },
    settle: async (ended, again) => {
      const rows = again.map(({ id, dueAt }) => ({ id, due: new Date(dueAt) }));
      await query(SETTLE, [ended, JSON.stringify(rows)]);
    },
    sweep: async ({ expired, interrupted }) => {
      const rows = await query<SweptRow>(SWEEP, [new Date(expired), new Date(interrupted)]);
      // Nobody else does it there: without it each beacon would leave 1.5 kB behind for ever.
      if (isEmbedded) await query("vacuum beacon_outbox");
      const select = (isInterrupted: boolean): readonly OutboxBeacon[] =>
        rows.filter((row) => row.is_interrupted === isInterrupted).map(({ beacon }) => beacon);
      return { expired: select(false), interrupted: select(true) };
    },
    count: async () => {
      const [row] = await query<{ readonly waiting: number; readonly sending: number }>(COUNT);
      return { waiting: row?.waiting ?? 0, sending: row?.sending ?? 0 };
    },
  };
}

interface TakenRow {
  readonly id: string;
  readonly host: string;
  readonly beacon: OutboxBeacon;
  readonly attempts: number;
  readonly created_at: Date;
}

interface SweptRow {
  readonly beacon: OutboxBeacon;
  readonly is_interrupted: boolean;
}

/**
 * To count is to read the whole table, with all that was there of late: once a second, and whenever something seems to have no room.
 * Instances do not see what the others add in between, so they may exceed the bounds by what they add in a second.
 */
function createAdmission(
  query: Database["query"],
  bounds: OutboxBounds,
): (hosts: readonly string[], now: number) => Promise<readonly boolean[]> {
  let standing = countStanding([]);
  let countedAt = Number.NEGATIVE_INFINITY;
  const recount = async (now: number): Promise<void> => {
    standing = countStanding(await query<{ readonly host: string; readonly count: number }>(COUNT_BY_HOST));
    countedAt = now;
  };
  return async (hosts, now) => {
    if (now >= countedAt + COUNT_MS) await recount(now);
    const admitted = admit(hosts, standing, bounds);
    if (admitted.every(Boolean)) return admitted;
    await recount(now);
    return admit(hosts, standing, bounds);
  };
}

const COUNT_BY_HOST = "select host, count(*)::integer as count from beacon_outbox group by host";

const ADD = `
  insert into beacon_outbox (host, beacon, owner, created_at, due_at)
  select host, beacon::json, $3, $4::timestamptz, $4::timestamptz
  from unnest($1::text[], $2::text[]) with ordinality as given (host, beacon, place) order by place`;

/**
 * A host that is busy or held does not fill the view: behind its rows others may be due. What another instance has locked just now
 * is its, and a lock that was waited for is judged anew.
 */
const TAKE = `
  with busy as (
    select host, count from json_to_recordset($4::json) as listed (host text, count integer)
  ), due as (
    select id, host, due_at from beacon_outbox
    where sending_since is null and due_at <= $1::timestamptz and (owner = $3 or due_at <= $2::timestamptz)
      and host <> all ($5::text[]) and host not in (select host from busy where count >= $6::integer)
    order by due_at, id limit 2000
  ), placed as (
    select id, host, due_at, row_number() over (partition by host order by due_at, id) as place from due
  ), chosen as (
    select id from placed left join busy using (host) where place <= $6::integer - coalesce(busy.count, 0)
    order by place, due_at, id limit $7::integer
  ), locked as materialized (
    select id from beacon_outbox where id in (select id from chosen) and sending_since is null for update skip locked
  ), taken as (
    update beacon_outbox as row set sending_since = $1::timestamptz, attempts = attempts + 1
    from locked where row.id = locked.id returning row.*
  )
  select id::text, host, beacon, attempts, created_at from taken order by taken.id`;

const SETTLE = `
  with removed as (
    delete from beacon_outbox where id = any ($1::bigint[])
  )
  update beacon_outbox as row set sending_since = null, due_at = again.due
  from json_to_recordset($2::json) as again (id bigint, due timestamptz) where row.id = again.id`;

const SWEEP = `
  delete from beacon_outbox
  where (sending_since is null and created_at < $1::timestamptz) or sending_since < $2::timestamptz
  returning beacon, sending_since is not null as is_interrupted`;

const COUNT = `
  select count(*) filter (where sending_since is null)::integer as waiting, count(sending_since)::integer as sending
  from beacon_outbox`;
