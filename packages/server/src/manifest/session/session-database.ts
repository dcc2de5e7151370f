/**
 * Sessions in PostgreSQL, so that any instance answers any request and an instance that dies takes nothing with it. Each fact is
 * one row, and each write one statement that decides by itself who was first.
 */
import { randomUUID } from "node:crypto";
import type { LiveTimeline } from "@interlude/core";
import type { Queryable } from "../../database/queryable.ts";
import type { BreakDecision, BreakRow, EarlyReturn, Resumption } from "../breaks/decision.ts";
import { listStored, showStored } from "./session-database-list.ts";
import { SESSION_LIMITS } from "./session-limits.ts";
import { keyOf } from "./session-key.ts";
import { summariseDecision } from "./session-list.ts";
import { type BreaksOfSession, NEWEST_BREAKS, readBreaks } from "./session-rows.ts";
import type { Session, SessionState, SessionStore, StoredCookie } from "./session.ts";
import { startSweep } from "./session-sweep.ts";
import { positionOf } from "./track-position.ts";

export interface DatabaseSessionsOptions {
  readonly query: Queryable["query"];
  /** A session that is not used for this long is forgotten, ms. */
  readonly idleMs: number;
  /** ms since the epoch; instances' clocks may differ by seconds. */
  readonly now: () => number;
  /** Of the removal of forgotten sessions, which goes on. */
  readonly onError: (error: unknown) => void;
}

/** Use is written down at most this often. */
const TOUCH_MS = 60_000;

/** Also removes forgotten sessions, once a minute, until it is closed. */
export function createDatabaseSessions(options: DatabaseSessionsOptions): SessionStore {
  const { query, idleMs, now } = options;
  const sweep = startSweep(options);
  const forgottenBefore = (): Date => new Date(now() - idleMs);
  const changeBreak = async (id: string, change: BreakChange): Promise<BreakRow> => {
    const { breakId, firstListedAt = now(), decision, earlyReturn, resumption } = change;
    const writer = randomUUID();
    const [row] = await query<StandingRow>(CHANGE_BREAK, [
      id,
      keyOf(breakId),
      JSON.stringify(breakId),
      new Date(firstListedAt),
      toJson(decision),
      decision && writer,
      toJson(earlyReturn),
      toJson(resumption),
      toJson(summariseDecision(decision)),
    ]);
    // The session is gone: as if it stood.
    if (!row) return { breakId, firstListedAt, decision, earlyReturn, resumption };
    return readRow(breakId, row.writer === writer ? { ...row, decision } : row);
  };

  return {
    create: async (session) => {
      await query("delete from session where id = $1 and used_at <= $2", [session.id, forgottenBefore()]);
      const values = [session.id, session.zone, session.assetId, JSON.stringify(session), new Date(now())];
      await query(
        `insert into session (id, zone, asset, facts, used_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
        values,
      );
    },
    load: async (id) => {
      const at = now();
      const [row] = await query<StateRow>(LOAD, [id, new Date(at), forgottenBefore(), new Date(at - TOUCH_MS)]);
      return row && readState(row);
    },
    noteBreak: (id, breakId, firstListedAt) => changeBreak(id, { breakId, firstListedAt }),
    decide: (id, decision) => changeBreak(id, { breakId: decision.breakId, decision }),
    noteReturn: (id, breakId, earlyReturn) => changeBreak(id, { breakId, earlyReturn }),
    noteResumption: (id, breakId, resumption) => changeBreak(id, { breakId, resumption }),
    saveTrack: async (id, name, timeline) => {
      const position = timeline && positionOf(timeline);
      const numbers = [position?.listedThrough, position?.first, position?.edge].map((number) => number ?? null);
      await query(SAVE_TRACK, [id, keyOf(name), JSON.stringify(name), toJson(timeline), ...numbers]);
    },
    saveCookies: async (id, cookies) => {
      const byKey = new Map(cookies.map((cookie) => [keyOf(`${cookie.host} ${cookie.name}`), cookie]));
      const rows = [...byKey].map(([key, cookie]) => ({
        key,
        cookie,
        isGone: (cookie.expiresAt ?? Infinity) <= now(),
      }));
      await query(SAVE_COOKIES, [id, JSON.stringify(rows), SESSION_LIMITS.cookies]);
    },
    claim: async (id, key) => (await query(CLAIM, [id, keyOf(key)])).length > 0,
    count: async () => {
      const sql = "select count(*)::integer as count from session where used_at > $1";
      const [row] = await query<{ readonly count: number }>(sql, [forgottenBefore()]);
      return row?.count ?? 0;
    },
    list: (filter) => listStored(query, filter, forgottenBefore()),
    show: (id) => showStored(query, id, forgottenBefore()),
    close: () => sweep.close(),
  };
}

interface BreakChange {
  readonly breakId: string;
  readonly firstListedAt?: number;
  readonly decision?: BreakDecision;
  readonly earlyReturn?: EarlyReturn;
  readonly resumption?: Resumption;
}

interface StandingRow {
  readonly first_listed_at: Date;
  readonly decision?: BreakDecision | null | undefined;
  readonly early_return: EarlyReturn | null;
  readonly resumption: Resumption | null;
  readonly writer: string | null;
}

/** The row is locked and read anew when it is there already: that is what makes the first writer win. */
const CHANGE_BREAK = `
  insert into session_break as known (session, key, break_id, first_listed_at, decision, writer, early_return, resumption, summary)
  select id, $2, $3::json, $4::timestamptz, $5::json, $6, $7::json, $8::json, $9::json from session where id = $1
  on conflict (session, key) do update set
    decision = coalesce(known.decision, excluded.decision),
    summary = case when known.decision is null then excluded.summary else known.summary end,
    writer = case when known.decision is null then excluded.writer else known.writer end,
    early_return = coalesce(known.early_return, excluded.early_return),
    resumption = coalesce(known.resumption, excluded.resumption)
  returning first_listed_at, decision, early_return, resumption, writer`;

/** The timeline of a refresh that was overtaken is dropped (see isCurrent); that its track was asked for is not. */
const SAVE_TRACK = `
  insert into session_track as known (session, key, name, timeline, listed_through, first_number, edge)
  select id, $2, $3::json, $4::json, $5::bigint, $6::bigint, $7::bigint from session where id = $1
  on conflict (session, key) do update set
    (timeline, listed_through, first_number, edge) = (
      select chosen.timeline, chosen.listed_through, chosen.first_number, chosen.edge
      from (values
        (excluded.timeline, excluded.listed_through, excluded.first_number, excluded.edge, true),
        (known.timeline, known.listed_through, known.first_number, known.edge, false)
      ) as chosen (timeline, listed_through, first_number, edge, is_new)
      where chosen.is_new = coalesce(excluded.timeline is not null and (known.timeline is null or known.edge is null
        or excluded.edge < known.first_number
        or (excluded.listed_through, excluded.edge) >= (known.listed_through, known.edge)), false)),
    asked = excluded.asked`;

const SAVE_COOKIES = `
  with given as (
    select key, cookie, "isGone" as is_gone from json_to_recordset($2::json) as row (key text, cookie json, "isGone" boolean)
  ), removed as (
    delete from session_cookie where session = $1 and (key in (select key from given where is_gone)
      or key in (select key from session_cookie where session = $1 order by saved desc offset $3))
  )
  insert into session_cookie (session, key, cookie)
  select id, key, cookie from session, given where id = $1 and not is_gone
  on conflict (session, key) do update set cookie = excluded.cookie, saved = excluded.saved`;

const CLAIM = `
  insert into session_claim (session, key) select id, $2 from session where id = $1
  on conflict do nothing returning true as is_first`;

interface StateRow {
  readonly facts: Session;
  readonly cookies: readonly StoredCookie[] | null;
  readonly breaks: BreaksOfSession;
  readonly tracks: readonly { readonly name: string; readonly timeline: LiveTimeline | null }[] | null;
}

/** One statement, one round trip, also where use is written down. */
const LOAD = `
  with touched as (
    update session set used_at = $2::timestamptz
    where id = $1 and used_at > $3::timestamptz and used_at <= $4::timestamptz
  )
  select facts,
    (select json_agg(cookie order by saved) from (
      select cookie, saved from session_cookie where session_cookie.session = session.id
      order by saved desc limit ${SESSION_LIMITS.cookies}) as newest) as cookies,
    ${NEWEST_BREAKS} as breaks,
    (select json_agg(json_build_object('name', name, 'timeline', timeline) order by asked)
      from session_track where session_track.session = session.id) as tracks
  from session where id = $1 and used_at > $3::timestamptz`;

function readState({ facts, cookies, breaks, tracks }: StateRow): SessionState {
  const timelines = new Map(
    (tracks ?? []).flatMap(({ name, timeline }) => (timeline ? [[name, timeline] as const] : [])),
  );
  return {
    session: facts,
    cookies: cookies ?? [],
    breaks: readBreaks(breaks),
    timelines,
    tracks: (tracks ?? []).map(({ name }) => name),
  };
}

function readRow(breakId: string, row: StandingRow): BreakRow {
  const { first_listed_at, decision, early_return, resumption } = row;
  return {
    breakId,
    firstListedAt: first_listed_at.getTime(),
    decision: decision ?? undefined,
    earlyReturn: early_return ?? undefined,
    resumption: resumption ?? undefined,
  };
}

function toJson(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
