/**
 * The statement that makes a report from the hours: what is told of each group is summed up first, the groups of a page get their
 * counts from that.
 */
import { VAST_ERROR_OF_SKIP } from "@interlude/core";
import { LOST_TO_FORMAT, SAVING_STEPS } from "./first-encounter.ts";
import { EVENT_OF_COUNT, type ReportCount } from "./report-counts.ts";
import type { ReportDimension, ReportPeriod, ReportRequest } from "./report-request.ts";

/** Of these it matters why; they are few. */
const FAULTS = ["error", "adSkipped", "adRequest"];

const PLAIN: readonly string[] = Object.values(EVENT_OF_COUNT).filter((event) => !FAULTS.includes(event));

/** The numbers by which an `error` without a reason tells that its ad was left out. */
const SKIP_NUMBERS: readonly number[] = [
  ...new Set(Object.values(VAST_ERROR_OF_SKIP).flatMap((number) => (number === undefined ? [] : [number]))),
];

/** More at once are asked for by the page. */
export const MAX_REPORT_ROWS = 100_000;

const IS_SKIP = `(event = 'adSkipped' or (event = 'error' and (reason <> '' or error = any($6::integer[]))))`;

/** What a player would have told by VAST's number, had it been asked to play the ad. */
const IS_ERROR = "event = 'error' or (event = 'adSkipped' and number <> 0)";

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

/** As the database gives it. Counts are floats: integers up to 2⁵³, which both drivers give as numbers. */
export interface ReportRow {
  /** Of all pages. */
  readonly total_rows: number;
  /** `YYYY-MM-DD HH`, when the row's time begins; null: there is no row on this page. */
  readonly bucket: string | null;
  /** The values of the dimensions, in their order. */
  readonly keys: readonly string[];
  readonly counts: Readonly<Record<ReportCount, number>>;
  readonly errors: Readonly<Record<string, number>> | null;
  readonly skips: Readonly<Record<string, number>> | null;
  readonly losses: Readonly<Record<string, number>> | null;
  readonly saves: Readonly<Record<string, number>>;
}

/** At least one row comes; without a page one row more than {@link MAX_REPORT_ROWS} tells that there are too many. */
export function formatReport(request: ReportRequest): { readonly sql: string; readonly values: readonly unknown[] } {
  const { from, to, utcOffset, marks, dimensions, filters, orderBy, page } = request;
  const limit = page ? page.size : MAX_REPORT_ROWS + 1;
  const skipped = page ? page.number * page.size : 0;
  const values = [
    from,
    to,
    utcOffset,
    ["", ...marks],
    PLAIN,
    SKIP_NUMBERS,
    limit,
    skipped,
    FAULTS,
    LOST_TO_FORMAT,
    ...filters.values(),
  ];
  const keys = dimensions.map((_, place) => `k${place}`);
  const group = ["bucket", ...keys].join(", ");
  const order = orderBy === undefined ? group : `(counts ->> '${orderBy}')::numeric desc, ${group}`;
  const sql = `
    with ${formatTold(request, group, values.length - filters.size)}, groups as (
      select ${group}, ${formatCounts()}, ${formatSaves()} from told group by ${group}
    ), page as (
      select *, row_number() over (order by ${order}) as place from groups order by place limit $7::integer offset $8::integer
    ),
    ${formatMap("errors", IS_ERROR, "case when number = 0 then 'unknown' else number::text end", group)},
    ${formatMap("skips", "why <> '' and event <> 'adRequest'", "why", group)},
    ${formatMap("losses", "is_lost", "why", group)}
    select total_rows, to_char(bucket at time zone 'UTC', 'YYYY-MM-DD HH24') as bucket,
      jsonb_build_array(${keys.join(", ")}) as keys, counts, errors, skips, losses, saves
    from (select count(*)::double precision as total_rows from groups) as total
    left join (page left join errors using (${group}) left join skips using (${group}) left join losses using (${group}))
      on true
    order by place`;
  return { sql, values };
}

/**
 * What is told of each group, by event. Most rows are plain events, which are grouped by little: that keeps a month of them below a
 * second.
 *
 * @param before how many values the statement has before those of the filters
 */
function formatTold({ period, dimensions, filters }: ReportRequest, group: string, before: number): string {
  const columns = dimensions.map((dimension, place) => `(${COLUMN[dimension]}) as k${place}, `).join("");
  const conditions = [...filters.keys()].map(
    (dimension, place) => ` and (${COLUMN[dimension]}) = any($${before + place + 1}::text[])`,
  );
  const select = (more: string, events: string, by: string): string => `
      select ${BUCKET[period ?? "none"]} as bucket, ${columns}event, ${more}, sum(count)::bigint as count
      from tracking_hour as hours
      where hour >= $1::timestamptz and hour < $2::timestamptz and mark = any($4::text[]) and event = any(${events}::text[])${conditions.join("")}
      group by ${group}, event${by}`;
  // Of an impression, too, the hours have a reason: what saved it.
  const saved = SAVING_STEPS.map(
    (step) => `sum(count) filter (where event = 'impression' and reason = '${step}') as ${step}`,
  );
  const plain = select(`0 as number, '' as why, false as is_lost, ${saved.join(", ")}`, "$5", "");
  const none = SAVING_STEPS.map((step) => `0::numeric as ${step}`).join(", ");
  const faults = select(
    `error as number, (${REASON}) as why, (ad <> '' and ${IS_SKIP}) as is_lost, ${none}`,
    "$9",
    ", number, why, is_lost",
  );
  return `told as materialized (${plain} union all ${faults})`;
}

const AHEAD = "make_interval(hours => $3::integer)";

/** The start of the row's time, as if the place that it is ahead for were in UTC. */
const BUCKET: Readonly<Record<ReportPeriod | "none", string>> = {
  y: `date_trunc('year', hour + ${AHEAD}, 'UTC')`,
  m: `date_trunc('month', hour + ${AHEAD}, 'UTC')`,
  // By far the fastest, and a day of UTC is always 24 hours long.
  d: `date_bin('1 day', hour + ${AHEAD}, timestamptz '2000-01-01 00:00:00+00')`,
  h: `hour + ${AHEAD}`,
  none: `timestamptz '2000-01-01 00:00:00+00' + ${AHEAD}`,
};

function formatCounts(): string {
  const counts = Object.entries(EVENT_OF_COUNT).map(([name, event]) => [
    name,
    name === "errors" ? IS_ERROR : `event = '${event}'`,
  ]);
  const all = [
    ...counts,
    ["noFills", "event = 'adRequest' and why = 'no-ads'"],
    ["lostImpressions", "is_lost"],
    ["lostToFormat", "is_lost and why = any($10::text[])"],
  ];
  const pairs = all.map(([name, condition]) => `'${name}', coalesce(sum(count) filter (where ${condition}), 0)`);
  const saved = SAVING_STEPS.map((step) => `coalesce(sum(${step}), 0)`).join(" + ");
  return `jsonb_build_object(${pairs.join(", ")}, 'savedImpressions', ${saved}) as counts`;
}

/** Those of a group by what saved them. */
function formatSaves(): string {
  const pairs = SAVING_STEPS.map((step) => `'${step}', nullif(sum(${step}), 0)`);
  return `jsonb_strip_nulls(jsonb_build_object(${pairs.join(", ")})) as saves`;
}

/** The counts of a group by a label. */
function formatMap(name: string, condition: string, label: string, group: string): string {
  return `${name} as (
      select ${group}, jsonb_object_agg(label, count) as ${name}
      from (select ${group}, ${label} as label, sum(count) as count from told where ${condition} group by ${group}, label) as labelled
      group by ${group}
    )`;
}
