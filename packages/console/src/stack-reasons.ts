/** Lost impressions, or all skips, as a stack of bars: by their reasons, as far as these can be told apart. */
import { type ReportRow, sumLabels } from "./api/report.ts";
import type { Series } from "./chart-props.ts";

/** More cannot be told apart in one chart. */
const SHOWN_REASONS = 5;

/** A series for each of the reasons that cost most, one for all others together. */
export function stackReasons(
  rows: readonly (ReportRow | undefined)[],
  counts: "lostByReason" | "skipReasons",
): readonly Series[] {
  const named = sumLabels(rows, counts).map(([reason]) => reason);
  const shown = named.slice(0, SHOWN_REASONS);
  const others = new Set(named.slice(SHOWN_REASONS));
  const series = shown.map((reason, place) => ({
    name: reason,
    color: `--series-${place + 1}`,
    values: rows.map((row) => row?.[counts][reason] ?? 0),
  }));
  if (others.size === 0) return series;
  const sumOthers = (row: ReportRow | undefined): number =>
    Object.entries(row?.[counts] ?? {}).reduce((sum, [reason, count]) => sum + (others.has(reason) ? count : 0), 0);
  return [...series, { name: `${others.size} others`, color: "--series-6", values: rows.map(sumOthers) }];
}
