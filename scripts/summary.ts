/**
 * Adds up the JSON reports of the test runners and prints, behind the name of each test that failed, the one line that
 * continuous integration reads: `N passed, N failed, N skipped`. A report that is missing or counts nothing is an error.
 *
 * @see vitest `--reporter=json` (numPassedTests …) and @playwright/test `json` reporter (stats.expected …)
 */
import { existsSync, readFileSync } from "node:fs";

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** File, title and first line of what went wrong, a text for each test. */
  readonly failures: readonly string[];
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  return at;
}

function numberAt(value: unknown, ...path: readonly string[]): number {
  const at = valueAt(value, ...path);
  return typeof at === "number" ? at : 0;
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const at = valueAt(value, ...path);
  return typeof at === "string" ? at : "";
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const at = valueAt(value, ...path);
  return Array.isArray(at) ? at : [];
}

const nameFailure = (file: string, title: string, message: string): string =>
  `${file} > ${title}: ${message.split("\n")[0] ?? ""}`;

function readUnit(report: unknown): Result {
  const failures = listAt(report, "testResults").flatMap((file) => {
    const failed = listAt(file, "assertionResults").filter((test) => textAt(test, "status") === "failed");
    const path = textAt(file, "name");
    // a file that cannot be loaded has failed without a test
    if (failed.length === 0 && textAt(file, "status") === "failed")
      return [nameFailure(path, "-", textAt(file, "message"))];
    return failed.map((test) =>
      nameFailure(path, textAt(test, "fullName"), listAt(test, "failureMessages").map(String).join("\n")),
    );
  });
  return {
    passed: numberAt(report, "numPassedTests"),
    failed: numberAt(report, "numFailedTests") + numberAt(report, "numRuntimeErrorTestSuites"),
    skipped: numberAt(report, "numPendingTests") + numberAt(report, "numTodoTests"),
    failures,
  };
}

function listEndToEndFailures(suite: unknown): readonly string[] {
  const own = listAt(suite, "specs").flatMap((spec) =>
    listAt(spec, "tests")
      .filter((test) => ["unexpected", "flaky"].includes(textAt(test, "status")))
      .map((test) => {
        const messages = listAt(test, "results").flatMap((result) =>
          listAt(result, "errors").map((error) => textAt(error, "message")),
        );
        const place = `${textAt(spec, "file")}:${numberAt(spec, "line")} [${textAt(test, "projectName")}]`;
        return nameFailure(place, textAt(spec, "title"), messages.join("\n"));
      }),
  );
  return [...own, ...listAt(suite, "suites").flatMap(listEndToEndFailures)];
}

function readEndToEnd(report: unknown): Result {
  return {
    passed: numberAt(report, "stats", "expected"),
    failed: numberAt(report, "stats", "unexpected") + numberAt(report, "stats", "flaky"),
    skipped: numberAt(report, "stats", "skipped"),
    failures: listAt(report, "suites").flatMap(listEndToEndFailures),
  };
}

const reports: readonly (readonly [string, (report: unknown) => Result])[] = [
  [".interlude/reports/unit.json", readUnit],
  [".interlude/reports/e2e.json", readEndToEnd],
  [".interlude/reports/alone.json", readEndToEnd],
];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [path, read] of reports) {
  const result = read(existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined);
  if (result.passed + result.failed === 0) {
    console.error(`${path}: expected test results, got none`);
    process.exitCode = 1;
  }
  for (const failure of result.failures) console.log(`failed: ${failure}`);
  total.passed += result.passed;
  total.failed += result.failed;
  total.skipped += result.skipped;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (total.failed > 0) process.exitCode = 1;
