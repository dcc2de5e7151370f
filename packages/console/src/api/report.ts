/**
 * What came of ads, from `GET /report`: rows by hour or day, by creative, zone or the like.
 *
 * @see docs/report.md
 */

import { shareOf } from "../format.ts";

/** A row; counts only, named as the report names them. */
export interface ReportRow {
  /** `mm-dd-yyyy`, `mm-dd-yyyy hh:00`. */
  readonly dates?: string;
  readonly zone?: string;
  readonly creative?: string;
  readonly ad?: string;
  readonly lineItem?: string;
  readonly upstream?: string;
  readonly total_impressions: number;
  readonly starts: number;
  readonly firstQuartiles: number;
  readonly midpoints: number;
  readonly thirdQuartiles: number;
  readonly completes: number;
  readonly skips: number;
  readonly clicks: number;
  readonly adRequests: number;
  readonly noFills: number;
  readonly adsOffered: number;
  readonly errors: number;
  readonly errorsByNumber: Readonly<Record<string, number>>;
  readonly skipReasons: Readonly<Record<string, number>>;
  readonly lostImpressions: number;
  readonly lostByReason: Readonly<Record<string, number>>;
  readonly savedImpressions: number;
  /** By what saved them: `remux`, `wait`. */
  readonly savedByStep: Readonly<Record<string, number>>;
  readonly lostToFormat: number;
}

export interface Report {
  readonly rows: readonly ReportRow[];
  /** Of all pages. */
  readonly totalRows: number;
  /** False: beacons of the last moments are still on their way. */
  readonly isComplete: boolean;
}

export const DIMENSIONS = ["creative", "ad", "lineItem", "zone", "upstream"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const SPANS = ["24h", "7d", "30d"] as const;
/** The last 24 hours by the hour; the last days, today among them, by the day. */
export type Span = (typeof SPANS)[number];

const DAYS: Readonly<Record<Span, number>> = { "24h": 2, "7d": 7, "30d": 30 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rows that one table asks for; the report has no order but the names'. */
export const ROWS_ASKED = 2000;

/** Whole hours by which the viewer's days are ahead of UTC; where zones have half hours, those of the hour before. */
export function readUtcOffset(now: Date): number {
  return Math.max(-12, Math.min(14, Math.floor(-now.getTimezoneOffset() / 60)));
}

/** The hours or days of a span, oldest first, spelt as the report spells them. */
export function listBuckets(span: Span, now: Date, utcOffset: number): readonly string[] {
  const local = now.getTime() + utcOffset * HOUR_MS;
  const [count, step] = span === "24h" ? [24, HOUR_MS] : [DAYS[span], DAY_MS];
  return Array.from({ length: count }, (_, place) => {
    const text = new Date(local - (count - 1 - place) * step).toISOString();
    const day = `${text.slice(5, 10)}-${text.slice(0, 4)}`;
    return span === "24h" ? `${day} ${text.slice(11, 13)}:00` : day;
  });
}

/** A row for each bucket, undefined where nothing happened; hours that the span leaves out are left out. */
export function fillBuckets(
  rows: readonly ReportRow[],
  buckets: readonly string[],
): readonly (ReportRow | undefined)[] {
  const byDates = new Map(rows.map((row) => [row.dates, row]));
  return buckets.map((bucket) => byDates.get(bucket));
}

/** Path below the server's root of a report over a span, by its hours or days, of all zones where none is named. */
export function formatTimeReport(span: Span, zone: string | undefined, now: Date, utcOffset: number): string {
  return formatReport(span, zone, now, utcOffset, { groupBy: span === "24h" ? "h" : "d", unpaged: "true" });
}

/** The same, by a dimension over the whole days of the span. */
export function formatDimensionReport(
  span: Span,
  zone: string | undefined,
  now: Date,
  utcOffset: number,
  dimension: Dimension,
): string {
  return formatReport(span, zone, now, utcOffset, { groupBy: dimension, size: String(ROWS_ASKED) });
}

function formatReport(
  span: Span,
  zone: string | undefined,
  now: Date,
  utcOffset: number,
  more: Readonly<Record<string, string>>,
): string {
  const local = now.getTime() + utcOffset * HOUR_MS;
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const query = new URLSearchParams({
    startDate: day(local - (DAYS[span] - 1) * DAY_MS),
    endDate: day(local),
    utcOffset: String(utcOffset),
    ...more,
    ...(zone ? { filters: `zone=${encodeURIComponent(zone)}` } : {}),
  });
  return `report?${query}`;
}

type CountName = {
  readonly [Name in keyof ReportRow]-?: ReportRow[Name] extends number ? Name : never;
}[keyof ReportRow];

export function sumOf(rows: readonly (ReportRow | undefined)[], name: CountName): number {
  return rows.reduce((sum, row) => sum + (row?.[name] ?? 0), 0);
}

/** Counts by a label over rows, the highest first. */
export function sumLabels(
  rows: readonly (ReportRow | undefined)[],
  name: "lostByReason" | "skipReasons" | "errorsByNumber",
): readonly (readonly [label: string, count: number])[] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    for (const [label, count] of Object.entries(row?.[name] ?? {})) sums.set(label, (sums.get(label) ?? 0) + count);
  }
  return [...sums].toSorted(([a, x], [b, y]) => y - x || a.localeCompare(b));
}

/** Impressions of those that were made or lost to format, 0 to 1; undefined where there were none of either. */
export function fillInSpiteOfFormat(
  row: Pick<ReportRow, "lostToFormat" | "total_impressions"> | undefined,
): number | undefined {
  const { total_impressions: impressions, lostToFormat } = row ?? { total_impressions: 0, lostToFormat: 0 };
  return shareOf(impressions, impressions + lostToFormat);
}

/** Impressions at a first encounter that were saved, of those and what was lost to format; undefined where there was no such encounter. */
export function firstEncounterFill(
  row: Pick<ReportRow, "lostToFormat" | "savedImpressions"> | undefined,
): number | undefined {
  const { savedImpressions, lostToFormat } = row ?? { savedImpressions: 0, lostToFormat: 0 };
  return shareOf(savedImpressions, savedImpressions + lostToFormat);
}
