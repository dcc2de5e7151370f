/** The report as CSV: the columns of Primetime's API first; counts by a label in one cell, `new-creative=3;no-ads=1`. */
import { type CsvCell, formatCsv } from "./csv.ts";
import type { ReportLine } from "./report.ts";
import type { ReportDimension, ReportRequest } from "./report-request.ts";

type Column = readonly [name: string, cell: (line: ReportLine) => CsvCell];

/** A header line also where there is no row. */
export function formatReportCsv(lines: readonly ReportLine[], request: ReportRequest): string {
  const columns = [...listKeys(request), ...COUNTS];
  const rows = lines.map((line) => columns.map(([, cell]) => cell(line)));
  return formatCsv(
    columns.map(([name]) => name),
    rows,
  );
}

function listKeys({ period, dimensions, withNames }: ReportRequest): readonly Column[] {
  const hasZone = dimensions.some((dimension) => ["ad_config_id", "zone_id", "zone"].includes(dimension));
  return [
    ...(period === undefined ? [] : [["dates", (line: ReportLine) => line.dates] as const]),
    ...dimensions.map((dimension: ReportDimension) => [dimension, (line: ReportLine) => line[dimension]] as const),
    ...(withNames && hasZone ? [["name", (line: ReportLine) => line.name] as const] : []),
  ];
}

const COUNTS: readonly Column[] = [
  ["total_impressions", (line) => line.total_impressions],
  ["starts", (line) => line.starts],
  ["firstQuartiles", (line) => line.firstQuartiles],
  ["midpoints", (line) => line.midpoints],
  ["thirdQuartiles", (line) => line.thirdQuartiles],
  ["completes", (line) => line.completes],
  ["completionRate", (line) => line.completionRate ?? undefined],
  ["skips", (line) => line.skips],
  ["clicks", (line) => line.clicks],
  ["adRequests", (line) => line.adRequests],
  ["noFills", (line) => line.noFills],
  ["fillRate", (line) => line.fillRate ?? undefined],
  ["adsOffered", (line) => line.adsOffered],
  ["renderRate", (line) => line.renderRate ?? undefined],
  ["errors", (line) => line.errors],
  ["errorsByNumber", (line) => formatLabels(line.errorsByNumber)],
  ["skipReasons", (line) => formatLabels(line.skipReasons)],
  ["lostImpressions", (line) => line.lostImpressions],
  ["lostByReason", (line) => formatLabels(line.lostByReason)],
  ["savedImpressions", (line) => line.savedImpressions],
  ["savedByStep", (line) => formatLabels(line.savedByStep)],
  ["lostToFormat", (line) => line.lostToFormat],
  ["firstEncounterFill", (line) => line.firstEncounterFill ?? undefined],
];

function formatLabels(counts: Readonly<Record<string, number>>): string {
  const labels = Object.keys(counts).toSorted();
  return labels.map((label) => `${label}=${counts[label] ?? 0}`).join(";");
}
