/** The report: what came of ads, by time and by any of what is known of them, counted from the hours. */
import type { Queryable } from "../database/queryable.ts";
import { ReportError } from "./report-error.ts";
import type { ReportDimension, ReportPeriod, ReportRequest } from "./report-request.ts";
import { formatReport, MAX_REPORT_ROWS, type ReportRow } from "./report-statement.ts";

/** Names of Primetime's report API have its spelling; shares are null where there is nothing to have a share of. */
export interface ReportLine extends Readonly<Partial<Record<ReportDimension, string>>>, Readonly<ReportRow["counts"]> {
  /** When it was: `yyyy`, `mm-yyyy`, `mm-dd-yyyy`, `mm-dd-yyyy hh:00`; left out where nothing is grouped by time. */
  readonly dates?: string;
  /** Of the zone; where it was asked for. */
  readonly name?: string;
  /** Completes of starts. */
  readonly completionRate: number | null;
  /** Requests with an ad in the answer, of all. */
  readonly fillRate: number | null;
  /** Impressions of ads offered. */
  readonly renderRate: number | null;
  /** By VAST error number; `unknown`: none came. */
  readonly errorsByNumber: Readonly<Record<string, number>>;
  /** Ads and whole breaks that were left out. */
  readonly skipReasons: Readonly<Record<string, number>>;
  /** Ads that were left out; `vast-407` where the VAST error number is all that is known. */
  readonly lostByReason: Readonly<Record<string, number>>;
  /** Impressions at a first encounter, by what saved them: `remux`, `wait`. */
  readonly savedByStep: Readonly<Record<string, number>>;
  /** Saved impressions of those and what was lost to format; null for rows of a reason or an error too. */
  readonly firstEncounterFill: number | null;
}

export interface Report {
  readonly rows: readonly ReportLine[];
  /** Of all pages. */
  readonly totalRows: number;
}

/**
 * In the order of time, then of the dimensions; empty where nothing happened.
 *
 * @throws ReportError for more rows than one answer has; the database's error
 */
export async function makeReport(query: Queryable["query"], request: ReportRequest): Promise<Report> {
  const { sql, values } = formatReport(request);
  const rows = await query<ReportRow>(sql, values);
  const totalRows = rows[0]?.total_rows ?? 0;
  if (request.page === undefined && totalRows > MAX_REPORT_ROWS) {
    const message = `unpaged: expected a report of at most ${MAX_REPORT_ROWS} rows, got ${totalRows}; take page and size`;
    throw new ReportError("date-range", message);
  }
  return {
    totalRows,
    rows: rows.flatMap((row) => (row.bucket === null ? [] : [formatLine(row, row.bucket, request)])),
  };
}

function formatLine(row: ReportRow, bucket: string, request: ReportRequest): ReportLine {
  const { period, dimensions, withNames } = request;
  const { keys, counts } = row;
  const zone = dimensions.findIndex((dimension) => ["ad_config_id", "zone_id", "zone"].includes(dimension));
  return {
    ...(period === undefined ? {} : { dates: FORMAT[period](bucket) }),
    ...Object.fromEntries(dimensions.map((dimension, place) => [dimension, keys[place] ?? ""])),
    ...(withNames && zone >= 0 ? { name: keys[zone] ?? "" } : {}),
    ...counts,
    completionRate: share(counts.completes, counts.starts),
    fillRate: share(counts.adRequests - counts.noFills, counts.adRequests),
    renderRate: share(counts.total_impressions, counts.adsOffered),
    errorsByNumber: row.errors ?? {},
    skipReasons: row.skips ?? {},
    lostByReason: row.losses ?? {},
    savedByStep: row.saves,
    firstEncounterFill: isOfFaults(request)
      ? null
      : share(counts.savedImpressions, counts.savedImpressions + counts.lostToFormat),
  };
}

/** What is saved has no reason and no number: beside either there is nothing that the lost could be a share of. */
function isOfFaults({ dimensions, filters }: ReportRequest): boolean {
  return (["reason", "error"] as const).some((dimension) => dimensions.includes(dimension) || filters.has(dimension));
}

/** From `YYYY-MM-DD HH`. */
const FORMAT: Readonly<Record<ReportPeriod, (bucket: string) => string>> = {
  y: (bucket) => bucket.slice(0, 4),
  m: (bucket) => `${bucket.slice(5, 7)}-${bucket.slice(0, 4)}`,
  d: formatDay,
  h: (bucket) => `${formatDay(bucket)} ${bucket.slice(11, 13)}:00`,
};

function formatDay(bucket: string): string {
  return `${bucket.slice(5, 10)}-${bucket.slice(0, 4)}`;
}

/** To four places. */
function share(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000;
}
