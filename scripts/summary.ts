/**
 * Adds up the JSON reports of the test runners and prints the one line that continuous integration reads:
 * `N passed, N failed, N skipped`. A report that is missing or counts nothing is an error.
 *
 * @see vitest `--reporter=json` (numPassedTests …) and @playwright/test `json` reporter (stats.expected …)
 */
import { existsSync, readFileSync } from "node:fs";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function numberAt(value: unknown, ...path: readonly string[]): number {
  let at = value;
  for (const key of path) at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  return typeof at === "number" ? at : 0;
}

function countUnit(report: unknown): Counts {
  return {
    passed: numberAt(report, "numPassedTests"),
    failed: numberAt(report, "numFailedTests") + numberAt(report, "numRuntimeErrorTestSuites"),
    skipped: numberAt(report, "numPendingTests") + numberAt(report, "numTodoTests"),
  };
}

function countEndToEnd(report: unknown): Counts {
  return {
    passed: numberAt(report, "stats", "expected"),
    failed: numberAt(report, "stats", "unexpected") + numberAt(report, "stats", "flaky"),
    skipped: numberAt(report, "stats", "skipped"),
  };
}

const reports: readonly (readonly [string, (report: unknown) => Counts])[] = [
  [".interlude/reports/unit.json", countUnit],
  [".interlude/reports/e2e.json", countEndToEnd],
  [".interlude/reports/alone.json", countEndToEnd],
];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [path, count] of reports) {
  const counts = count(existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined);
  if (counts.passed + counts.failed === 0) {
    console.error(`${path}: expected test results, got none`);
    process.exitCode = 1;
  }
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (total.failed > 0) process.exitCode = 1;
