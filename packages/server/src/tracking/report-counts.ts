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

/** These are of more than an event alone. */
const DERIVED = ["noFills", "lostImpressions", "savedImpressions", "lostToFormat"] as const;

export type ReportCount = keyof typeof EVENT_OF_COUNT | (typeof DERIVED)[number];

const NAMES: ReadonlySet<string> = new Set([...Object.keys(EVENT_OF_COUNT), ...DERIVED]);

export function isReportCount(name: string): name is ReportCount {
  return NAMES.has(name);
}
