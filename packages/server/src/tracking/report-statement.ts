/**
 * The statement that makes a report from the hours: what is told of each group is summed up first, the groups of a page get their
 * counts from that.
 */
import { VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { ReportDimension, ReportPeriod, ReportRequest } from "./report-request.ts";

/** Events by the count that they make. */
export const EVENT_OF_COUNT = {
  total_impressions: "impression",
  starts: "start",
  firstQuartiles: "firstQuartile",
  midpoints: "midpoint",
  thirdQuartiles: "thirdQuartile",
  completes: "complete",
  skips: "skip",
  clicks: "click",
  errors: "error",
  adRequests: "adRequest",
  adsOffered: "adOffered",
} as const;

/** What a row of the report counts beside. */
const EVENTS: readonly string[] = [...Object.values(EVENT_OF_COUNT), "adSkipped"];

/** The numbers by which an `error` without a reason tells that its ad was left out. */
const SKIP_NUMBERS: readonly number[] = [
  ...new Set(Object.values(VAST_ERROR_OF_SKIP).flatMap((number) => (number === undefined ? [] : [number]))),
];

/** More at once are asked for by the page. */
export const MAX_REPORT_ROWS = 100_000;

const IS_SKIP = `(event = 'adSkipped' or (event = 'error' and (reason <> '' or error = any($6::integer[]))))`;

/** A skip whose reason nobody told has its VAST number for one. */
const REASON = `case when event = 'adRequest' then reason
  when ${IS_SKIP} then case when reason = '' then 'vast-' || error else reason end else '' end`;

const COLUMN: Readonly<Record<ReportDimension, string>> = {
  ad_config_id: "zone",
  zone_id: "zone",
  zone: "zone",
  creative: "creative",
  ad: "ad",
  lineItem: "line_item",
  upstream: "upstream",
  reason: REASON,
  error: "case when error = 0 then '' else error::text end",
};

const UNIT: Readonly<Record<ReportPeriod, string>> = { y: "year", m: "month", d: "day", h: "hour" };

/** As the database gives it. Counts are floats: integers up to 2⁵³, which both drivers give as numbers. */
export interface ReportRow {
  /** Of all pages. */
  readonly total_rows: number;
  /** `YYYY-MM-DD HH`, when the row's time begins; null: there is no row on this page. */
  readonly bucket: string | null;
  /** The values of the dimensions, in their order. */
  readonly keys: readonly string[];
  readonly counts: Readonly<Record<keyof typeof EVENT_OF_COUNT | "noFills" | "lostImpressions", number>>;
  readonly errors: Readonly<Record<string, number>> | null;
  readonly skips: Readonly<Record<string, number>> | null;
  readonly losses: Readonly<Record<string, number>> | null;
}

/** At least one row comes; without a page one row more than {@link MAX_REPORT_ROWS} tells that there are too many. */
export function formatReport(request: ReportRequest): { readonly sql: string; readonly values: readonly unknown[] } {
  const { from, to, utcOffset, marks, dimensions, filters, page } = request;
  const limit = page ? page.size : MAX_REPORT_ROWS + 1;
  const skipped = page ? page.number * page.size : 0;
  const values: unknown[] = [from, to, utcOffset, ["", ...marks], EVENTS, SKIP_NUMBERS, limit, skipped];
  const conditions = [...filters].map(([dimension, wanted]) => {
    values.push(wanted);
    return `and (${COLUMN[dimension]}) = any($${values.length}::text[])`;
  });
  const keys = dimensions.map((_, place) => `k${place}`);
  const group = ["bucket", ...keys].join(", ");
  const columns = dimensions.map((dimension, place) => `(${COLUMN[dimension]}) as k${place},`).join(" ");
  const sql = `
    with told as materialized (
      select ${formatBucket(request.period)} as bucket, ${columns}
        event, error as number, (${REASON}) as why, (ad <> '' and ${IS_SKIP}) as is_lost, sum(count)::bigint as count
      from tracking_hour as hours
      where hour >= $1::timestamptz and hour < $2::timestamptz and mark = any($4::text[]) and event = any($5::text[])
        ${conditions.join("\n        ")}
      group by ${group}, event, number, why, is_lost
    ), groups as (
      select ${group}, ${formatCounts()} from told group by ${group}
    ), page as (
      select * from groups order by ${group} limit $7::integer offset $8::integer
    ),
    ${formatMap("errors", "event = 'error'", "case when number = 0 then 'unknown' else number::text end", group)},
    ${formatMap("skips", "why <> '' and event <> 'adRequest'", "why", group)},
    ${formatMap("losses", "is_lost", "why", group)}
    select total_rows, to_char(bucket, 'YYYY-MM-DD HH24') as bucket, jsonb_build_array(${keys.join(", ")}) as keys, counts,
      errors, skips, losses
    from (select count(*)::double precision as total_rows from groups) as total
    left join (page left join errors using (${group}) left join skips using (${group}) left join losses using (${group}))
      on true
    order by page.bucket${keys.map((key) => `, page.${key}`).join("")}`;
  return { sql, values };
}

/** Without a period all hours are of one time, which has no meaning. */
function formatBucket(period: ReportPeriod | undefined): string {
  const ahead = "make_interval(hours => $3::integer)";
  if (period === undefined) return `timestamp '2000-01-01' + ${ahead}`;
  return `date_trunc('${UNIT[period]}', (hour at time zone 'UTC') + ${ahead})`;
}

function formatCounts(): string {
  const counts = Object.entries(EVENT_OF_COUNT).map(([name, event]) => [name, `event = '${event}'`]);
  const all = [...counts, ["noFills", "event = 'adRequest' and why = 'no-ads'"], ["lostImpressions", "is_lost"]];
  const pairs = all.map(([name, condition]) => `'${name}', coalesce(sum(count) filter (where ${condition}), 0)`);
  return `jsonb_build_object(${pairs.join(", ")}) as counts`;
}

/** The counts of a group by a label. */
function formatMap(name: string, condition: string, label: string, group: string): string {
  return `${name} as (
      select ${group}, jsonb_object_agg(label, count) as ${name}
      from (select ${group}, ${label} as label, sum(count) as count from told where ${condition} group by ${group}, label) as labelled
      group by ${group}
    )`;
}
