/**
 * What is told when content cannot be had: one sentence for each way in which an origin fails. What exactly came is in the log.
 *
 * @see docs/manifest-server.md, the table of errors
 */
import { AdError, type AdErrorCode } from "@interlude/core";
import { HttpError, type HttpErrorCode } from "../http-error.ts";

/** The header by which an origin says that what it no longer has will not come back (primetime.md §1.10). */
export const TOO_OLD_HEADER = "x-object-too-old";

/** For an origin's answer that is no playlist; a redirect is one that leads nowhere. */
export function contentStatusError(status: number, headers: Headers): HttpError {
  const got = `expected status 200 of its origin, got ${status}`;
  if (status === 404 && headers.get(TOO_OLD_HEADER)?.trim().toLowerCase() === "true") {
    return new HttpError("content-too-old", `content playlist: ${got}, because it is too old`);
  }
  if (status === 404 || status === 410) return new HttpError("content-not-found", `content playlist: ${got}`);
  if (status === 401 || status === 403) return new HttpError("content-forbidden", `content playlist: ${got}`);
  return new HttpError("content-unavailable", `content playlist: ${got}`);
}

/** @param expected what the address was to hold */
export function contentMalformed(expected: string, got: string, cause?: unknown): HttpError {
  return new HttpError("content-malformed", `content playlist: expected ${expected}, got ${got}`, { cause });
}

const SENTENCE: Readonly<Partial<Record<AdErrorCode, readonly [code: HttpErrorCode, sentence: string]>>> = {
  "upstream-timeout": ["content-timeout", "expected a complete answer of its origin in time, got none"],
  "upstream-unreachable": ["content-unavailable", "expected an answer of its origin, got none that is whole"],
  "upstream-status": ["content-unavailable", "expected status 200 of its origin, got another"],
  "response-too-large": ["content-too-large", "expected at most 5 MB, got more"],
  "playlist-malformed": ["content-malformed", "expected HLS (RFC 8216), got something else"],
};

/** The error for the client; `address-refused` and what is no {@link AdError} stay as they are. */
export function translateContentError(error: unknown): unknown {
  const known = error instanceof AdError ? SENTENCE[error.code] : undefined;
  if (known === undefined) return error;
  const [code, sentence] = known;
  return new HttpError(code, `content playlist: ${sentence}`, { cause: error });
}

/** Whether an origin may be all right again in a moment, so that what it last said still counts for a while. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  return error.code === "content-unavailable" || error.code === "content-timeout";
}
