/**
 * The report as CSV. Beacons are a stranger's words, and a spreadsheet runs a cell that begins like a formula: such cells get an
 * apostrophe in front.
 *
 * @see RFC 4180; OWASP CSV injection
 */

/** Only texts are guarded against formulas: numbers are ours. */
export type CsvCell = string | number | undefined;

/** A header line and one line per row, CRLF; undefined is an empty cell. */
export function formatCsv(header: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(formatCell).join(",")}\r\n`).join("");
}

function formatCell(cell: CsvCell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  const safe = /^[\s]*[=+\-@\t\r|%＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n;]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
