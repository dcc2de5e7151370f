/** Reports as pages want them: by the hours or days of a span, or by a dimension. */
import { useCallback, useMemo } from "preact/hooks";
import type { Api } from "./api/client.ts";
import {
  type Dimension,
  fillBuckets,
  formatDimensionReport,
  formatTimeReport,
  listBuckets,
  readUtcOffset,
  type Report,
  type ReportRow,
  type Span,
} from "./api/report.ts";
import { type Load, useLoad } from "./load.ts";

export interface TimeReport {
  readonly buckets: readonly string[];
  /** One for each bucket. */
  readonly rows: readonly (ReportRow | undefined)[];
  readonly isComplete: boolean;
}

/** A report is asked for once a minute: the server lets one client have five in five seconds. */
const EVERY_SECONDS = 60;

export function useTimeReport(api: Api, span: Span, zone: string | undefined): readonly [Load<TimeReport>, () => void] {
  const load = useCallback(async (): Promise<TimeReport> => {
    const now = new Date();
    const offset = readUtcOffset(now);
    const report = await api.report(formatTimeReport(span, zone, now, offset));
    const buckets = listBuckets(span, now, offset);
    return { buckets, rows: fillBuckets(report.rows, buckets), isComplete: report.isComplete };
  }, [api, span, zone]);
  return useLoad(load, { everySeconds: EVERY_SECONDS });
}

export function useDimensionReport(
  api: Api,
  span: Span,
  zone: string | undefined,
  dimension: Dimension,
): readonly [Load<Report>, () => void] {
  const load = useCallback(async (): Promise<Report> => {
    const now = new Date();
    return api.report(formatDimensionReport(span, zone, now, readUtcOffset(now), dimension));
  }, [api, span, zone, dimension]);
  return useLoad(load, { everySeconds: EVERY_SECONDS });
}

/** The name of a row of a dimension's report; what was not told has one too. */
export function useRowName(dimension: Dimension): (row: ReportRow) => string {
  return useMemo(() => (row) => row[dimension] || "not told", [dimension]);
}
