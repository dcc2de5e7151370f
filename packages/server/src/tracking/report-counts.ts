/** What a row of the report counts. */

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

export type ReportCount = keyof typeof EVENT_OF_COUNT | "noFills" | "lostImpressions";

const NAMES: ReadonlySet<string> = new Set([...Object.keys(EVENT_OF_COUNT), "noFills", "lostImpressions"]);

export function isReportCount(name: string): name is ReportCount {
  return NAMES.has(name);
}
