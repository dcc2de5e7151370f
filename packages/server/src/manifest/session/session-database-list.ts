/** Lists the sessions of all instances: a page is one statement, which reads no decision. */
import type { Queryable } from "../../database/queryable.ts";
import { SESSION_LIMITS } from "./session-limits.ts";
import { type BreakSummary, formatPosition, kindOfTracks, parsePosition, summariseRows } from "./session-list.ts";
import { type BreaksOfSession, NEWEST_BREAKS, readBreaks } from "./session-rows.ts";
import type { ListedSession, Session, SessionList, SessionListFilter, ShownSession } from "./session.ts";

interface ListedRow {
  readonly facts: Session;
  readonly used_at: Date;
  /** Of its start: microseconds since 1970. */
  readonly started: string;
  readonly tracks: readonly { readonly isLive: boolean }[] | null;
  readonly summaries?: readonly BreakSummary[] | null;
}

const TRACKS = `
    (select json_agg(json_build_object('isLive', timeline is not null))
      from session_track where session_track.session = session.id)`;

/** As a whole number: a double is not exact enough. */
const STARTED = "(extract(epoch from created_at) * 1000000)::bigint::text";

const PAGE = `
  select facts, used_at, ${STARTED} as started, ${TRACKS} as tracks,
    (select json_agg(summary) from (
      select summary from session_break where session_break.session = session.id and summary is not null
      limit ${SESSION_LIMITS.breaks}) as decided) as summaries
  from session
  where used_at > $1::timestamptz and ($2::text is null or zone = $2)
    and ($3::bigint is null
      or (created_at, id) < (timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4::text))
  order by created_at desc, id desc limit $5`;

const COUNT = `
  select count(*)::integer as count from session where used_at > $1::timestamptz and ($2::text is null or zone = $2)`;

/** The page that the filter wants. @throws the driver's error */
export async function listStored(
  query: Queryable["query"],
  { zone, limit, before }: SessionListFilter,
  forgottenBefore: Date,
): Promise<SessionList> {
  const last = before === undefined ? undefined : parsePosition(before);
  const values = [forgottenBefore, zone ?? null, last?.startedAt.toString() ?? null, last?.id ?? null, limit + 1];
  const rows = await query<ListedRow>(PAGE, values);
  const [counted] = await query<{ readonly count: number }>(COUNT, [forgottenBefore, zone ?? null]);
  const shown = rows.slice(0, limit);
  const end = shown.at(-1);
  const hasMore = rows.length > limit && end !== undefined;
  return {
    sessions: shown.map((row) => describeListed(row, row.summaries ?? [])),
    total: counted?.count ?? 0,
    next: hasMore ? formatPosition({ startedAt: BigInt(end.started), id: end.facts.id }) : undefined,
  };
}

const ONE = `
  select facts, used_at, ${STARTED} as started, ${TRACKS} as tracks, ${NEWEST_BREAKS} as breaks
  from session where id = $1 and used_at > $2::timestamptz`;

/** One session; undefined: not there. @throws the driver's error */
export async function showStored(
  query: Queryable["query"],
  id: string,
  forgottenBefore: Date,
): Promise<ShownSession | undefined> {
  const [row] = await query<ListedRow & { readonly breaks: BreaksOfSession }>(ONE, [id, forgottenBefore]);
  if (!row) return undefined;
  const rows = readBreaks(row.breaks);
  return { ...describeListed(row, summariseRows(rows)), rows };
}

function describeListed({ facts, used_at, tracks }: ListedRow, breaks: readonly BreakSummary[]): ListedSession {
  return { session: facts, usedAt: used_at.getTime(), kind: kindOfTracks(tracks ?? []), breaks };
}
