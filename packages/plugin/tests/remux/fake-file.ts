/** A file behind a server of ranges, as a literal: how each request is answered, and what was asked for. */
import { randomBytes } from "node:crypto";
import type { FetchRange, RangeAnswer } from "../../src/remux/fetch-range.ts";
import type { ByteRange } from "../../src/remux/segment-job.ts";

/** What one request meets; absent members: as a good server has it. */
export interface Answering {
  /** The request fails as it does without CORS. */
  readonly isUnreachable?: boolean;
  /** 200: the whole file, whatever was asked for. */
  readonly status?: number;
  /** CORS hides `Content-Range`. */
  readonly hidesRange?: boolean;
  /** `Content-Length` is not said. */
  readonly hidesLength?: boolean;
  /** The size that is claimed. */
  readonly size?: number;
  /** Bytes that it begins too late. */
  readonly shift?: number;
  /** The connection breaks after so many bytes. */
  readonly breaksAt?: number;
  /** Nothing more comes after so many bytes. */
  readonly fallsSilentAt?: number;
  /** Bytes per chunk. Default 1000. */
  readonly chunk?: number;
  /** Where redirects lead. */
  readonly url?: string;
  /** Nothing is answered before. */
  readonly until?: Promise<unknown>;
}

export interface FakeFile {
  readonly bytes: Uint8Array;
  readonly url: URL;
  readonly fetchRange: FetchRange;
  /** `start-end`, end exclusive, in the order in which they were asked for. */
  readonly asked: string[];
  /** Whole addresses. */
  readonly urls: string[];
  /** Requests that the page has ended. */
  readonly cancelled: string[];
}

export function createFakeFile(
  size: number | Uint8Array,
  answer: (request: number, range: ByteRange) => Answering = () => ({}),
): FakeFile {
  const bytes = typeof size === "number" ? new Uint8Array(randomBytes(size)) : size;
  const asked: string[] = [];
  const urls: string[] = [];
  const cancelled: string[] = [];
  const fetchRange: FetchRange = async (url, range, signal) => {
    const name = `${range.start}-${range.end}`;
    const answering = answer(asked.length, range);
    asked.push(name);
    urls.push(url.href);
    await answering.until;
    signal.throwIfAborted();
    if (answering.isUnreachable) throw new TypeError("Failed to fetch");
    return respond(bytes, url, range, answering, () => cancelled.push(name));
  };
  return { bytes, url: new URL("https://ads.example/spot.mp4"), fetchRange, asked, urls, cancelled };
}

function respond(bytes: Uint8Array, url: URL, range: ByteRange, how: Answering, onCancel: () => void): RangeAnswer {
  const { shift = 0, size = bytes.length } = how;
  const status = how.status ?? (range.start < bytes.length ? 206 : 416);
  const start = status === 206 ? range.start + shift : 0;
  const end = status === 206 ? Math.min(range.end + shift, bytes.length) : bytes.length;
  const hasBody = status === 200 || status === 206;
  const told = status === 416 ? `bytes */${size}` : `bytes ${start}-${end - 1}/${size}`;
  return {
    status,
    contentRange: how.hidesRange || status === 200 ? undefined : told,
    contentLength: how.hidesLength || !hasBody ? undefined : end - start,
    body: hasBody ? createBody(bytes.subarray(start, end), how, onCancel) : null,
    url: new URL(how.url ?? url.href),
  };
}

function createBody(
  bytes: Uint8Array,
  { chunk = 1000, breaksAt = Infinity, fallsSilentAt = Infinity }: Answering,
  onCancel: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= breaksAt) return controller.error(new TypeError("network error"));
      if (at >= fallsSilentAt) return new Promise(() => undefined);
      if (at >= bytes.length) return controller.close();
      const end = Math.min(at + chunk, breaksAt, fallsSilentAt, bytes.length);
      controller.enqueue(new Uint8Array(bytes.slice(at, end)));
      at = end;
    },
    cancel: onCancel,
  });
}
