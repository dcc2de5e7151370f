/**
 * What the report refuses, with the numbers that Primetime's report API has for it. The answer has both forms: `error_code` and
 * `message` as there, and `error` as everywhere else on this server.
 *
 * @see primetime.md §2.10 (report API)
 */
import { codeOf, HttpError } from "../http-error.ts";

/** 4001008, zones not of one account, does not arise: the token is one account's. */
const NUMBER = {
  user: "4001007",
  internal: "5001010",
  "date-format": "4001011",
  "date-range": "4001012",
  "missing-parameter": "4001013",
  "no-zones": "4001014",
  "filter-key": "4001015",
  "group-by": "4001016",
  id: "4001017",
} as const;

/** A report that cannot be made as it was asked for; 400. */
export class ReportError extends HttpError {
  /** undefined: Primetime has no number for it. */
  readonly number: string | undefined;

  constructor(kind: keyof typeof NUMBER | undefined, message: string) {
    super("invalid-request", message);
    this.number = kind && NUMBER[kind];
  }
}

/** Primetime's number of an error; undefined where it has none. */
export function reportErrorNumber(error: Error): string | undefined {
  if (error instanceof ReportError) return error.number;
  const code = codeOf(error);
  if (code === "unauthorized") return NUMBER.user;
  return code === "internal" ? NUMBER.internal : undefined;
}
