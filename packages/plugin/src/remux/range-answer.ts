/**
 * What an answer to a request for a range is: which bytes of the file its body holds, and how long the file is. Servers that send the
 * whole file instead are taken as they are; one that sends other bytes than were asked for is not read.
 *
 * @see RFC 9110 §14.4 (Content-Range), §15.3.7 (206), §15.5.17 (416)
 */
import type { RangeAnswer } from "./fetch-range.ts";
import { MediaRefusal } from "./movie.ts";
import type { ByteRange } from "./segment-job.ts";

/** Where a body belongs. */
export interface PlacedBody extends ByteRange {
  /** Bytes of the file; undefined: not said. */
  readonly size: number | undefined;
  /** Whether `end` was told: a body that ends before it was cut off then, else the file ends there. */
  readonly isEndTold: boolean;
}

/** Worth one more try. */
export class TransferError extends Error {
  override readonly name = "TransferError";
}

/** @throws TransferError for a status that may be another one next time; MediaRefusal `source-unreadable` for a wrong range */
export function placeBody(answer: RangeAnswer, asked: ByteRange): PlacedBody {
  const { status, contentRange, contentLength, url } = answer;
  if (status === 200) return placeWhole(contentLength);
  if (status === 416) return placeNothing(contentRange, asked);
  if (status !== 206) throw new TransferError(`${url.href}: expected status 206, got ${status}`);
  if (contentRange === undefined) return placeUntold(answer, asked);
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(contentRange);
  const [start, end] = [Number(match?.[1]), Number(match?.[2]) + 1];
  if (!match || start !== asked.start || end <= start || end > asked.end)
    throw unreadable(url, `bytes ${asked.start}-${asked.end - 1}`, contentRange);
  const size = match[3] === "*" ? undefined : Number(match[3]);
  if (size !== undefined && size < end) throw unreadable(url, "a range within the file", contentRange);
  return { start, end, size, isEndTold: true };
}

function placeWhole(size: number | undefined): PlacedBody {
  return { start: 0, end: size ?? Infinity, size, isEndTold: size !== undefined };
}

/** The file ends before what was asked for. */
function placeNothing(contentRange: string | undefined, { start }: ByteRange): PlacedBody {
  const total = /^bytes \*\/(\d{1,15})$/.exec(contentRange ?? "")?.[1];
  return { start, end: start, size: Math.min(total === undefined ? start : Number(total), start), isEndTold: true };
}

/** CORS hides which bytes came: they are those that were asked for, unless there are too many. */
function placeUntold({ contentLength, url }: RangeAnswer, { start, end }: ByteRange): PlacedBody {
  if (contentLength === undefined) return { start, end, size: undefined, isEndTold: false };
  if (contentLength > end - start) throw unreadable(url, `${end - start} bytes`, `${contentLength}`);
  const last = start + contentLength;
  return { start, end: last, size: last < end ? last : undefined, isEndTold: true };
}

function unreadable(url: URL, expected: string, got: string): MediaRefusal {
  return new MediaRefusal("source-unreadable", `${url.href}: expected ${expected}, got ${got}`);
}
