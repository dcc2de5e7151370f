/**
 * Beacons that wait in the database. Each instance sends what it took in; what one has left lying another one sends, and
 * `for update skip locked` gives each row to one of them.
 */
import { randomUUID } from "node:crypto";
import type { Database } from "../../database/database.ts";
import { keyOf } from "../session/session-key.ts";
import { admit, type Applicant, countStanding } from "./outbox-bounds.ts";
import type { Kept, OutboxBeacon, OutboxBounds, OutboxRows } from "./outbox-rows.ts";

export interface DatabaseOutboxOptions extends Pick<Database, "query" | "isEmbedded"> {
  readonly bounds: OutboxBounds;
  /** Sessions are in the same database. */
  readonly hasSessions?: boolean;
}

/**
 * How long a row is its owner's alone after it is due. An instance knows best what it took in itself: addresses that are its own,
 * and hosts that it has connections to.
 */
const OWNERS_MS = 5000;
const COUNT_MS = 1000;

/** One per process. */
export function createDatabaseOutbox(options: DatabaseOutboxOptions): OutboxRows {
  const { query, isEmbedded, bounds, hasSessions = false } = options;
  const owner = randomUUID();
  const admitAll = createAdmission(query, bounds);
  return {
    add: async (beacons, nowMs) => {
      const given = beacons.map((beacon) => ({ beacon, ...describe(beacon) }));
      const admitted = await admitAll(given, nowMs);
      const kept = given.filter((_, index) => admitted[index]);
      const texts = kept.map(({ beacon }) => JSON.stringify(beacon));
      if (kept.length > 0) await query(ADD, [kept.map(({ host }) => host), texts, owner, new Date(nowMs)]);
      return admitted;
    },
    ...(hasSessions && { addOwed: createAddOwed(query, admitAll, owner) }),
    take: async ({ free, perHost, active, held }, nowMs) => {
      const busy = [...active].map(([host, count]) => ({ host, count }));
      const times = [new Date(nowMs), new Date(nowMs - OWNERS_MS)];
      const rows = await query<TakenRow>(TAKE, [...times, owner, JSON.stringify(busy), held, perHost, free]);
      return rows.map(({ id, host, beacon, attempts: attempt, created_at: createdAt }) => {
        return { id, host, beacon, attempt, createdAtMs: createdAt.getTime() };
      });
    },
    settle: async (ended, again) => {
      const rows = again.map(({ id, dueAtMs }) => ({ id, due: new Date(dueAtMs) }));
      await query(SETTLE, [ended, JSON.stringify(rows)]);
    },
    sweep: async ({ createdBeforeMs, markedBeforeMs }) => {
      const rows = await query<SweptRow>(SWEEP, [new Date(createdBeforeMs), new Date(markedBeforeMs)]);
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

function describe({ url, event }: OutboxBeacon): Applicant {
  return { host: new URL(url).host, event };
}

type AdmitAll = (applicants: readonly Applicant[], nowMs: number) => Promise<readonly boolean[]>;

function createAddOwed(
  query: Database["query"],
  admitAll: AdmitAll,
  owner: string,
): NonNullable<OutboxRows["addOwed"]> {
  const nameOf = (session: string, key: string): string => `${session} ${key}`;
  return async (owed, nowMs) => {
    const given = owed.map(({ beacon, claim }) => ({ beacon, session: beacon.sessionId, key: keyOf(claim) }));
    const admitted = await admitAll(
      given.map(({ beacon }) => describe(beacon)),
      nowMs,
    );
    const first = new Map<string, (typeof given)[number]>();
    for (const [index, row] of given.entries()) {
      const name = nameOf(row.session, row.key);
      if (admitted[index] && !first.has(name)) first.set(name, row);
    }
    const rows = [...first.values()].map(({ beacon, session, key }) => {
      return { session, key, host: describe(beacon).host, beacon: JSON.stringify(beacon) };
    });
    const claimed =
      rows.length > 0 ? await query<ClaimedRow>(ADD_OWED, [JSON.stringify(rows), owner, new Date(nowMs)]) : [];
    const isClaimed = new Set(claimed.map(({ session, key }) => nameOf(session, key)));
    return given.map((row, index): Kept => {
      if (!admitted[index]) return "full";
      const name = nameOf(row.session, row.key);
      return first.get(name) === row && isClaimed.has(name) ? "kept" : "known";
    });
  };
}

interface ClaimedRow {
  readonly session: string;
  readonly key: string;
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
function createAdmission(query: Database["query"], bounds: OutboxBounds): AdmitAll {
  let standing = countStanding([]);
  let countedAtMs = Number.NEGATIVE_INFINITY;
  const recount = async (nowMs: number): Promise<void> => {
    standing = countStanding(await query<{ readonly host: string; readonly count: number }>(COUNT_BY_HOST));
    countedAtMs = nowMs;
  };
  return async (applicants, nowMs) => {
    if (nowMs >= countedAtMs + COUNT_MS) await recount(nowMs);
    const admitted = admit(applicants, standing, bounds);
    if (admitted.every(Boolean)) return admitted;
    await recount(nowMs);
    return admit(applicants, standing, bounds);
  };
}

const COUNT_BY_HOST = "select host, count(*)::integer as count from beacon_outbox group by host";

const ADD = `
  insert into beacon_outbox (host, beacon, owner, created_at, due_at)
  select host, beacon::json, $3, $4::timestamptz, $4::timestamptz
  from unnest($1::text[], $2::text[]) with ordinality as given (host, beacon, place) order by place`;

/** In the order of the claims' key, so that no two instances wait for each other. */
const ADD_OWED = `
  with given as (
    select row_number() over () as place, session, key, host, beacon
    from json_to_recordset($1::json) as row (session text, key text, host text, beacon text)
  ), claimed as (
    insert into session_claim (session, key)
    select session.id, given.key from given join session on session.id = given.session order by 1, 2
    on conflict do nothing returning session, key
  ), kept as (
    insert into beacon_outbox (host, beacon, owner, created_at, due_at)
    select host, beacon::json, $2, $3::timestamptz, $3::timestamptz
    from given join claimed using (session, key) order by place
  )
  select session, key from claimed`;

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
