/** Stores happenings and counts them, in one statement; those that are there already are left out and not counted. */
import type { Queryable } from "../database/queryable.ts";
import type { Happening } from "./happening.ts";
import { ensurePartitions } from "./partitions.ts";
import { EVENT_OF_COUNT } from "./report-counts.ts";
import { rollUpFrom } from "./rollup.ts";

const COLUMNS = `day, key, received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, upstream,
  sent_at, skew_ms, playhead, content_playhead, error, reason, amount, signature, mark, extra`;

const COUNTED = [...Object.values(EVENT_OF_COUNT), "adSkipped"].map((event) => `'${event}'`).join(", ");

/**
 * What the hours count. They are kept for years, so what anybody can write makes no hour its own: of what does not count and this server
 * did not sign, the hours keep the zone, if there is such a one, and the event, if reports know it; error numbers have three digits.
 */
const TOLD = `
  select received_at, mark, amount, reason, case when error between 1 and 999 then error end as error,
    case when is_ours or is_zone_known then zone else '' end as zone,
    case when is_ours or event in (${COUNTED}) then event else '' end as event,
    case when is_ours then creative else '' end as creative, case when is_ours then ad else '' end as ad,
    case when is_ours then line_item else '' end as line_item, case when is_ours then upstream else '' end as upstream
  from (
    select added.*, coalesce(incoming.is_zone_known, true) as is_zone_known,
      added.mark = '' or added.signature in ('signed', 'own') as is_ours
    from added join incoming on incoming.key = added.key
  ) as happening`;

/**
 * A happening is known for a day before and after its own: long enough for who asks again, and three partitions to look into. The days
 * are a list: of a range, no PostgreSQL before 18 looks the key up by its index, and each batch would read all that is there.
 */
const LOAD = `
  with incoming as (
    select * from rows from (jsonb_to_recordset($1::jsonb) as (day date, key uuid, received_at timestamptz, event text, zone text,
      session text, break text, position integer, ad text, occurrence integer, creative text, line_item text, upstream text,
      sent_at timestamptz, skew_ms bigint, playhead double precision, content_playhead double precision, error integer,
      reason text, amount integer, signature text, mark text, extra jsonb, is_zone_known boolean)) with ordinality as row (${COLUMNS}, is_zone_known, place)
  ), added as (
    insert into tracking_event (${COLUMNS})
    select ${COLUMNS} from incoming
    where not exists (select from tracking_event as known
      where known.day in ($2::date - 1, $2::date, $2::date + 1) and known.key = incoming.key)
    order by place
    on conflict do nothing
    returning key, received_at, zone, event, creative, ad, line_item, upstream, error, reason, signature, mark, amount
  ), told as (${TOLD}), counted as (${rollUpFrom("told")})
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
