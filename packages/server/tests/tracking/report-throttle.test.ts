import { expect, test } from "vitest";
import { createThrottle } from "../../src/tracking/report-throttle.ts";
import { wantsCsv } from "../../src/tracking/wants-csv.ts";

test("of twelve requests within five seconds five are answered at once, five after five seconds, two not at all", async () => {
  let time = 1_000;
  const waits: number[] = [];
  const throttle = createThrottle({ now: () => time, wait: async (ms) => waits.push(ms) });
  const outcomes: string[] = [];
  for (let request = 0; request < 12; request += 1) {
    time += 100;
    const before = waits.length;
    const outcome = await throttle("203.0.113.9").then(
      () => (waits.length > before ? "late" : "now"),
      (error: { code: string; retryAfterSeconds: number }) => `${error.code} ${error.retryAfterSeconds}`,
    );
    outcomes.push(outcome);
  }
  const repeat = (text: string): readonly string[] => Array.from({ length: 5 }, () => text);
  // The first of the ten was at 1,100 ms, these two are at 2,100 and 2,200 ms.
  expect(outcomes).toEqual([...repeat("now"), ...repeat("late"), "quota-exceeded 4", "quota-exceeded 3.9"]);
  expect(waits).toEqual([5000, 5000, 5000, 5000, 5000]);
});

test("another client's requests delay nobody, and what is five seconds old counts no more", async () => {
  let time = 0;
  const waits: number[] = [];
  const throttle = createThrottle({ now: () => time, wait: async (ms) => waits.push(ms) });
  for (let request = 0; request < 10; request += 1) await throttle("203.0.113.9");
  expect(waits).toHaveLength(5);
  await throttle("203.0.113.10");
  time = 4_999;
  await expect(throttle("203.0.113.9")).rejects.toThrow("report: expected at most 10 requests in 5 s, got more");
  time = 5_000;
  await throttle("203.0.113.9");
  expect(waits).toHaveLength(5);
});

test.each([
  [undefined, undefined, false],
  [undefined, "*/*", false],
  [undefined, "text/csv", true],
  [undefined, "text/csv, */*;q=0.1", true],
  [undefined, "application/json, text/csv;q=0.9", false],
  [undefined, "application/json;q=0.2, TEXT/CSV; q=0.5", true],
  [undefined, "text/csv;q=0, */*", false],
  [undefined, "text/html,application/xhtml+xml,*/*;q=0.8", false],
  [undefined, "text/csv;q=x", false],
  ["csv", "application/json", true],
  ["json", "text/csv", false],
  ["", "text/csv", true],
])("format %j and Accept %j: CSV %s", (format, accept, isCsv) => {
  expect(wantsCsv(format, accept)).toBe(isCsv);
});
