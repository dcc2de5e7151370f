/**
 * What a report is asked for: `startDate`, `endDate`, `groupBy`, `filters`, `metaData`, `page`, `size`, `unpaged` as Primetime's report
 * API has them; of ours are more dimensions, `orderBy`, `marks`, `utcOffset` and `format`.
 *
 * @see primetime.md §2.10 (report API)
 */
import { MARKS } from "./marks.ts";
import { isReportCount, type ReportCount } from "./report-counts.ts";
import { ReportError } from "./report-error.ts";

/** What a row may be of, beside its time; the members of its row are named so. */
export const REPORT_DIMENSIONS = [
  "ad_config_id",
  "zone_id",
  "zone",
  "creative",
  "ad",
  "lineItem",
  "upstream",
  "reason",
  "error",
] as const;
export type ReportDimension = (typeof REPORT_DIMENSIONS)[number];

/** Years, months, days, hours. */
export const REPORT_PERIODS = ["y", "m", "d", "h"] as const;
export type ReportPeriod = (typeof REPORT_PERIODS)[number];

export interface ReportRequest {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  /** Whole hours by which the days of the report are ahead of UTC. */
  readonly utcOffset: number;
  /** undefined: the whole time is one. */
  readonly period: ReportPeriod | undefined;
  /** Each once, in the order in which they were asked for. */
  readonly dimensions: readonly ReportDimension[];
  /** A row's value must be one of those given, in each dimension that is given. */
  readonly filters: ReadonlyMap<ReportDimension, readonly string[]>;
  /** What counts beside what is not marked. */
  readonly marks: readonly (typeof MARKS)[number][];
  /** Rows have the name of their zone. */
  readonly withNames: boolean;
  /** The highest first; undefined: in the order of time and dimensions. */
  readonly orderBy: ReportCount | undefined;
  /** From 0; undefined: all rows. */
  readonly page: { readonly number: number; readonly size: number } | undefined;
}

/** A decoded query string; a list where a parameter is given more than once. */
export type ReportQuery = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const [PAGE_SIZE, MAX_PAGE_SIZE] = [100, 10_000];
const MAX_FILTER_VALUES = 200;
const MAX_TEXT = 500;

/**
 * @param now ms since the epoch: a report may begin and end today, since it has what has just happened
 * @throws ReportError
 */
export function readReportRequest(query: ReportQuery, now: number): ReportRequest {
  const text = (name: string): string | undefined => readText(name, query[name]);
  const utcOffset = readWhole("utcOffset", text("utcOffset"), -12, 14) ?? 0;
  const offsetMs = utcOffset * HOUR_MS;
  const end = readDate("endDate", text("endDate"));
  if (end === undefined) {
    const message = "endDate: expected YYYY-MM-DD, got nothing; GET /report/beacons lists beacons one by one";
    throw new ReportError("missing-parameter", message);
  }
  const start = readDate("startDate", text("startDate")) ?? end;
  if (end < start)
    throw new ReportError("date-range", "endDate: expected not to be before startDate, got an earlier day");
  // A client's clock may be a little ahead of ours at midnight.
  if (end > now + offsetMs + HOUR_MS)
    throw new ReportError("date-range", "endDate: expected not to be after today, got a later day");
  const withNames = readFlag("metaData", text("metaData"));
  const { period, dimensions } = readGroupBy(text("groupBy"));
  return {
    from: new Date(start - offsetMs),
    to: new Date(end + DAY_MS - offsetMs),
    utcOffset,
    period,
    dimensions,
    filters: readFilters(text("filters"), withNames),
    marks: readMarks(text("marks")),
    withNames,
    orderBy: readOrder(text("orderBy")),
    page: readPage(text),
  };
}

/** Empty is as good as left out. */
function readText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string") return value;
  throw new ReportError(undefined, `${name}: expected to be given once, got it more than once`);
}

/** Midnight of the day in UTC, ms since the epoch. */
function readDate(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^[12]\d{3}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // What is no day of its month is taken by some parsers for one of the next.
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(text)) return time;
  throw new ReportError("date-format", `${name}: expected a day as YYYY-MM-DD, got ${quote(text)}`);
}

function readWhole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^[+-]?\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new ReportError(undefined, `${name}: expected a whole number from ${min} to ${max}, got ${quote(text)}`);
}

function readFlag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw new ReportError(undefined, `${name}: expected true or false, got ${quote(text)}`);
}

function readGroupBy(text = ""): Pick<ReportRequest, "period" | "dimensions"> {
  const names = text === "" ? [] : text.split(",").map((name) => name.trim());
  const periods = names.filter(isPeriod);
  const dimensions = names.filter(isDimension);
  const wrong = names.find((name) => !isPeriod(name) && !isDimension(name));
  const expected = `${REPORT_PERIODS.join("|")} and any of ${REPORT_DIMENSIONS.join(", ")}`;
  if (wrong !== undefined) throw new ReportError("group-by", `groupBy: expected ${expected}, got ${quote(wrong)}`);
  if (periods.length > 1) throw new ReportError("group-by", `groupBy: expected one of y|m|d|h, got ${periods.join()}`);
  if (new Set(dimensions).size < dimensions.length) {
    throw new ReportError("group-by", `groupBy: expected each once, got ${quote(text)}`);
  }
  return { period: periods[0], dimensions };
}

function isPeriod(name: string): name is ReportPeriod {
  return REPORT_PERIODS.some((period) => period === name);
}

function isDimension(name: string): name is ReportDimension {
  return REPORT_DIMENSIONS.some((dimension) => dimension === name);
}

/** `key=v1,v2;key2=v3`; a value that has one of `,;=%` in it is percent-encoded once more. */
function readFilters(text: string | undefined, withNames: boolean): ReadonlyMap<ReportDimension, readonly string[]> {
  const filters = new Map<ReportDimension, readonly string[]>();
  let count = 0;
  for (const filter of (text ?? "").split(";").filter((part) => part.trim() !== "")) {
    const at = filter.indexOf("=");
    const key = readKey(filter.slice(0, at < 0 ? filter.length : at).trim(), withNames);
    const values =
      at < 0
        ? []
        : filter
            .slice(at + 1)
            .split(",")
            .map(readValue);
    count += values.length;
    if (values.length === 0) throw new ReportError("filter-key", `filters: expected key=value, got ${quote(filter)}`);
    if (filters.has(key)) throw new ReportError("filter-key", `filters: expected each key once, got ${key} again`);
    if (ZONE_KEYS.has(key)) checkZones(key, values);
    filters.set(key, values);
  }
  if (count <= MAX_FILTER_VALUES) return filters;
  throw new ReportError("filter-key", `filters: expected at most ${MAX_FILTER_VALUES} values, got ${count}`);
}

const ZONE_KEYS: ReadonlySet<ReportDimension> = new Set(["ad_config_id", "zone_id", "zone"]);

function readKey(key: string, withNames: boolean): ReportDimension {
  if (isDimension(key)) return key;
  // A zone has no other name than its id.
  if (key === "name" && withNames) return "zone";
  const names = withNames ? ", name" : "; name needs metaData=true";
  throw new ReportError(
    "filter-key",
    `filters: expected one of ${REPORT_DIMENSIONS.join(", ")}${names}, got ${quote(key)}`,
  );
}

function readValue(encoded: string): string {
  let value = encoded;
  try {
    value = decodeURIComponent(encoded);
  } catch {
    throw new ReportError("filter-key", `filters: expected % to be written as %25, got ${quote(encoded)}`);
  }
  if (value.length <= MAX_TEXT && !/[\p{Cc}\p{Cs}]/u.test(value)) return value;
  const expected = `at most ${MAX_TEXT} characters and no control characters`;
  throw new ReportError("filter-key", `filters: expected ${expected} in a value, got ${quote(value)}`);
}

function checkZones(key: string, values: readonly string[]): void {
  if (values.every((value) => value === "")) {
    throw new ReportError("no-zones", `filters: expected a zone in ${key}, got none`);
  }
  const wrong = values.find((value) => !/^[\w-]{1,64}$/.test(value));
  if (wrong === undefined) return;
  throw new ReportError("id", `filters: expected the id of a zone in ${key}, got ${quote(wrong)}`);
}

function readMarks(text = ""): ReportRequest["marks"] {
  const names = text === "" ? [] : text.split(",").map((name) => name.trim());
  if (names.includes("all")) return MARKS;
  const wrong = names.find((name) => !MARKS.some((mark) => mark === name));
  if (wrong === undefined) return MARKS.filter((mark) => names.includes(mark));
  throw new ReportError(undefined, `marks: expected some of ${MARKS.join(", ")} or all, got ${quote(wrong)}`);
}

function readOrder(text: string | undefined): ReportCount | undefined {
  if (text === undefined || isReportCount(text)) return text;
  throw new ReportError(undefined, `orderBy: expected the name of a count, got ${quote(text)}`);
}

function readPage(text: (name: string) => string | undefined): ReportRequest["page"] {
  const isUnpaged = readFlag("unpaged", text("unpaged"));
  const number = readWhole("page", text("page"), 0, 100_000) ?? 0;
  const size = readWhole("size", text("size"), 1, MAX_PAGE_SIZE) ?? PAGE_SIZE;
  return isUnpaged ? undefined : { number, size };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
