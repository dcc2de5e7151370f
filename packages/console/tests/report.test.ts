import { describe, expect, test } from "vitest";
import {
  fillBuckets,
  fillInSpiteOfFormat,
  firstEncounterFill,
  formatDimensionReport,
  formatTimeReport,
  listBuckets,
  type ReportRow,
  sumLabels,
  sumOf,
} from "../src/api/report.ts";
import { formatBucket, formatSeconds, formatShare } from "../src/format.ts";
import { stackReasons } from "../src/stack-reasons.ts";

const EMPTY: ReportRow = {
  total_impressions: 0,
  starts: 0,
  firstQuartiles: 0,
  midpoints: 0,
  thirdQuartiles: 0,
  completes: 0,
  skips: 0,
  clicks: 0,
  adRequests: 0,
  noFills: 0,
  adsOffered: 0,
  errors: 0,
  errorsByNumber: {},
  skipReasons: {},
  lostImpressions: 0,
  lostByReason: {},
  savedImpressions: 0,
  savedByStep: {},
  lostToFormat: 0,
};

const NOW = new Date("2026-03-01T22:30:00Z");

describe("the report that is asked for", () => {
  test("of 24 hours is by the hour over two days of the viewer, of more by the day", () => {
    const query = new URLSearchParams(formatTimeReport("24h", undefined, NOW, 2).split("?")[1]);
    expect(Object.fromEntries(query)).toEqual({
      startDate: "2026-03-01",
      endDate: "2026-03-02",
      utcOffset: "2",
      groupBy: "h",
      unpaged: "true",
    });
    const month = new URLSearchParams(formatTimeReport("30d", "z-1", NOW, 0).split("?")[1]);
    expect(Object.fromEntries(month)).toMatchObject({ startDate: "2026-01-31", endDate: "2026-03-01", groupBy: "d" });
    expect(month.get("filters")).toBe("zone=z-1");
  });

  test("by a dimension has no time", () => {
    const query = new URLSearchParams(formatDimensionReport("7d", undefined, NOW, 0, "lineItem").split("?")[1]);
    expect(Object.fromEntries(query)).toMatchObject({ startDate: "2026-02-23", groupBy: "lineItem" });
  });
});

describe("what is over time", () => {
  test("has 24 hours, the present one last, over midnight and the end of the month", () => {
    const hours = listBuckets("24h", NOW, 2);
    expect(hours).toHaveLength(24);
    expect([hours[0], hours.at(-2), hours.at(-1)]).toEqual([
      "03-01-2026 01:00",
      "03-01-2026 23:00",
      "03-02-2026 00:00",
    ]);
    expect(hours.map(formatBucket).slice(-2)).toEqual(["23:00", "00:00"]);
  });

  test("has as many days as it says, today last", () => {
    const days = listBuckets("7d", NOW, 0);
    expect([days.length, days[0], days.at(-1)]).toEqual([7, "02-23-2026", "03-01-2026"]);
    expect(formatBucket("02-23-2026")).toBe("23 Feb");
  });

  test("has an empty place where nothing happened, and none for what is older", () => {
    const buckets = ["03-01-2026 20:00", "03-01-2026 21:00"];
    const row = { ...EMPTY, dates: "03-01-2026 21:00", total_impressions: 4 };
    const filled = fillBuckets([{ ...EMPTY, dates: "03-01-2026 19:00", total_impressions: 9 }, row], buckets);
    expect(filled).toEqual([undefined, row]);
    expect(sumOf(filled, "total_impressions")).toBe(4);
  });
});

describe("lost impressions", () => {
  const rows = [
    { ...EMPTY, total_impressions: 90, lostByReason: { "new-creative": 6, "cdn-error": 1 } },
    undefined,
    { ...EMPTY, total_impressions: 0, lostByReason: { "repackage-in-progress": 4, "vast-407": 1, "cdn-error": 9 } },
  ];

  test("are summed up by reason, the worst first", () => {
    expect(sumLabels(rows, "lostByReason")).toEqual([
      ["cdn-error", 10],
      ["new-creative", 6],
      ["repackage-in-progress", 4],
      ["vast-407", 1],
    ]);
  });

  test("to format are a share of all that could be shown, and of the first encounters alone", () => {
    const days = [
      { ...EMPTY, total_impressions: 90, savedImpressions: 4, lostToFormat: 6 },
      undefined,
      { ...EMPTY, lostToFormat: 5 },
      { ...EMPTY, total_impressions: 3 },
    ];
    expect(days.map((row) => fillInSpiteOfFormat(row))).toEqual([90 / 96, undefined, 0, 1]);
    expect(days.map((row) => firstEncounterFill(row))).toEqual([0.4, undefined, 0, undefined]);
  });

  test("are stacked by the five worst reasons, all others being one", () => {
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, place) => [`reason-${place}`, 10 - place]));
    const series = stackReasons([{ ...EMPTY, lostByReason: many }, undefined], "lostByReason");
    expect(series.map(({ name, values }) => [name, ...values])).toEqual([
      ["reason-0", 10, 0],
      ["reason-1", 9, 0],
      ["reason-2", 8, 0],
      ["reason-3", 7, 0],
      ["reason-4", 6, 0],
      ["2 others", 9, 0],
    ]);
    expect(stackReasons(rows, "lostByReason")).toHaveLength(4);
    expect(stackReasons(rows, "skipReasons")).toEqual([]);
  });
});

test("a share that is not all, or not nothing, is never written as if it were", () => {
  expect([0, 0.00001, 0.5, 0.99999, 1, undefined].map(formatShare)).toEqual([
    "0 %",
    "0.1 %",
    "50 %",
    "99.9 %",
    "100 %",
    "–",
  ]);
});

test("times are told by their two largest units", () => {
  expect([0.44, 12, 59.96, 60, 125, 3600, 12_000, 86_400, 360_000].map(formatSeconds)).toEqual([
    "0.4 s",
    "12 s",
    "1 min",
    "1 min",
    "2 min 5 s",
    "1 h",
    "3 h 20 min",
    "1 d",
    "4 d 4 h",
  ]);
});
