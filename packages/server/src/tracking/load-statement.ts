/** Stores happenings and counts them, in one statement; those that are there already are left out and not counted. */
import type { Queryable } from "../database/queryable.ts";
import type { Happening } from "./happening.ts";
import { ensurePartitions } from "./partitions.ts";
import { rollUpFrom } from "./rollup.ts";

const COLUMNS = `day, key, received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, upstream,
  sent_at, skew_ms, playhead, content_playhead, error, reason, amount, signature, mark, extra`;

/**
 * A happening is known for a day before and after its own: long enough for who asks again, and three partitions to look into. The days
 * are a list: of a range, no PostgreSQL before 18 looks the key up by its index, and each batch would read all that is there.
 */
const LOAD = `
  with incoming as (
    select * from rows from (jsonb_to_recordset($1::jsonb) as (day date, key uuid, received_at timestamptz, event text, zone text,
      session text, break text, position integer, ad text, occurrence integer, creative text, line_item text, upstream text,
      sent_at timestamptz, skew_ms bigint, playhead double precision, content_playhead double precision, error integer,
      reason text, amount integer, signature text, mark text, extra jsonb)) with ordinality as row (${COLUMNS}, place)
  ), added as (
    insert into tracking_event (${COLUMNS})
    select ${COLUMNS} from incoming
    where not exists (select from tracking_event as known
      where known.day in ($2::date - 1, $2::date, $2::date + 1) and known.key = incoming.key)
    order by place
    on conflict do nothing
    returning key, received_at, zone, event, creative, ad, line_item, upstream, error, reason, mark, amount
  ), counted as (${rollUpFrom("added")})
  select key::text as key from added`;

/**
 * Inside a transaction under `lockTracking`.
 *
 * @param happenings all of one day
 * @returns those that were new, in their order
 */
export async function storeDay(
  tx: Queryable,
  day: string,
  happenings: readonly Happening[],
): Promise<readonly Happening[]> {
  // Of two that are told at once the first counts.
  const first = new Map<string, Happening>();
  for (const happening of happenings) if (!first.has(happening.key)) first.set(happening.key, happening);
  await ensurePartitions(tx.query, [day]);
  const rows = await tx.query<{ readonly key: string }>(LOAD, [JSON.stringify([...first.values()]), day]);
  const added = new Set(rows.map(({ key }) => key));
  return [...first.values()].filter(({ key }) => added.has(key));
}

/** SQLSTATE classes of values that the database cannot take, however often they are offered: data, constraint, too large. */
const WRONG_VALUE = /^(?:22|23|54)/;

/** Whether a statement failed because of what it was given. */
export function isWrongValue(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && WRONG_VALUE.test(error.code);
}
