/** Whether somebody asks for CSV rather than JSON. */
import { ReportError } from "./report-error.ts";

/**
 * @param format the query's, which goes first
 * @param accept of equal weights the first counts; JSON where it says nothing of either
 * @throws ReportError for a format that there is not
 * @see RFC 9110 §12.5.1
 */
export function wantsCsv(format: unknown, accept = ""): boolean {
  if (format !== undefined && format !== "") {
    if (format === "csv" || format === "json") return format === "csv";
    throw new ReportError(
      undefined,
      `format: expected json or csv, got ${String(JSON.stringify(format)).slice(0, 80)}`,
    );
  }
  const ranges = accept.toLowerCase().split(",").map(readRange);
  const best = ranges.filter(({ weight }) => weight > 0).toSorted((a, b) => b.weight - a.weight);
  return best.find(({ type }) => MEANT.has(type))?.type.startsWith("text/") ?? false;
}

const MEANT: ReadonlySet<string> = new Set(["text/csv", "text/*", "application/json", "application/*", "*/*"]);

function readRange(range: string): { readonly type: string; readonly weight: number } {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  return { type, weight: weight === undefined ? 1 : Number(weight) || 0 };
}
