/** One line of the benchmark's table; values are printed as they are. */
export interface Row {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly budget: string;
  readonly note: string;
}

/** The middle value, of two the mean; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = sorted.length % 2 === 0 ? [sorted[middle - 1], sorted[middle]] : [sorted[middle], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** The note of a row that has a budget. */
export function verdict(isKept: boolean, note: string): string {
  return isKept ? note : `MISSED; ${note}`;
}

/** A Markdown table. */
export function formatTable(rows: readonly Row[]): string {
  const head = ["measured", "ours", "theirs", "ratio", "budget", "note"];
  const cells = rows.map((row) => [row.name, row.ours, row.theirs, row.ratio, row.budget, row.note]);
  const line = (list: readonly string[]): string => `| ${list.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...cells.map(line)].join("\n");
}
